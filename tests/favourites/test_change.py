# ruff: noqa: S608
"""Favourites between retrains: the tables equal a rebuild, nothing recorded is lost, readers are undisturbed."""

import json
import multiprocessing
from pathlib import Path
from unittest import mock

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.engine.duckdb import connect, overlay_of, run
from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.favourites.log import append_to_log, last_words, log_of, read_log
from tasks.model.clusters import Clustering, Nearness, Tastes
from tasks.model.options import Method
from tasks.model.rank import best_movies
from tasks.published.publish import versions_of
from tasks.stations.incidence import load_disliked, load_evidence, load_incidence
from tests.conftest import TITLES, log_favourites, publish, two_tastes

ALL_TITLES = TITLES | {30: ("Never rated (2001)", "Drama"), 31: ("Never rated either (2002)", "Sci-Fi")}
RATINGS = [*two_tastes(), (98, 7, 3.5), (1, 19, 3.0), (4, 19, 3.5), (5, 20, 4.5)]
MOVIES = sorted({movie for _, movie, _ in RATINGS} | set(ALL_TITLES))
USERS = [1, 2, 3, 4, 5, 98, 99, 500, 501]
TABLES = ("favourites", "user_clusters", "cluster_movies", "fine_cluster_movies", "overall_favourites", "fine_clusters")


@pytest.fixture(scope="module", params=["default", "article"])
def published(request, tmp_path_factory):
    """Published tables, not to be changed."""
    database = tmp_path_factory.mktemp(request.param) / "films.duckdb"
    publish(database, ALL_TITLES, RATINGS, preset=request.param)
    return database


@pytest.fixture
def database(tmp_path):
    """Published tables to change."""
    publish(tmp_path / "films.duckdb", ALL_TITLES, RATINGS)
    return tmp_path / "films.duckdb"


def start_anew(database: Path) -> None:
    """Forget all changes since the retrain."""
    log_of(database).unlink(missing_ok=True)
    for overlay in versions_of(database).glob("overlay-*"):
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


def now_logged(database: Path) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the pairs that the log has as favourites, and those that it has as taken back."""
    words = last_words(read_log(database)).select("user_id", "movie_id", "is_favourite").rows()
    return [pair for *pair, added in words if added], [pair for *pair, added in words if not added]


def rebuild(database: Path, build: Path) -> None:
    """Build the tables from scratch out of ratings, favourites and the clusters of users."""
    with connect(build) as connection:
        connection.execute(f"attach '{database}' as now (read_only)")
        for name in ("ratings", "movies", "favourites", "user_clusters"):
            connection.execute(f"create table {name} as from now.{name}")
        log_favourites(connection, *now_logged(database))
        run(connection, "model/watched")
        connection.execute("create temp table movie_taste_rows as select movie_id, taste from now.overall_favourites")
        for name in ("overall_favourites", "fine_cluster_movies"):
            run(connection, name, min_rating=4.0)
        for name in ("cluster_movies", "fine_clusters"):
            run(connection, name)


def rebuilt_recommendations(build: Path, config: dict) -> dict[int, list[tuple[int, float]]]:
    """Recommend from the rebuilt tables as a retrain does."""
    incidence = load_incidence.fn(build)
    disliked = load_disliked.fn(build, incidence.matrix.shape, 4.0, config["exclude_seen"])
    evidence = load_evidence.fn(build, incidence.matrix.shape, 4.0, config["watched_weight"])
    with connect(build) as connection:
        users = connection.sql("from user_clusters order by user_id").pl()
        movies = connection.sql("from overall_favourites order by movie_id").pl()
    assert users["user_id"].to_list() == incidence.user_ids.tolist()
    fine = Clustering(users["fine_cluster"].to_numpy(), np.zeros((1, 1), dtype=np.float32))
    nearness = Nearness(np.array(users["nearest_clusters"].to_list()), np.array(users["weights"].to_list()))
    tastes = None
    if config["taste_weight"]:
        known = movies["taste"].fill_null([0.0] * len(users["taste"][0]))
        tastes = Tastes(np.array(users["taste"].to_list()), np.array(known.to_list()))
    method = Method(**{name: config[name] for name in Method._fields})
    best = best_movies(incidence.matrix, evidence.weights, disliked, fine, nearness, tastes, method, config["top_n"])
    found: dict[int, list[tuple[int, float]]] = {}
    for user, movie, score in zip(best.user, best.movie, best.score, strict=True):
        found.setdefault(int(incidence.user_ids[user]), []).append((int(incidence.movie_ids[movie]), float(score)))
    return found


def assert_equals_a_rebuild(database: Path, build: Path, users: set[int]) -> None:
    """Compare every table, and the recommendations of ``users``, with those built from scratch."""
    build.unlink(missing_ok=True)
    rebuild(database, build)
    left_out = {"fine_clusters": "exclude cluster"}
    for table in TABLES:
        query = f"select * {left_out.get(table, '')} from {table} order by all"
        now = read(database, query)
        with connect(build) as connection:
            again = connection.execute(query).fetchall()
        sizes = "n_users > 0" if table == "fine_clusters" else "true"
        now = [row for row in now if sizes == "true" or row[1] > 0]
        assert now == again, table
    [(config,)] = read(database, "select last(config) from runs")
    expected = rebuilt_recommendations(build, json.loads(config))
    for user in users:
        rows = read(database, f"select movie_id, score, rank from recommendations where user_id = {user} order by rank")
        wanted = expected.get(user, [])
        assert [movie for movie, _, _ in rows] == [movie for movie, _ in wanted]
        assert [rank for _, _, rank in rows] == list(range(1, len(rows) + 1))
        assert [score for _, score, _ in rows] == pytest.approx([score for _, score in wanted], rel=1e-5)


changes_of_favourites = st.lists(
    st.tuples(st.booleans(), st.lists(st.tuples(st.sampled_from(USERS), st.sampled_from(MOVIES)), max_size=6)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=changes_of_favourites)
def test_after_any_changes_the_tables_equal_a_rebuild(published, tmp_path, batches):
    start_anew(published)
    changes = []
    for remove, pairs in batches:
        before = replay(changes)
        change_favourites(published, pairs, remove)
        changes += [(remove, *pair) for pair in pairs]
    assert favourites(published) == replay(changes)
    changed = {user for user, _ in before ^ replay(changes)}
    assert_equals_a_rebuild(published, tmp_path / "again.duckdb", changed)


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


def test_a_retrain_has_the_log_and_what_arrives_meanwhile(database):
    change_favourites(database, [(2, 1)])
    publish(database, ALL_TITLES, RATINGS, during=lambda: change_favourites(database, [(2, 3), (500, 3)]))
    assert {(2, 1), (2, 3), (500, 3)} <= favourites(database)
    assert (2, 1) in set(read(database, "select user_id, movie_id from favourites_retrained"))
    assert (2, 3) not in set(read(database, "select user_id, movie_id from favourites_retrained"))
    publish(database, ALL_TITLES, RATINGS)
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


def add_some(database: Path, user_id: int) -> None:
    for movie_id in (1, 2, 11):
        change_favourites(database, [(user_id, movie_id)])


def test_two_processes_lose_nothing_and_readers_see_no_error(database):
    other = multiprocessing.get_context("spawn").Process(target=add_some, args=(database, 600))
    other.start()
    n_read = 0
    while other.is_alive():
        change_favourites(database, [(601, 1 + n_read % 2)], remove=n_read % 4 > 1)
        assert read(database, "select count(*) from favourites join recommendations using (user_id)")
        n_read += 1
    assert other.exitcode == 0
    assert n_read > 1
    assert {(600, movie) for movie in (1, 2, 11)} <= favourites(database)
    assert len(read_log(database)) == 3 + n_read
