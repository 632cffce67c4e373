"""Quality held out of the same users, night by night: a run that lost much of it is not published."""

import shutil

import pytest

from flows import stations
from tasks.engine.duckdb import DuckDBEngine
from tasks.errors import CineclusterError
from tasks.model.types import CLUSTERS_ALONE
from tasks.published.read import connect_to_published
from tasks.published.status import read_status
from tasks.quality.choose import Choice
from tasks.report.page import read_facts
from tasks.stations.quality import compare_quality
from tests.conftest import connect, publish, rows, two_tastes

USERS = 80


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A run of 80 users, more than it takes to compare."""
    return publish(tmp_path_factory.mktemp("first") / "films.duckdb", two_tastes(USERS))


@pytest.fixture
def engine(first, tmp_path):
    """A build of the next night: its ratings are the same."""
    return DuckDBEngine(shutil.copy(first.build, tmp_path / "build.duckdb"))


@pytest.fixture(scope="module")
def by_user(first):
    """What the run measured of each user."""
    with connect_to_published(first.database) as connection:
        return dict(rows(connection, "from held_out_quality"))


def choice_of(by_user):
    """Return a choice that was measured so."""
    return Choice(3, CLUSTERS_ALONE, {}, [], by_user)


def test_a_first_run_has_a_quality_and_no_change(first, by_user):
    assert len(by_user) > USERS / 2
    facts = read_facts(first.database)
    assert facts["quality"] == pytest.approx(sum(by_user.values()) / len(by_user))
    assert facts["n_quality_users"] == len(by_user)
    assert "quality_change" not in facts


def test_the_users_of_both_runs_are_compared(first, engine, by_user):
    fewer = {user: ndcg / 2 for user, ndcg in by_user.items() if user % 8} | {10_000: 1.0}
    found = compare_quality(engine, first.database, choice_of(fewer), seed=0)
    assert (found["n_quality_users"], found["n_quality_pairs"]) == (len(fewer), len(fewer) - 1)
    assert found["quality_change"] == pytest.approx(-0.5)


def test_other_people_with_the_same_ids_are_not_compared(first, engine, by_user):
    with connect(engine.database) as connection:
        connection.execute("update favourites set movie_id = movie_id + 1000 where user_id % 3 > 0")
    found = compare_quality(engine, first.database, choice_of(by_user), seed=0)
    assert found.keys() == {"quality", "n_quality_users"}


def test_nothing_measured_is_nothing_compared(first, engine, by_user, tmp_path):
    assert compare_quality(engine, first.database, choice_of({}), seed=0) == {}
    assert compare_quality(engine, tmp_path / "none", choice_of(by_user), seed=0).keys() == {
        "quality",
        "n_quality_users",
    }


def test_a_run_that_lost_quality_is_not_published_unless_that_is_allowed(first, monkeypatch):
    choose_settings, before = stations.choose_settings, first.database.read_bytes()

    def choose_badly(*arguments):
        choice = choose_settings(*arguments)
        return choice._replace(by_user={user: ndcg * 0.6 for user, ndcg in choice.by_user.items()})

    monkeypatch.setattr(stations, "choose_settings", choose_badly)
    with pytest.raises(CineclusterError, match=r"(?s)quality keeps up.*--max-quality-drop 1.*change=-0.4"):
        publish(first.database, two_tastes(USERS))
    assert first.database.read_bytes() == before
    second = publish(first.database, two_tastes(USERS), max_quality_drop=1.0)
    found = read_status(first.database)
    assert (found.run_id, round(found.quality_change, 3)) == (second.run_id, -0.4)
    page = (second.reports / "index.html").read_text()
    assert page.count("users whom the run before measured too, it is \N{MINUS SIGN}40.0 % against") == 2
    assert "Of 80 users a fifth of the favourites was hidden" in page
