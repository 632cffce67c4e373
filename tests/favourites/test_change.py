# ruff: noqa: S608
"""Favourites between retrains: the tables equal a rebuild, nothing recorded is lost, readers are undisturbed."""

import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.blocks import Interactions, select_users
from tasks.engine.duckdb import block_of, read_users, run
from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.favourites.fold_in import read_placement
from tasks.favourites.log import append_to_log, last_words, log_of, read_log
from tasks.model.neighbours import place
from tasks.model.rank import rank
from tasks.model.reasons import reasons
from tasks.model.types import Model
from tasks.published.read import connect_to_published
from tasks.published.versions import overlay_of, overlays_of
from tests.conftest import ARTICLE, RULES, SMALL, TITLES, connect, copy_of, describe, publish, read_model, two_tastes

ALL_TITLES = TITLES | {30: ("Never rated (2001)", "Drama"), 31: ("Never rated either (2002)", "Sci-Fi")}
RATINGS = [*two_tastes(), (98, 7, 3.5), (1, 19, 3.0), (4, 19, 3.5), (5, 20, 4.5)]
MOVIES = sorted({movie for _, movie, _ in RATINGS} | set(ALL_TITLES))
USERS = [1, 2, 3, 4, 5, 98, 99, 500, 501]
TABLES = ("favourites", "user_clusters", "cluster_movies", "fine_cluster_movies", "overall_favourites", "fine_clusters")


# with more recency, users whose last favourite is of the other kind are near those
PRESETS = {"default": {"recency": 0.5}, "article": ARTICLE}


@pytest.fixture(scope="module")
def retrained(tmp_path_factory):
    """Published tables by preset."""
    return {
        name: publish(tmp_path_factory.mktemp(name) / "films.duckdb", RATINGS, ALL_TITLES, **options)
        for name, options in PRESETS.items()
    }


@pytest.fixture
def database(retrained):
    """Published tables to change; the changes are forgotten."""
    start_anew(retrained["default"].database)
    return retrained["default"].database


def start_anew(database: Path) -> None:
    """Forget all changes since the retrain."""
    log_of(database).unlink(missing_ok=True)
    for overlay in overlays_of(database).glob("*"):
        overlay.unlink()


def read(database: Path, query: str) -> list[tuple]:
    """Return what somebody who only has the path and DuckDB reads."""
    with duckdb.connect(database, read_only=True) as connection:
        return connection.execute(query).fetchall()


def favourites(database: Path) -> set[tuple[int, int]]:
    return set(read(database, "select user_id, movie_id from favourites"))


def replay(changes: list[tuple[bool, int, int]]) -> set[tuple[int, int]]:
    """Return the favourites after the changes, by sets."""
    liked = {(user, movie) for user, movie, stars in RATINGS if stars >= 4}
    for remove, user, movie in changes:
        (liked.discard if remove else liked.add)((user, movie))
    return liked


def rebuild(database: Path, build: Path, rules: dict) -> None:
    """Build the tables from scratch out of ratings, favourites and the clusters of users."""
    with connect(build) as connection:
        connection.execute(f"attach '{database}' as now (read_only)")
        for name in ("ratings", "movies", "favourites", "user_clusters"):
            connection.execute(f"create table {name} as from now.{name}")
        connection.register("logged_changes", last_words(read_log(database)))
        run(connection, "model/favourites_log")
        for name in ("interaction_rules", "movie_positions", "interactions"):
            run(connection, f"model/{name}", **rules)
        describe(connection, connection.sql("select movie_id, taste, boost from now.overall_favourites").pl())


def interactions_again(build: Path, model: Model) -> Interactions:
    """Return the interactions of all users with favourites, as a retrain reads them, in the columns of the model."""
    with connect(build) as connection:
        positions = {"movie_id": model.movie_ids, "movie_position": np.arange(len(model.movie_ids), dtype=np.int32)}
        connection.register("positions", pl.DataFrame(positions))
        connection.execute("create or replace table movie_positions as select *, 1 as n_users from positions")
        [(user_ids, entries)] = read_users(connection)
    return block_of(user_ids, len(model.movie_ids), entries)


def assert_tables_equal_a_rebuild(database: Path, build: Path) -> None:
    """Compare every table that is counted with the one that is built from scratch."""
    left_out = {"fine_clusters": "exclude cluster"}
    for table in TABLES:
        query = f"select * {left_out.get(table, '')} from {table} order by all"
        now = read(database, query)
        with connect(build) as connection:
            again = connection.execute(query).fetchall()
        now = [row for row in now if table != "fine_clusters" or row[1] > 0]
        assert now == again, table


def assert_recommendations_are_the_models(database: Path, interactions: Interactions, users: set[int], model) -> None:
    """Compare the places and recommendations of users with those of the retrain's model and their rows of now."""
    mine = select_users(interactions, np.isin(interactions.user_ids, sorted(users)))
    if len(mine.user_ids) == 0:
        assert not users or read(database, f"from recommendations where {of(np.array(sorted(users)))}") == []
        return
    is_new = np.isin(mine.user_ids, [user for (user,) in read(database, NEW_USERS)])
    with connect_to_published(database) as connection:
        placed = read_placement(connection.sql(f"from user_clusters where {of(mine.user_ids)} order by 1").pl(), model)
    again = place(mine, model)
    for now, then in zip([*placed[2:3], *placed.neighbours], [*again[2:3], *again.neighbours], strict=True):
        assert now[is_new].tolist() == then[is_new].tolist()
    assert placed.clusters[is_new].tolist() == again.clusters[is_new].tolist()
    best = rank(mine, placed, model, SMALL["top_n"])
    because = [[int(model.movie_ids[column]) for column in few if column >= 0] for few in reasons(mine, best, model)]
    expected: dict[int, list[tuple[int, float, float, list[int]]]] = {user: [] for user in users}
    for row, movie, score, item_score, few in zip(
        best.user, best.movie, best.score, best.item_score, because, strict=True
    ):
        found = (int(model.movie_ids[movie]), float(score), float(item_score), few)
        expected[int(mine.user_ids[row])].append(found)
    for user in users:
        found = read(
            database,
            "select movie_id, score, item_score, because, rank from recommendations "
            f"where user_id = {user} order by rank",
        )
        assert [row[:4] for row in found] == expected[user]
        assert [row[4] for row in found] == list(range(1, len(found) + 1))


def of(users: np.ndarray) -> str:
    """Return the condition that a user is one of these."""
    return f"list_contains({users.tolist()}, user_id)"


NEW_USERS = "select user_id from user_clusters anti join user_clusters_retrained using (user_id)"


changes_of_favourites = st.lists(
    st.tuples(st.booleans(), st.lists(st.tuples(st.sampled_from(USERS), st.sampled_from(MOVIES)), max_size=6)),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("preset", PRESETS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=changes_of_favourites)
def test_after_any_changes_the_tables_equal_a_rebuild(retrained, preset, tmp_path, batches):
    """Counts are those of a rebuild; users have what the retrain's model makes of their ratings and favourites now."""
    database, build = retrained[preset].database, tmp_path / "again.duckdb"
    start_anew(database)
    changes = []
    for remove, pairs in batches:
        change_favourites(database, pairs, remove)
        changes += [(remove, *pair) for pair in pairs]
    assert favourites(database) == replay(changes)
    build.unlink(missing_ok=True)
    model = read_model(database)
    rules = RULES | {name: getattr(model.scoring, name) for name in ("near_weight", "exclude_seen")}
    changed = {user for user, _ in replay([]) ^ replay(changes)}
    with duckdb.connect(database, read_only=True), connect(build):  # opened once: that takes longer than a query
        rebuild(database, build, rules)
        assert_tables_equal_a_rebuild(database, build)
        assert_recommendations_are_the_models(database, interactions_again(build, model), changed, model)


def test_the_same_pair_twice_counts_once_and_can_be_taken_back(database):
    before = {table: read(database, f"from {table} order by all") for table in TABLES}
    assert change_favourites(database, [(2, 1), (2, 1)]) == 1
    assert change_favourites(database, [(2, 1)]) == 0
    assert change_favourites(database, [(2, 1)], remove=True) == 1
    assert {table: read(database, f"from {table} order by all") for table in TABLES} == before


def test_a_new_user_is_placed_where_the_movie_is_liked_and_gets_recommendations(database):
    change_favourites(database, [(500, 3)])
    [(cluster, fine_cluster)] = read(database, "select cluster, fine_cluster from user_clusters where user_id = 500")
    others = read(
        database, f"select user_id % 2, cluster from user_clusters where fine_cluster = {fine_cluster} and user_id < 90"
    )
    assert set(others) == {(1, cluster)}, "those who like the same movies"
    assert [rank for (rank,) in read(database, "select rank from recommend(500)")][:3] == [1, 2, 3]
    assert len(read(database, "from recommendations where user_id = 500")) == 3


@pytest.mark.parametrize("pairs", [[(1, 999)], [(1, 3), (1, 999)], [(0, 3)], [(2**31, 3)]])
def test_a_movie_or_user_that_cannot_be_is_an_error_and_changes_nothing(database, pairs):
    before = favourites(database)
    with pytest.raises(CineclusterError, match=r"999 is unknown|ids are whole"):
        change_favourites(database, pairs)
    assert favourites(database) == before
    assert not log_of(database).exists()


def test_a_log_that_cannot_be_written_is_as_it_was(database, monkeypatch):
    change_favourites(database, [(2, 1)])
    before = log_of(database).read_bytes(), favourites(database)
    monkeypatch.setattr("tasks.favourites.log.os.fsync", mock.Mock(side_effect=OSError(28, "No space left on device")))
    with pytest.raises(CineclusterError, match=r"favourites\.csv: cannot be written: No space.*Nothing was changed"):
        change_favourites(database, [(4, 1), (500, 3)])
    assert (log_of(database).read_bytes(), favourites(database)) == before


def test_nothing_is_left_where_nothing_is_published(tmp_path):
    with pytest.raises(CineclusterError, match=r"no such database"):
        change_favourites(tmp_path / "none.duckdb", [(1, 1)])
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_log_is_an_error(database):
    log_of(database).write_text("user,movie\n1,2\n")
    with pytest.raises(CineclusterError, match=r"films-favourites\.csv: not a log of favourites"):
        change_favourites(database, [(2, 1)])


def test_what_a_dead_call_recorded_comes_with_the_next_call(database):
    append_to_log(database, [(2, 1), (500, 3)], "add")
    with log_of(database).open("a") as log:
        log.write("2026-01-01T00:00:00.000000Z,7,")
    assert (2, 1) not in favourites(database)
    change_favourites(database, [(4, 1)])
    assert {(2, 1), (500, 3), (4, 1)} <= favourites(database)
    assert len(read(database, "from recommendations where user_id = 500")) == 3
    assert len(read_log(database)) == 3


def test_a_retrain_has_the_log_and_what_arrives_meanwhile(retrained, tmp_path):
    start_anew(retrained["default"].database)
    database = copy_of(retrained["default"], tmp_path).database
    change_favourites(database, [(2, 1)])
    publish(database, RATINGS, ALL_TITLES, meanwhile=lambda: change_favourites(database, [(2, 3), (500, 3)]))
    assert {(2, 1), (2, 3), (500, 3)} <= favourites(database)
    assert (2, 1) in set(read(database, "select user_id, movie_id from favourites_retrained"))
    assert (2, 3) not in set(read(database, "select user_id, movie_id from favourites_retrained"))
    assert len(read(database, "from recommendations where user_id = 500")) == 3
    publish(database, RATINGS, ALL_TITLES)
    assert {(2, 1), (2, 3), (500, 3)} <= set(read(database, "select user_id, movie_id from favourites_retrained"))


def test_a_connection_that_stays_open_sees_them_at_its_next_query(database):
    with duckdb.connect(database, read_only=True) as connection:
        for movie in (1, 2):
            change_favourites(database, [(500, movie)])
            query = "select count(*) from favourites where user_id = 500"
            assert connection.execute(query).fetchall() == [(movie,)]


def test_a_copy_without_overlay_answers_from_the_tables_of_the_retrain(database, tmp_path):
    before = favourites(database)
    change_favourites(database, [(2, 1)])
    overlay_of(database, read(database, "select last(run_id) from runs")[0][0]).unlink()
    assert favourites(database) == before
    change_favourites(database, [])
    assert (2, 1) in favourites(database)


ADD_SOME = """
import pathlib, sys
from tasks.favourites.change import change_favourites
for movie_id in (1, 2, 11):
    change_favourites(pathlib.Path(sys.argv[1]), [(600, movie_id)])
"""


def test_two_processes_lose_nothing_and_readers_see_no_error(database):
    other = subprocess.Popen([sys.executable, "-c", ADD_SOME, database])  # noqa: S603
    n_read = 0
    while other.poll() is None:
        change_favourites(database, [(601, 1 + n_read % 2)], remove=n_read % 4 > 1)
        assert read(database, "select count(*) from favourites join recommendations using (user_id)")
        n_read += 1
        time.sleep(0.1)  # else this process would hold the lock nearly all of the time
    assert other.returncode == 0
    assert n_read > 1
    assert {(600, movie) for movie in (1, 2, 11)} <= favourites(database)
    assert len(read_log(database)) == 3 + n_read
