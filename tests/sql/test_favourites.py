"""Favourites, and rows and columns of the incidence."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine.duckdb import connect, run, statement
from tests.conftest import like, log_favourites, rate, rows

RATINGS = [(2, 10, 4.0), (1, 20, 3.5), (2, 20, 5.0), (3, 30, 4.5), (1, 30, 4.0), (4, 40, 5.0), (3, 10, 0.5)]


def test_favourites_are_rated_min_rating_or_more_and_keep_their_time(memory):
    rate(memory, RATINGS)
    like(memory)
    assert rows(memory, "select user_id, movie_id, epoch(rated_at) from favourites order by all") == [
        (1, 30, 5),
        (2, 10, 1),
        (2, 20, 3),
        (3, 30, 4),
        (4, 40, 6),
    ]


@pytest.mark.parametrize(
    ("first_movies", "first_users", "expected"),
    [
        (2, None, [(2, 10), (2, 20)]),
        (None, 2, [(1, 30), (2, 10), (2, 20)]),
        (3, 2, [(1, 30), (2, 10), (2, 20)]),
        (1, 1, [(2, 10)]),  # user 1 has no favourite among the first movie's
        (100, 100, [(1, 30), (2, 10), (2, 20), (3, 30), (4, 40)]),
    ],
)
def test_first_movies_are_cut_before_first_users(memory, first_movies, first_users, expected):
    rate(memory, RATINGS)
    like(memory, first_movies=first_movies, first_users=first_users)
    assert rows(memory, "select user_id, movie_id from favourites order by all") == expected


@settings(max_examples=25)
@given(
    st.dictionaries(st.tuples(st.integers(1, 8), st.integers(1, 8)), st.sampled_from([1.0, 3.5, 4.0, 5.0]), min_size=1),
    st.none() | st.integers(1, 9),
    st.none() | st.integers(1, 9),
)
def test_selection_is_that_of_the_articles_pandas_code(ratings, first_movies, first_users):
    frame = pd.DataFrame([(*key, stars) for key, stars in ratings.items()], columns=["user", "movie", "rating"])
    frame = frame[frame["rating"] >= 4]
    frame = frame[frame["movie"].isin(sorted(frame["movie"].unique())[:first_movies])]
    frame = frame[frame["user"].isin(sorted(frame["user"].unique())[:first_users])]
    with connect(":memory:") as connection:
        rate(connection, [(*key, stars) for key, stars in ratings.items()])
        like(connection, first_movies=first_movies, first_users=first_users)
        found = rows(connection, "select user_id, movie_id from favourites order by all")
    assert found == sorted(zip(frame["user"].tolist(), frame["movie"].tolist(), strict=True))


def test_positions_number_users_and_movies_with_favourites_by_ascending_id(memory):
    rate(memory, [*RATINGS, (7, 10, 1.0), (2, 50, 2.0)])
    like(memory)
    run(memory, "user_positions")
    run(memory, "movie_positions")
    assert rows(memory, "from user_positions order by all") == [(1, 0), (2, 1), (3, 2), (4, 3)]
    assert rows(memory, "from movie_positions order by all") == [(10, 0), (20, 1), (30, 2), (40, 3)]
    assert sorted(run(memory, "favourite_positions")) == [(0, 2), (1, 0), (1, 1), (2, 2), (3, 3)]
    assert sorted(run(memory, "disliked_positions", min_rating=4.0)) == [(0, 1), (2, 0)], (
        "of these users and movies only"
    )


def test_evidence_is_favourites_and_what_was_rated_up_to_a_star_less(memory):
    rate(memory, [(1, 10, 4.0), (1, 20, 3.0), (1, 30, 2.5), (2, 20, 5.0), (2, 30, 4.5), (3, 10, 3.5)])
    like(memory)
    run(memory, "user_positions")
    run(memory, "movie_positions")
    run(memory, "watched")
    parameters = {"min_rating": 4.0, "watched_weight": 0.5}
    found = memory.sql(statement("model/evidence_positions"), params=parameters).fetchall()
    assert sorted(found) == [(0, 0, 1, 1), (0, 1, 0.5, 2), (1, 1, 1, 4), (1, 2, 1, 5)]
    found = memory.sql(statement("model/evidence_positions"), params=parameters | {"watched_weight": 0.0}).fetchall()
    assert sorted(found) == [(0, 0, 1, 1), (1, 1, 1, 4), (1, 2, 1, 5)]


def test_the_log_has_the_last_word_on_favourites(memory):
    rate(memory, RATINGS)
    log_favourites(memory, added=[(1, 20), (1, 30), (9, 50)], taken_back=[(2, 20), (3, 10), (9, 60)])
    like(memory)
    assert rows(memory, "select user_id, movie_id, year(rated_at) from favourites order by all") == [
        (1, 20, 2026),  # rated low before
        (1, 30, 1970),  # as the rating says
        (2, 10, 1970),
        (3, 30, 1970),
        (4, 40, 1970),
        (9, 50, 2026),  # never rated
    ]


def test_what_the_log_adds_is_not_watched_and_what_it_takes_back_is_disliked(memory):
    rate(memory, [(1, 10, 4.0), (1, 20, 3.5), (1, 30, 3.0), (2, 10, 5.0), (2, 20, 4.0), (2, 30, 4.5), (3, 20, 4.0)])
    log_favourites(memory, added=[(1, 20)], taken_back=[(1, 30), (2, 20)])
    like(memory)
    for name in ("user_positions", "movie_positions", "watched"):
        run(memory, name)
    assert rows(memory, "select user_id, movie_id from watched(4.0) order by all") == [(1, 30)]
    assert sorted(run(memory, "disliked_positions", min_rating=4.0)) == [(0, 2), (1, 1)]
