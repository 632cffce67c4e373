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
DESCRIPTION = re.compile(r"^-- (\w+)(?:\(.*?\))?: (.+(?:\n-- (?!\w+: ).+)*)", re.MULTILINE)

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


def versions_of(database: Path) -> Path:
    """Return the folder of the versions of a published file, which a link may point to."""
    database = database.resolve()
    return database.with_name(f".{database.stem if database.suffix == '.duckdb' else f'{database.name}.versions'}")


def overlay_of(database: Path, run_id: str) -> Path:
    """Return the path of what changed since the run whose tables are published."""
    return versions_of(database) / f"overlay-{run_id}.json"


@contextmanager
def connect_to_published(database: Path, home: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open published tables for reading only: no change of settings, no access to files but the tables' overlay.

    ``home`` is where they will be published, if that is not ``database``: the overlay lies there.

    Raises
    ------
    CineclusterError
        If there is no such file, it is not a DuckDB database, it is damaged, or it lacks a table that is read.
    """
    require_published(database)
    try:
        connection = duckdb.connect(database.absolute(), read_only=True)
    except duckdb.Error as error:
        raise not_readable(database, error) from error
    try:
        close_off(connection, home or database)
        yield connection
    except UNREADABLE as error:
        raise not_readable(database, error) from error
    finally:
        connection.close()


def require_published(database: Path) -> None:
    """Raise a CineclusterError if there is no such file."""
    if not database.is_file():
        fault = "is a folder. --database is a file" if database.is_dir() else "no such database"
        raise CineclusterError(f"{database}: {fault}. `cinecluster retrain` makes it.")


def close_off(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    """Let a connection to published tables read their overlay and no other file, wherever the tables were made."""
    path = None
    if connection.execute("select 1 from duckdb_tables() where table_name = 'runs'").fetchall():
        [(run_id,)] = connection.execute("select last(run_id) from runs").fetchall()
        path = overlay_of(database, str(run_id))
        connection.execute("set variable overlay = $path", {"path": literal_path(path)})
    if connection.execute("select current_setting('lock_configuration')").fetchall() == [(True,)]:
        return  # another connection of this process did this: they share the settings
    if path:
        connection.execute("set allowed_paths = $paths", {"paths": [str(path), str(staged(path))]})
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def staged(overlay: Path) -> Path:
    """Return where an overlay is written before it takes the place of the one before."""
    return overlay.with_suffix(".new")


def literal_path(path: Path) -> str:
    """Return the path as DuckDB's readers want it: with glob characters taken literally."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))


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

    The first entry, ``-- name: text``, describes the table, view or macro, the following ones its columns.
    """
    for kind, relation in run(connection, "described"):
        own_name = relation.removesuffix("_retrained")
        for name, text in DESCRIPTION.findall(statement(own_name).split("create", 1)[0]):
            target = f"{kind} {relation}" if name == own_name else f"column {relation}.{name}"
            suffix = f" [run {run_id}]" if run_id and name == own_name else ""
            comment_on(connection, target, text.replace("\n--", "") + suffix)


def comment_on(connection: duckdb.DuckDBPyConnection, target: str, text: str) -> None:
    """Set a comment; ``comment on`` takes no parameters, so the text, which is ours, is quoted here."""
    literal = text.replace("'", "''")
    connection.execute(f"comment on {target} is '{literal}'")
