"""What is blocked or not available is recommended nowhere: tables, macros, server, and after new favourites."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tasks.app.recommend import recommend_to
from tasks.app.store import Store
from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.published.read import connect_to_published
from tests.conftest import Made, publish, read_model, rows

BLOCKED, AVAILABLE = {3, 14, 777}, {1, 2, 3, 5, 6, 8, 11, 12, 14, 15, 16, 888}
KEPT = {1, 2, 5, 6, 8, 11, 12, 15, 16}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Tables for which some movies are blocked, and some not available."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "blocked.txt").write_text("\n".join(map(str, BLOCKED)))
    (folder / "available.csv").write_text("movie_id\n" + "\n".join(map(str, AVAILABLE)))
    places = {"blocked": folder / "blocked.txt", "available": folder / "available.csv"}
    return publish(folder / "films.duckdb", top_n=9, **places)


@pytest.fixture
def database(made: Made, tmp_path: Path) -> Path:
    """A copy: the rules are in the file."""
    return Path(shutil.copy(made.database, tmp_path / "copy.duckdb"))


def test_the_tables_say_which_movies_are_withheld_and_why(database):
    with connect_to_published(database) as connection:
        withheld = dict(rows(connection, "select movie_id, reason from withheld_movies"))
        assert withheld == dict.fromkeys((4, 7, 13, 17, 18), "not available") | {3: "blocked", 14: "blocked"}
        recommended = {movie for (movie,) in rows(connection, "select movie_id from recommendations")}
        model = read_model(database)
        listed = rows(connection, "select movie_id from withheld_movies order by movie_id")
    assert recommended == KEPT
    assert sorted(model.movie_ids[model.withheld].tolist()) == [movie for (movie,) in listed]


def test_everybody_gets_all_that_is_left(database):
    with connect_to_published(database) as connection:
        users = [user for (user,) in rows(connection, "select distinct user_id from ratings")]
        for user_id in [*users, 424242]:
            seen = {m for (m,) in rows(connection, "select movie_id from seen where user_id = $1", user_id)}
            found = {m for (m,) in rows(connection, "select movie_id from recommend($1, n := 100)", user_id)}
            assert found == KEPT - seen


def test_a_server_and_favourites_since_obey_too(database):
    change_favourites(database, [(1, 14), (700, 3), (700, 4)])
    store = Store(database)
    for user_id in (1, 2, 99, 700, 424242):
        tables, person = store.person(user_id)
        found = recommend_to(tables, person, 100)
        assert set(tables.movies.ids[found.movies].tolist()) == KEPT - set(person.judged)
    with connect_to_published(database) as connection:
        again = rows(connection, "select movie_id from recommendations where user_id = 700")
        assert {movie for (movie,) in again} == KEPT


def test_rules_that_leave_nothing_are_refused_and_nothing_is_published(tmp_path):
    (tmp_path / "available.txt").write_text("5000\n")
    with pytest.raises(CineclusterError, match="Nothing may be recommended: none of the 16 movies with favourites"):
        publish(tmp_path / "films.duckdb", available=tmp_path / "available.txt")
    assert not (tmp_path / "films.duckdb").exists()


def test_favourites_of_withheld_movies_still_say_what_a_user_likes(made, good_tables):
    one, other = read_model(made.database), read_model(good_tables.database)
    np.testing.assert_array_equal(one.items, other.items)
    np.testing.assert_array_equal(one.shares, other.shares)
