"""What a server recommends: what SQL says, filtered or deeper, and as of now."""

from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace

import duckdb
import pytest

from tasks.app.recommend import recommend_stored, recommend_to
from tasks.app.store import Store
from tasks.favourites.change import change_favourites
from tasks.published.filters import Filters
from tests.app.conftest import asked

ALL = 16  # favourited movies of two_tastes
CLOSE = {"rel": 4e-6, "abs": 1e-7}  # stored scores have 18 bits, and parts of a score may cancel each other out


def listed(store, user_id, n, filters=Filters()):  # noqa: B008
    """(movie_id, score) that a server recommends."""
    tables, person = store.person(user_id)
    found = recommend_to(tables, person, n, filters)
    return list(zip(tables.movies.ids[found.movies].tolist(), found.scores.tolist(), strict=True))


def same(found, expected):
    """Whether lists agree, but for the order of movies whose scores agree to rounding."""
    score_of = dict(expected)
    return (
        len(found) == len(expected)
        and dict(found) == {movie: pytest.approx(score, **CLOSE) for movie, score in expected}
        and all(
            movie == other or score_of[movie] == pytest.approx(score, **CLOSE)
            for (movie, _), (other, score) in zip(found, expected, strict=True)
        )
    )


def test_the_lists_are_those_of_the_macro(store):
    users = [user for (user,) in asked(store, "select distinct user_id from ratings")]
    assert 99 in users, "somebody who rated, without favourites"
    for user_id in [*users, 424242]:
        for n in (3, ALL + 5):
            expected = asked(store, "select movie_id, score from recommend($1, n := $2)", user_id, n)
            assert same(listed(store, user_id, n), expected), (user_id, n)


def test_stored_lists_are_the_beginning_of_computed_ones(store):
    for user_id in store.tables.lists.users.tolist():
        stored = recommend_stored(store.tables, user_id, 3)
        tables, person = store.person(user_id)
        computed = recommend_to(tables, person, 3)
        assert stored.movies.tolist() == computed.movies.tolist()
        assert stored.scores.tolist() == computed.scores.tolist()
        assert stored.cluster == computed.cluster
        assert recommend_stored(tables, user_id, 4) is None, "only three are stored"
    assert recommend_stored(store.tables, 424242, 1) is None


def test_filtered_lists_are_what_is_left_of_the_whole_one(store):
    year_of = dict(asked(store, "select movie_id, year from movies"))
    genres_of = dict(asked(store, "select movie_id, genres from movies"))
    for user_id in (1, 2, 99, 424242):
        whole = listed(store, user_id, ALL)
        for filters, passes in (
            (Filters(genres=("Drama",)), lambda movie: "Drama" in genres_of[movie]),
            (Filters(genres=("Action", "Drama")), lambda movie: True),
            (Filters(from_year=1953, to_year=1962), lambda movie: 1953 <= year_of[movie] <= 1962),
            (Filters(to_year=1952), lambda movie: year_of[movie] <= 1952),
            (Filters(exclude=(whole[0][0], 12)), lambda movie: movie not in (whole[0][0], 12)),  # noqa: B023
            (Filters(genres=("No such genre",)), lambda movie: False),
        ):
            expected = [(movie, score) for movie, score in whole if passes(movie)]
            assert same(listed(store, user_id, ALL, filters), expected), (user_id, filters)
            assert same(listed(store, user_id, 2, filters), expected[:2]), (user_id, filters)


FILTERED = """
    select movie_id, score from recommend(
        $1, n := $2, genres := $3, from_year := $4, to_year := $5, exclude := $6, among := $7
    )
"""


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(genres=("Drama",)),
        Filters(genres=("drama",)),
        Filters(genres=("Action", "Drama", "No such genre")),
        Filters(genres=("Drama",), from_year=1962, exclude=(13, 15, 4000)),
        Filters(to_year=1955),
        Filters(from_year=1957, to_year=1963),
        Filters(from_year=1, only=(1, 2, 13, 4000)),
        Filters(exclude=(1, 2), only=(1, 2, 3)),
        Filters(only=()),
    ],
)
def test_filters_mean_the_same_to_the_macro(filters, database):
    """The movie 2 has no year, the movie 13 no genre."""
    wanted = [list(value) if isinstance(value, tuple) else value for value in filters]
    with duckdb.connect(database) as connection:
        connection.execute("update movies set year = null where movie_id = 2")
        connection.execute("update movies set genres = [] where movie_id = 13")
    again = Store(database)
    for user_id in (1, 2, 99, 424242):
        for n in (2, ALL):
            assert same(listed(again, user_id, n, filters), asked(again, FILTERED, user_id, n, *wanted)), (user_id, n)


def test_a_movie_of_unknown_year_passes_no_filter_of_years(store):
    movies = store.tables.movies
    movies.year_numbers = movies.year_numbers.copy()
    movies.year_numbers[movies.position(1)] = 0
    assert 1 not in dict(listed(store, 424242, ALL, Filters(from_year=1)))
    assert 1 not in dict(listed(store, 424242, ALL, Filters(to_year=9999)))
    assert 1 in dict(listed(store, 424242, ALL))


@pytest.mark.parametrize("remove", [False, True])
def test_favourites_count_at_once_as_the_tables_say_a_little_later(remove, database, store, monkeypatch):
    """Somebody known, somebody new, somebody who rated only, and a last favourite that is taken back.

    Each is a second after the one before: the macro tells fractions of a second apart, the retrain does not.
    """
    moments = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number) for number in count())
    monkeypatch.setattr("tasks.favourites.log.datetime", SimpleNamespace(now=lambda zone: next(moments)))
    pairs = [(7, 11), (700, 3), (700, 5), (99, 4)]
    own = [movie for (movie,) in asked(store, "select movie_id from favourites where user_id = 5")]
    for user_id, movie_id in pairs:
        store.change(user_id, movie_id, remove=False)
    for movie_id in own if remove else ():
        store.change(5, movie_id, remove=True)
    now = {user_id: listed(store, user_id, ALL) for user_id in (5, 7, 99, 700)}
    places = {user_id: store.person(user_id)[1].cluster for user_id in now}
    favourites = {user_id: set(store.person(user_id)[1].favourites) for user_id in now}
    assert change_favourites(database, []) == 0
    assert places == {
        user_id: next(iter(asked(store, "select cluster from user_clusters where user_id = $1", user_id)), (None,))[0]
        for user_id in now
    }
    assert (places[5] is None) == remove
    for user_id, found in now.items():
        liked = {m for (m,) in asked(store, "select movie_id from favourites where user_id = $1", user_id)}
        assert favourites[user_id] == liked
        assert same(found, asked(store, "select movie_id, score from recommend($1, n := $2)", user_id, ALL)), user_id


def test_favourites_of_another_process_count_at_once(database, store):
    best = listed(store, 1, 1)[0][0]
    assert store.stored(1, 3)[1].movies[0] == store.tables.movies.position(best)
    change_favourites(database, [(1, best)])
    assert store.stored(1, 3) is None, "to be computed anew"
    assert best not in dict(listed(store, 1, ALL))
    store.rank_again(1)
    assert store.tables.movies.position(best) not in store.stored(1, 3)[1].movies
    change_favourites(database, [(1, best)], remove=True)
    assert store.stored(1, 3) is None
