"""docs/tables.md: what it calls stable is there, and cannot change without a new version of the tables."""

import hashlib
import re
from pathlib import Path

import pytest

from tasks.stations.summary import SCHEMA_VERSION
from tests.conftest import rows

PAGE = (Path(__file__).parents[1] / "docs" / "tables.md").read_text(encoding="utf-8")
STABLE = dict(re.findall(r"^\| `([\w(), :=]+)` \| ((?:`\w+` [\w\[\]]+(?:, )?)+) \|$", PAGE, re.MULTILINE))
TABLES = {name: columns for name, columns in STABLE.items() if "(" not in name}
MACROS = {name: columns for name, columns in STABLE.items() if "(" in name}
VERSIONS = re.findall(r"^\| (\d+\.\d+) \| .* \| `(\w{8})` \|$", PAGE, re.MULTILINE)


def listed(columns: str) -> dict[str, str]:
    """The columns of a line of the page: type by name."""
    return dict(re.findall(r"`(\w+)` ([\w\[\]]+)", columns))


def fingerprint() -> str:
    """What changes with whatever the page calls stable."""
    return hashlib.sha256("\n".join(f"{name}: {STABLE[name]}" for name in sorted(STABLE)).encode()).hexdigest()[:8]


@pytest.mark.parametrize("table", TABLES)
def test_a_stable_table_has_the_columns_of_the_page(table, reader):
    found = dict(rows(reader, f"select column_name, lower(column_type) from (describe {table})"))  # noqa: S608
    assert {name: found.get(name) for name in listed(TABLES[table])} == listed(TABLES[table])


@pytest.mark.parametrize("macro", MACROS)
def test_a_stable_macro_has_the_parameters_and_columns_of_the_page(macro, reader):
    name, parameters = re.fullmatch(r"(\w+)\((.*)\)", macro).groups()
    query = "select parameters from duckdb_functions() where function_name = $1 and not internal"
    [(found,)] = rows(reader, query, name)
    needed = [word for word in parameters.split(", ") if ":=" not in word]
    values = {"user_id": "1", "movie_id": "1", "since": "timestamp '1970-01-01'"}
    call = f"{name}({', '.join(values[word] for word in needed)})"
    described = rows(reader, f"select column_name, lower(column_type) from (describe from {call})")  # noqa: S608
    assert found == [word.partition(" :=")[0] for word in parameters.split(", ")]
    assert dict(described) == listed(MACROS[macro])


def test_what_is_stable_changes_with_the_version_alone():
    assert len(TABLES) >= 10
    assert VERSIONS[0] == (SCHEMA_VERSION, fingerprint()), (
        "What docs/tables.md calls stable has changed: raise SCHEMA_VERSION in tasks/stations/summary.py, and add a "
        f"line with it and the fingerprint {fingerprint()} at the top of the versions. Released lines never change."
    )
    assert sorted(VERSIONS, reverse=True) == VERSIONS
