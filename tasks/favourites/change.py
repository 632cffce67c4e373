"""Favourites that users add or take back between retrains."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from tasks.engine import Engine
from tasks.engine.duckdb import frame, literal_path, run
from tasks.errors import CineclusterError
from tasks.favourites.fold_in import load_model, place_new_users, recommend_again
from tasks.favourites.log import Pairs, append_to_log, hold_favourites, hold_log, last_words, log_of, read_log
from tasks.favourites.overlay import Overlay, Rows, read_overlay, remove_overlays, replace_overlay, staged
from tasks.model.types import Model
from tasks.published.read import LockedError, connect_to_published, require_published, tables_in
from tasks.published.versions import overlay_of

LARGEST_ID = 2**31 - 1
LARGEST_TOP_N = 1000
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
    LockedError
        If another process has the tables open for writing; then the changes are recorded, unknown movies too, and the
        tables follow later.
    """
    require_published(database)
    check_ids(pairs)
    with hold_favourites(database):
        try:
            with connect_to_published(database) as connection:
                if not pairs and "model" not in tables_in(connection):
                    return 0  # tables of 0.1.0 cannot follow the log, and nothing new is asked of them
                check_movies(connection, database, pairs)
                n_recorded = record(database, pairs, remove)
                bring_up_to_date(connection, database)
        except LockedError as error:
            record(database, pairs, remove)
            raise LockedError(
                f"{error} What was asked for is recorded in {log_of(database)}, and comes to the tables with the next "
                "favourite or retrain after that."
            ) from error
    return n_recorded


def record(database: Path, pairs: Pairs, remove: bool) -> int:
    """Add to the log what it does not say already; return the number of lines."""
    with hold_log(database):
        said = last_words(read_log(database)).filter(pl.col("is_favourite") != remove).select("user_id", "movie_id")
        known = set(said.iter_rows())
        new = [pair for pair in dict.fromkeys((int(user), int(movie)) for user, movie in pairs) if pair not in known]
        if new:
            append_to_log(database, new, "remove" if remove else "add")
    return len(new)


def check_ids(pairs: Pairs) -> None:
    """Raise a CineclusterError unless all ids are ids."""
    for user_id, movie_id in pairs:
        if not (1 <= user_id <= LARGEST_ID and 1 <= movie_id <= LARGEST_ID):
            raise CineclusterError(f"User {user_id}, movie {movie_id}: ids are whole numbers from 1 to {LARGEST_ID}.")


def check_movies(connection: duckdb.DuckDBPyConnection, database: Path, pairs: Pairs) -> None:
    """Raise a CineclusterError unless the tables can follow favourites and all movies are known."""
    if not {"model", "runs"} <= tables_in(connection):
        raise CineclusterError(f"{database}: its tables cannot follow new favourites. `cinecluster retrain` once.")
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
    run_id, top_n = last_run(connection, database)
    path = overlay_of(database, run_id)
    before = read_overlay(path)
    if len(lines) < before.n_changes:
        raise CineclusterError(
            f"The log of favourites has {len(lines)} lines, the tables follow {before.n_changes}. Put it back, or "
            "retrain."
        )
    if len(lines) == before.n_changes:
        return
    model = load_model(connection, database)
    overlay = Overlay({"favourites": list_changes(connection, last_words(lines))}, len(lines))
    with staged(path, overlay) as now:  # new users are placed by their favourites of now
        connection.execute("set variable overlay = $path", {"path": literal_path(now)})
        overlay.update(count_changes(connection, model))
    changed = {user_id for user_id, _ in changed_pairs(before) ^ changed_pairs(overlay)}
    kept = [row for row in before.get("recommendations", []) if row["user_id"] not in changed]
    with staged(path, overlay) as now:
        connection.execute("set variable overlay = $path", {"path": literal_path(now)})
        overlay["recommendations"] = kept + recommend_again(connection, sorted(changed), model, top_n)
    replace_overlay(path, before, overlay)


def last_run(connection: duckdb.DuckDBPyConnection, database: Path) -> tuple[str, int]:
    """Return the run_id of the retrain that made the tables, and its number of recommendations a user."""
    [(run_id, config, _)] = run(connection, "published/last_run")
    try:
        top_n = int(json.loads(config)["top_n"])
    except (ValueError, TypeError, KeyError) as error:
        raise CineclusterError(f"{database}: not a database of cinecluster: its run has no options.") from error
    if not 1 <= top_n <= LARGEST_TOP_N:
        raise CineclusterError(f"{database}: not a database of cinecluster: its run recommends {top_n} movies.")
    return run_id, top_n


def changed_pairs(overlay: Overlay) -> set[tuple[int, int]]:
    """Return user and movie of each favourite that an overlay adds or takes back."""
    return {(row["user_id"], row["movie_id"]) for row in overlay.get("favourites", [])}


def list_changes(connection: duckdb.DuckDBPyConnection, changes: pl.DataFrame) -> Rows:
    """Return the favourites that came and went since the retrain."""
    connection.register("logged_changes", changes)
    for name in ("limits", "net_changes", "changed_users", "changed_movies"):
        run(connection, f"changes/{name}")
    return connection.table("net_changes").pl().to_dicts()


def count_changes(connection: duckdb.DuckDBPyConnection, model: Model) -> dict[str, Rows]:
    """Return what the favourites since the retrain change in each table, but for the recommendations."""
    connection.register("new_users", place_new_users(connection, model))
    run(connection, "changes/moves")
    run(connection, "changes/evidence_changes")
    return {name: frame(connection, f"changes/{name}").to_dicts() for name in CHANGED}


@contextmanager
def carry_favourites(engine: Engine, database: Path) -> Iterator[None]:
    """Give a build the favourites that came since it read the log; it is published inside.

    Who adds others meanwhile brings them to the tables afterwards.
    """
    with hold_favourites(database):
        with connect_to_published(engine.database, database, engine.memory_limit) as connection:
            bring_up_to_date(connection, database)
        yield
        remove_overlays(database)
