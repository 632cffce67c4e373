"""Connections to DuckDB files, and the statements in ``sql/``."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from tasks.errors import CineclusterError
from tasks.faults import first_line

OLDEST_READER = "v1.5.0"  # DuckDB 1.5 clients can open what is written
DESCRIPTION = re.compile(r"^-- (\w+): (.+)$", re.MULTILINE)

UNREADABLE = (
    duckdb.CatalogException,
    duckdb.IOException,
    duckdb.SerializationException,
    duckdb.FatalException,
    duckdb.InternalException,
)


@contextmanager
def connect(
    database: Path, memory_limit: str | None = None, threads: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database file for building tables, and close it again.

    Parameters
    ----------
    database : path of the file, made if it is missing.
    memory_limit : such as ``"4GB"``; DuckDB's own default where None.
    threads : DuckDB's threads; all cores where None.
    """
    config: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": OLDEST_READER}
    if memory_limit:
        config["memory_limit"] = memory_limit
    if threads:
        config["threads"] = threads
    connection = duckdb.connect(database, config=config)
    try:
        connection.execute("set enable_progress_bar = false")
        yield connection
    finally:
        connection.close()


@contextmanager
def connect_to_published(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open published tables for reading only: no file access, no change of settings.

    Raises
    ------
    CineclusterError
        If there is no such file, it is not a DuckDB database, it is damaged, or it lacks a table that is read.
    """
    if not database.is_file():
        fault = "is a folder. --database is a file" if database.is_dir() else "no such database"
        raise CineclusterError(f"{database}: {fault}. `cinecluster retrain` makes it.")
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": False,
        "lock_configuration": True,
    }
    try:
        connection = duckdb.connect(database.absolute(), read_only=True, config=config)
    except duckdb.Error as error:
        raise not_readable(database, error) from error
    try:
        yield connection
    except UNREADABLE as error:
        raise not_readable(database, error) from error
    finally:
        connection.close()


def not_readable(database: Path, error: Exception) -> CineclusterError:
    """Return what to say of a published file that is damaged, or that something else made."""
    return CineclusterError(
        f"{database}: cannot be read as a database of cinecluster: {first_line(error)}. If it is damaged, `cinecluster "
        "rollback` brings the version before it back; if something else made it, choose another --database."
    )


@cache
def statement(name: str) -> str:
    """Return the text of ``sql/<name>.sql``."""
    return files("sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def run(connection: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Run ``sql/<name>.sql`` with the bound parameters and return its rows."""
    return connection.execute(statement(name), parameters).fetchall()


def describe_tables(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Copy the opening comments of ``sql/<name>.sql`` into the database, as comments on what is called so.

    The first line describes the table, the following ``-- column: text`` lines its columns; of a view or macro all
    lines are one text.
    """
    for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall():
        header = statement(table).split("create", 1)[0]
        for name, text in DESCRIPTION.findall(header):
            target = f"table {table}" if name == table else f"column {table}.{name}"
            suffix = f" [run {run_id}]" if run_id and name == table else ""
            comment_on(connection, target, text + suffix)
    for kind, name in run(connection, "views_and_macros"):
        header = statement(name).split("create", 1)[0].replace("\n-- ", " ").strip()
        comment_on(connection, f"{kind} {name}", header.partition(": ")[2])


def comment_on(connection: duckdb.DuckDBPyConnection, target: str, text: str) -> None:
    """Set a comment; ``comment on`` takes no parameters, so the text, which is ours, is quoted here."""
    literal = text.replace("'", "''")
    connection.execute(f"comment on {target} is '{literal}'")
