"""``--memory-limit``: every station of a retrain keeps to it, and says so where it does not suffice."""

from contextlib import contextmanager, nullcontext

import duckdb
import pytest

from flows import stations
from tasks.engine.duckdb import DuckDBEngine
from tasks.errors import CineclusterError
from tasks.favourites import change
from tests.conftest import publish

LIMIT, SHOWN = "123MiB", "123.0 MiB"


@pytest.fixture
def limits(monkeypatch):
    """By station the memory limits of the connections that it opened to the build."""
    found: dict[str, set[str]] = {}
    at_work = ["none"]

    def watch(name):
        station = getattr(stations, name)

        def watched(*arguments):
            at_work[0] = name
            return station(*arguments)

        monkeypatch.setattr(stations, name, watched)

    def note(connection):
        [(limit,)] = connection.execute("select current_setting('memory_limit')").fetchall()
        found.setdefault(at_work[0], set()).add(limit)

    def note_all(opened):
        @contextmanager
        def connect(*arguments):
            with opened(*arguments) as connection:
                note(connection)
                yield connection

        return connect

    for name in [name for name, value in vars(stations).items() if callable(value) and name not in ("task", "partial")]:
        watch(name)
    monkeypatch.setattr(DuckDBEngine, "connect", note_all(DuckDBEngine.connect))
    monkeypatch.setattr(change, "connect_to_published", note_all(change.connect_to_published))
    return found


def test_every_station_has_the_memory_limit_of_the_run(tmp_path, limits):
    publish(tmp_path / "films.duckdb", memory_limit=LIMIT)
    assert {name: limit for name, limit in limits.items() if limit != {SHOWN}} == {}
    assert limits.keys() >= {
        "ingest_ratings", "ingest_favourites_log", "ingest_movies", "select_favourites", "build_interactions",
        "load_sample", "fit_recommender", "recommend_movies", "describe_clusters", "write_choices",
        "draw_reports", "write_summary", "write_page", "check_tables", "add_views",
    }  # fmt: skip


@pytest.mark.parametrize("late", ["describe_clusters", "write_page", "check_tables"])
def test_a_limit_hit_in_a_late_station_is_told_and_nothing_is_published(published, tmp_path, monkeypatch, late):
    database = published.database
    before = database.read_bytes()
    ratings = [(user, 1 + (user * 7 + k) % 3000, 5.0) for user in range(1, 400) for k in range(60)]
    station = getattr(stations, late)

    def with_little(engine, *rest):
        return station(engine._replace(memory_limit="1MB"), *rest)

    with (
        monkeypatch.context() as patch,
        pytest.raises(
            CineclusterError, match=r"(?s)^Out of memory: (?!Out of).*--memory-limit.*The published tables stay"
        ),
    ):
        patch.setattr(stations, late, with_little)
        patch.setattr(
            DuckDBEngine, "kept_open", lambda engine: nullcontext()
        )  # one file has one limit while it is open
        publish(database, ratings, item_weight=0)
    assert database.read_bytes() == before
    assert list((tmp_path / ".films").glob("build-*")) == []
    with duckdb.connect(database, read_only=True) as connection:
        assert connection.execute("select count(*) from runs").fetchall() == [(1,)]
    publish(database)
