"""How the command speaks: to people, and to programs."""

import csv
import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text


class Output(Console):
    """A console that leaves it to the command what it means that nobody reads on."""

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError that is being handled."""
        raise


console = Output()
aside = Console(stderr=True)


def say(message: str, to: Console = console) -> None:
    """Print a message as it is."""
    to.print(Text(shown(message)), soft_wrap=True)


def shown(text: str) -> str:
    """Return a text with a mark in place of every character that could steer a terminal; line ends stay."""
    return "".join(character if character.isprintable() or character == "\n" else "\ufffd" for character in text)


def print_json(value: object) -> None:
    """Print a value as JSON, in characters that steer no terminal."""
    print(json.dumps(value, allow_nan=False), flush=True)


def print_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows as comma-separated values; what is in a list is separated by |, as genres are in movies.csv."""
    file = csv.writer(sys.stdout, lineterminator="\n")
    file.writerow(columns)
    file.writerows([cell(value) for value in row] for row in rows)
    sys.stdout.flush()


def cell(value: object) -> str:
    """Return a value of a CSV file: a number as JSON spells it, nothing for None."""
    if isinstance(value, list):
        value = "|".join(map(str, value))
    return "" if value is None else shown(value if isinstance(value, str) else json.dumps(value))
