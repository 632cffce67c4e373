"""Kinds of options, with the bounds of their values, and fields that have them."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from flows.presets import PRESETS
from tasks.files import fault_of_name

FEWEST_USERS = 10  # of a sample that anything is measured on
SMALLEST_MEMORY = 64_000_000  # bytes


def with_good_name(path: Path) -> Path:
    """Return a path whose names can be used."""
    if fault := fault_of_name(path):
        raise ValueError(f"{str(path)!a} {fault}")
    return path


def with_enough(limit: str) -> str:
    """Return a memory limit that DuckDB can work with."""
    number, unit = re.fullmatch(r"([\d.]+)\s*([KMGT])i?B", limit).groups()  # type: ignore[union-attr]
    if float(number) * 1024 ** ("KMGT".index(unit) + 1) < SMALLEST_MEMORY:
        raise ValueError("is less than 64MB")
    return limit


Place = Annotated[Path, AfterValidator(with_good_name)]
Components = Annotated[int, Field(ge=0, le=512)]
MOST_USERS = 2**31 - 1
Count = Annotated[int, Field(ge=1, le=MOST_USERS)]
Clusters = Annotated[int, Field(ge=1, le=10_000)]
FineClusters = Annotated[int, Field(ge=0, le=100_000)]
Users = Annotated[int, Field(ge=FEWEST_USERS, le=MOST_USERS)]
Memory = Annotated[str, Field(pattern=r"^\d{1,4}(\.\d{1,3})?\s*([KMGT]i?B)$"), AfterValidator(with_enough)]
RENAMED = {"watched_weight": "near_weight", "n_nearest_clusters": "n_neighbours", "closeness": "sharpness"}


def preset_field(name: str, description: str, **bounds: Any) -> Any:
    """Return a field whose default is what the preset says."""
    default, article = (shown_default(PRESETS[preset][name]) for preset in ("default", "article"))
    article = f", {article} with --preset article" if article != default else ""
    return Field(default=None, description=f"{description} Default: {default}{article}.", **bounds)


def shown_default(value: object) -> str:
    """Return the default of an option as it is given, ``yes`` and ``no`` for switches, ``all`` for no limit."""
    return "all" if value is None else ("yes" if value else "no") if isinstance(value, bool) else str(value)


def renamed_field(name: str) -> Any:
    """Return a field for the former name of an option."""
    return Field(default=None, description=f"Former name of {name}.", json_schema_extra={"deprecated": True})
