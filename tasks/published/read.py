"""Published tables, opened for reading only, and what they say about one user."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

from tasks.engine.duckdb import literal_path, run
from tasks.errors import CineclusterError, first_line
from tasks.published.versions import overlay_of, staged

UNREADABLE = (
    duckdb.CatalogException,
    duckdb.IOException,
    duckdb.SerializationException,
    duckdb.FatalException,
    duckdb.InternalException,
)


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


def not_readable(database: Path, error: Exception) -> CineclusterError:
    """Return what to say of a published file that is damaged, or that something else made."""
    return CineclusterError(
        f"{database}: cannot be read as a database of cinecluster: {first_line(error)}. If it is damaged, `cinecluster "
        "rollback` brings the version before it back; if something else made it, choose another --database."
    )


class Lookup(NamedTuple):
    """A user's favourites (title, genres) and recommendations (rank, title, genres, score)."""

    favourites: list[tuple[str, str]]
    n_favourites: int
    recommendations: list[tuple[int, str, str, float]]


def first_user(database: Path) -> int:
    """Return the lowest id of a user with recommendations."""
    with connect_to_published(database) as connection:
        return int(connection.execute("select min(user_id) from user_clusters").fetchall()[0][0])


def look_up(database: Path, user_id: int, n: int) -> Lookup:
    """Return up to ``n`` favourites and ``n`` recommendations of a user, who may be unknown.

    Raises
    ------
    CineclusterError
        If there is no published database.
    """
    with connect_to_published(database) as connection:
        favourites = run(connection, "published/user_favourites", user_id=user_id, n=n)
        recommendations = run(connection, "published/user_recommendations", user_id=user_id, n=n)
    return Lookup(
        [(title, genres) for title, genres, _ in favourites],
        favourites[0][2] if favourites else 0,
        [(rank, title, genres, score) for rank, title, genres, score in recommendations],
    )
