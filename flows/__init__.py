"""Prefect flows. Importing them applies the project's ``prefect.toml`` in whichever folder that happens."""

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
