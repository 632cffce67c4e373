"""What the command line tells people of warnings, errors and wrong options."""

import sys
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from rich.console import Console
from rich.text import Text

from flows.config import EvaluateOptions, RetrainOptions
from flows.terminal import console, shown
from tasks.errors import CineclusterError


def print_warning(message: Warning | str, *_: Any) -> None:
    """Print what a warning says, to standard error, without the line of code that it comes from."""
    Console(stderr=True).print(Text(shown(str(message)), style="yellow"), soft_wrap=True)


def message_of(error: Exception) -> str:
    """Return what to tell the user of an error."""
    if isinstance(error, CineclusterError):
        return str(error)
    if str(error).startswith("Failed to reach API"):
        return (
            f"{error}. Start this Prefect server, or run without one: unset the variable PREFECT_API_URL, "
            "or `prefect config unset PREFECT_API_URL`."
        )
    return f"{type(error).__name__}: {error}"


def faults_of(error: ValidationError) -> list[str]:
    """Return a line for each bad option: its value, what it should be, and what it is for."""
    fields = RetrainOptions.model_fields | EvaluateOptions.model_fields
    faults: dict[str, list[ErrorDetails]] = {}
    for fault in error.errors():
        faults.setdefault(str(fault["loc"][0]), []).append(fault)
    lines = []
    for name, every in faults.items():
        wanted = " or ".join(wanted_by(fault["msg"]) for fault in every)
        lines.append(f"--{name.replace('_', '-')} {every[0]['input']!s:.80}: {wanted}. {fields[name].description}")
    return lines


def wanted_by(message: str) -> str:
    """Return what a value should be, out of what Pydantic says of one that is not."""
    _, own, reason = message.partition("Value error, ")
    return reason if own else message.partition(" ")[2].partition(", unable to")[0]


def fail(message: str, code: int) -> NoReturn:
    """Print a message to standard error, after all that was printed before, and exit."""
    console.file.flush()
    Console(stderr=True).print(Text(shown(message), style="red"), soft_wrap=True)
    sys.exit(code)
