"""Favourites that users add or take back between retrains."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from tasks.engine.duckdb import literal_path, run, statement
from tasks.errors import CineclusterError
from tasks.favourites.fold_in import load_model, place_new_users, recommend_again
from tasks.favourites.log import Pairs, append_to_log, hold_favourites, last_words, read_log
from tasks.favourites.overlay import Overlay, read_overlay, remove_overlays, replace_overlay, stage_overlay
from tasks.model.types import Model
from tasks.published.publish import Build
from tasks.published.read import connect_to_published, require_published
from tasks.published.versions import overlay_of, staged, versions_of

LARGEST_ID = 2**31 - 1
CHANGED = (
    "user_clusters",
    "fine_clusters",
    "cluster_sizes",
    "cluster_movies",
    "fine_cluster_movies",
    "overall_favourites",
)


def change_favourites(database: Path, pairs: Pairs, remove: bool = False) -> int:
    """Make movies favourites of users, or take them back, and have the published tables follow.

    First the changes are recorded in the log, on disk; then readers of the tables see all of them at once. What an
    earlier call that died had only recorded comes to the tables too, so without pairs this mends them.

    Parameters
    ----------
    database : published DuckDB file.
    pairs : (user_id, movie_id); users may be new.
    remove : take them back.

    Returns
    -------
    Number of changes recorded. A pair counts once: what the log says already is not recorded again.

    Raises
    ------
    CineclusterError
        If nothing is published, a movie is unknown or an id is none; then nothing is changed.
    """
    require_published(database)
    change = "remove" if remove else "add"
    with hold_favourites(database), connect_to_published(database) as connection:
        check_pairs(connection, database, pairs)
        said = last_words(read_log(database)).filter(pl.col("is_favourite") != remove).select("user_id", "movie_id")
        known = set(said.iter_rows())
        new = [pair for pair in dict.fromkeys((int(user), int(movie)) for user, movie in pairs) if pair not in known]
        if new:
            append_to_log(database, new, change)
        bring_up_to_date(connection, database)
    return len(new)


def check_pairs(connection: duckdb.DuckDBPyConnection, database: Path, pairs: Pairs) -> None:
    """Raise a CineclusterError unless the tables can follow favourites, all ids are ids and all movies known."""
    tables = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
    if not {"favourites_retrained", "model"} <= tables:
        raise CineclusterError(f"{database}: its tables cannot follow new favourites. `cinecluster retrain` once.")
    for user_id, movie_id in pairs:
        if not (1 <= user_id <= LARGEST_ID and 1 <= movie_id <= LARGEST_ID):
            raise CineclusterError(f"User {user_id}, movie {movie_id}: ids are whole numbers from 1 to {LARGEST_ID}.")
    connection.register(
        "asked_movies", pl.DataFrame({"movie_id": [movie for _, movie in pairs]}, {"movie_id": pl.Int32})
    )
    unknown = run(connection, "changes/unknown_movies")
    connection.unregister("asked_movies")
    if unknown:
        raise CineclusterError(f"Movie {unknown[0][0]} is unknown: it is not in the table movies. Nothing was changed.")


def bring_up_to_date(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    """Write the overlay of the tables in ``connection`` that has all lines of the log; needs `hold_favourites`.

    The counts are made anew from the tables of the retrain, so they do not depend on the overlay before. Users
    whose recommendations that has already keep them, unless their favourites changed since.
    """
    lines = read_log(database)
    run_id, top_n = last_run(connection)
    path = overlay_of(database, run_id)
    before = read_overlay(path)
    n_known = before.get("n_changes", 0)
    if len(lines) < n_known:
        raise CineclusterError(
            f"The log of favourites has {len(lines)} lines, the tables follow {n_known}. Put it back, or retrain."
        )
    if len(lines) == n_known:
        return
    model = load_model(connection)
    connection.execute("set variable overlay = $path", {"path": literal_path(staged(path))})
    overlay = {"n_changes": len(lines), "favourites": list_changes(connection, last_words(lines))}
    stage_overlay(path, overlay)  # new users are placed by their favourites of now
    overlay |= count_changes(connection, model)
    stage_overlay(path, overlay)
    changed = {user_id for user_id, _ in changed_pairs(before) ^ changed_pairs(overlay)}
    kept = [row for row in before.get("recommendations", []) if row["user_id"] not in changed]
    overlay["recommendations"] = kept + recommend_again(connection, sorted(changed), model, top_n)
    stage_overlay(path, overlay)
    replace_overlay(path)


def last_run(connection: duckdb.DuckDBPyConnection) -> tuple[str, int]:
    """Return the run_id of the retrain that made the tables, and its number of recommendations a user."""
    run_id, config = connection.execute("select run_id, config from runs").fetchall()[-1]
    return run_id, int(json.loads(config)["top_n"])


def changed_pairs(overlay: Overlay) -> set[tuple[int, int]]:
    """Return user and movie of each favourite that an overlay adds or takes back."""
    return {(row["user_id"], row["movie_id"]) for row in overlay.get("favourites", [])}


def list_changes(connection: duckdb.DuckDBPyConnection, changes: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the favourites that came and went since the retrain."""
    connection.register("logged_changes", changes)
    for name in ("net_changes", "changed_users", "changed_movies"):
        run(connection, f"changes/{name}")
    return rows(connection, "from net_changes")


def count_changes(connection: duckdb.DuckDBPyConnection, model: Model) -> Overlay:
    """Return what the favourites since the retrain change in each table, but for the recommendations."""
    connection.register("new_users", place_new_users(connection, model))
    run(connection, "changes/moves")
    run(connection, "changes/evidence_changes")
    overlay: Overlay = {name: rows(connection, statement(f"changes/{name}")) for name in CHANGED}
    return overlay | {"n_users_more": sum(1 if user["is_new"] else -1 for user in overlay["user_clusters"])}


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """Return the result of a query."""
    return connection.sql(query).pl().to_dicts()


@contextmanager
def carry_favourites(build: Build, database: Path) -> Iterator[None]:
    """Give a build the favourites that came since it read the log; nobody adds any until it is published inside."""
    with hold_favourites(database):
        with connect_to_published(build.database, database) as connection:
            bring_up_to_date(connection, database)
        yield
        remove_overlays(versions_of(database))
