"""Prefect flows. Importing them applies the project's ``prefect.toml`` in whichever folder that happens."""

import atexit
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SETTINGS = Path(__file__).parents[1] / "prefect.toml"


def _variables(settings: dict[str, Any], prefix: str = "PREFECT") -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _variables(value, f"{prefix}_{name.upper()}")
        else:
            yield f"{prefix}_{name.upper()}", str(value)


if SETTINGS.is_file():
    for _name, _value in _variables(tomllib.loads(SETTINGS.read_text(encoding="utf-8"))):
        os.environ.setdefault(_name, _value)


def _be_quiet_at_exit() -> None:
    """Drop what is written to standard error while the interpreter ends.

    DuckDB's binding reports there every object that lives as long as the process. This runs after all other
    clean-up, for it is registered first.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


atexit.register(_be_quiet_at_exit)
