"""Published tables, opened for reading only, and what they say about one user."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from tasks.engine.duckdb import literal_path, run
from tasks.errors import CineclusterError, first_line
from tasks.files import require_name
from tasks.published.filters import NO_FILTERS, Filters
from tasks.published.versions import (
    RUN_ID,
    former_overlays_of,
    overlay_of,
    overlays_of,
    parquet_files_of,
    parquet_of,
    versions_of,
)

UNREADABLE = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.IOException,
    duckdb.PermissionException,
    duckdb.SerializationException,
    duckdb.FatalException,
    duckdb.InternalException,
)
NO_EXTENSIONS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
HOLDER = re.compile(r"Conflicting lock is held in (.*) \(PID (\d+)\)")
IN_PARQUET = re.compile(rf"/{RUN_ID.pattern}\.parquet/(\w+)\.parquet")


class LockedError(CineclusterError):
    """The published file is whole, but another process has it open for writing."""


@contextmanager
def connect_to_published(
    database: Path, home: Path | None = None, memory_limit: str | None = None, threads: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open published tables for reading only: no change of settings, no access to files but their overlay and Parquet.

    The file is not trusted: all of this holds before it is opened. ``home`` is where the tables will be published,
    if that is not ``database``: overlay and Parquet files lie there. ``memory_limit`` is such as ``"4GB"``, DuckDB's
    own where None; so is ``threads``.

    Raises
    ------
    CineclusterError
        If there is no such file, it is not a DuckDB database, it is damaged, or it lacks a table that is read.
    LockedError
        If another process has it open for writing.
    """
    require_published(database)
    file = database.resolve()  # what a link points to: its write-ahead log lies there
    home = home or database
    former = former_overlays_of(home)
    allowed = [file, Path(f"{file}.wal"), *former, *parquet_files_of(home)]
    with connect_to_nothing(allowed, overlays_of(home)) as connection:
        try:
            connection.execute("attach $path as published (read_only)", {"path": str(file)})
            connection.execute("use published")
            if memory_limit:
                connection.execute("set memory_limit = $limit", {"limit": memory_limit})
            if threads:
                connection.execute("set threads = $threads", {"threads": threads})
            connection.execute("set lock_configuration = true")
            find_files(connection, home, former)
            yield connection
        except duckdb.Error as error:
            if lost := IN_PARQUET.search(str(error)):
                raise not_beside(database, home, lost) from error
            if not isinstance(error, UNREADABLE):
                raise
            raise not_readable(database, error) from error


@contextmanager
def connect_to_nothing(files: list[Path], folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database of its own that may read ``files`` and what is in ``folder``, and no other file."""
    with duckdb.connect(":memory:", config=NO_EXTENSIONS) as connection:
        names = [name for file in files for name in both(file)]
        connection.execute("set allowed_paths = $paths", {"paths": names})
        connection.execute("set allowed_directories = $paths", {"paths": both(folder)})
        connection.execute("set enable_external_access = false")
        yield connection


def both(path: Path) -> list[str]:
    """Return a path and its pattern: DuckDB checks the pattern, and then the file that it finds."""
    return [str(path), literal_path(path)]


def require_published(database: Path) -> None:
    """Raise a CineclusterError if there is no such file."""
    require_name(database)
    if not database.is_file():
        fault = "is no file" if database.exists() else "no such database"
        fault = "is a folder. --database is a file" if database.is_dir() else fault
        raise CineclusterError(f"{database}: {fault}. `cinecluster retrain` makes it.")


def tables_in(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the names of the published tables; views and other schemas are not trusted."""
    return {name for (name,) in run(connection, "published/trusted_tables")}


def find_files(connection: duckdb.DuckDBPyConnection, database: Path, former: list[Path]) -> None:
    """Have the views read overlay and Parquet files that lie beside ``database``, wherever the tables were made.

    Views of 0.1.0 read an overlay in the shape of then, which is in ``former``.
    """
    if "runs" in tables_in(connection):
        run_id = last_run_id(connection, database)
        variables = variables_of(database, run_id)
        if "model" not in tables_in(connection):
            ours = (literal_path(file) for file in former if file.stem == f"overlay-{run_id}")
            variables["overlay"] = next(ours, variables["overlay"])
        set_variables(connection, variables)


def variables_of(database: Path, run_id: str) -> dict[str, str]:
    """Return the variables that say where views find the favourites since and the Parquet files of a run."""
    overlay, parquet = overlay_of(database, run_id), parquet_of(database, run_id)
    return {"overlay": literal_path(overlay), "parquet": literal_path(parquet)}


def set_variables(connection: duckdb.DuckDBPyConnection, variables: dict[str, str]) -> None:
    """Set what `variables_of` returns; cursors have variables of their own."""
    for name, path in variables.items():
        connection.execute(f"set variable {name} = $path", {"path": path})


def last_run_id(connection: duckdb.DuckDBPyConnection, database: Path) -> str:
    """Return the run_id of the retrain that made the tables."""
    rows = run(connection, "published/last_run_id")
    if not rows:
        raise CineclusterError(f"{database}: not a database of cinecluster: it has no run.")
    return str(rows[0][0])


def source_of(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the folder that the retrain which made the tables read, None for demo data."""
    [(_, config, _)] = run(connection, "published/last_run")
    source: str | None = json.loads(config or "{}").get("source")
    return source


def not_beside(database: Path, home: Path, lost: re.Match[str]) -> CineclusterError:
    """Return what to say where a table is a Parquet file that is not there, or damaged."""
    return CineclusterError(
        f"{database}: its table {lost[1]} is a Parquet file, and cannot be read in {versions_of(home)}{lost[0]}. Copy "
        f"that folder along with the file; if it is lost, `cinecluster rollback` or `cinecluster retrain`."
    )


def not_readable(database: Path, error: Exception) -> CineclusterError:
    """Return what to say of a published file that is in use or damaged, or that something else made."""
    if holder := HOLDER.search(str(error)):
        return LockedError(
            f"{database}: open for writing in {holder[1]} (process {holder[2]}), which keeps others out. The file is "
            "not damaged: end that process, or have it open the file read-only."
        )
    return CineclusterError(
        f"{database}: cannot be read as a database of cinecluster: {first_line(error)}. If it is damaged, `cinecluster "
        "rollback` brings the version before it back; if something else made it, choose another --database."
    )


def parameters_of_filters(filters: Filters) -> dict[str, Any]:
    """Return filters as parameters of a statement, in which ``only`` would be a reserved word."""
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in filters._asdict().items()}
    return {"among" if name == "only" else name: value for name, value in values.items()}


class Favourite(NamedTuple):
    """A favourite of a user."""

    movie_id: int
    title: str
    genres: list[str]


class Recommendation(NamedTuple):
    """A movie that is recommended to a user.

    because : titles of the favourites that speak for it, the one that adds most first.
    people : genres that set the user's cluster apart, where that speaks for the movie too.
    """

    rank: int
    movie_id: int
    title: str
    genres: list[str]
    score: float
    because: list[str]
    people: str | None


class Lookup(NamedTuple):
    """A user's favourites, those that most people share first, and recommendations."""

    favourites: list[Favourite]
    n_favourites: int
    recommendations: list[Recommendation]


def first_user(database: Path) -> int:
    """Return the lowest id of a user with recommendations."""
    with connect_to_published(database) as connection:
        return int(connection.table("user_clusters").min("user_id").fetchall()[0][0])


def look_up(database: Path, user_id: int, n: int, filters: Filters = NO_FILTERS) -> Lookup:
    """Return up to ``n`` favourites of a user, who may be unknown, and ``n`` recommendations that pass the filters.

    Raises
    ------
    CineclusterError
        If there is no published database, or it is of 0.1.0 and there are filters.
    """
    with connect_to_published(database) as connection:
        favourites = run(connection, "published/user_favourites", user_id=user_id, n=n)
        [(knows_why,)] = run(connection, "published/knows_why")
        if filters != NO_FILTERS and not knows_why:
            raise CineclusterError(f"{database}: was made by an earlier release, without filters. Retrain once.")
        query = "published/user_reasons" if knows_why else "published/user_recommendations"
        recommendations = run(connection, query, user_id=user_id, n=n, **parameters_of_filters(filters))
    return Lookup(
        [Favourite(*row[:3]) for row in favourites],
        favourites[0][3] if favourites else 0,
        [Recommendation(*row) for row in recommendations],
    )
