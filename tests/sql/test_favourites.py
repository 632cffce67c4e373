"""Favourites, and rows and columns of the incidence."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine.duckdb import run
from tests.conftest import connect, favour, log_favourites, rate, rows

RATINGS = [(2, 10, 4.0), (1, 20, 3.5), (2, 20, 5.0), (3, 30, 4.5), (1, 30, 4.0), (4, 40, 5.0), (3, 10, 0.5)]


def test_favourites_are_rated_min_rating_or_more_and_keep_their_time(memory):
    rate(memory, RATINGS)
    favour(memory)
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
    favour(memory, first_movies=first_movies, first_users=first_users)
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
        favour(connection, first_movies=first_movies, first_users=first_users)
        found = rows(connection, "select user_id, movie_id from favourites order by all")
    assert found == sorted(zip(frame["user"].tolist(), frame["movie"].tolist(), strict=True))


def interactions(connection):
    """(user, movie, column, weight) of the interactions of users with favourites."""
    query = "select user_id, movie_id, movie_position, weight from interactions semi join favourites using (user_id)"
    return rows(connection, f"{query} order by all")


def test_movies_with_favourites_are_numbered_the_most_favourited_first(memory):
    rate(memory, [*RATINGS, (7, 10, 1.0), (2, 50, 2.0), (5, 30, 4.0)])
    favour(memory)
    assert rows(memory, "from movie_positions order by movie_position") == [
        (30, 3, 0),
        (10, 1, 1),
        (20, 1, 2),
        (40, 1, 3),
    ]
    assert run(memory, "model/interaction_users") == [(1,), (2,), (3,), (4,), (5,)]
    assert run(memory, "model/movies_in_order") == [(30, 3), (10, 1), (20, 1), (40, 1)]
    assert [row[:3] for row in interactions(memory) if row[3] == 1] == [
        (1, 30, 0), (2, 10, 1), (2, 20, 2), (3, 30, 0), (4, 40, 3), (5, 30, 0),
    ]  # fmt: skip
    assert interactions(memory)[0] == (1, 20, 2, 0.5), "a near favourite"
    assert (3, 10, 1, 0.0) in interactions(memory), "only seen"
    assert 50 not in {movie for _, movie, _, _ in interactions(memory)}, "nobody's favourite"


def test_near_favourites_are_rated_up_to_a_star_less(memory):
    rate(memory, [(1, 10, 4.0), (1, 20, 3.0), (1, 30, 2.5), (2, 20, 5.0), (2, 30, 4.5), (3, 10, 3.5)])
    favour(memory)
    assert [(*row[:2], row[3]) for row in interactions(memory)] == [
        (1, 10, 1), (1, 20, 0.5), (1, 30, 0), (2, 20, 1), (2, 30, 1),
    ]  # fmt: skip
    assert rows(memory, "select seconds from interactions order by user_id, movie_id") == [(n,) for n in range(1, 7)]
    favour(memory, near_weight=0.0)
    assert [row[3] for row in interactions(memory)] == [1, 0, 0, 1, 1]


def test_min_rating_moves_what_is_near(memory):
    rate(memory, [(1, 10, 3.0), (1, 20, 2.0), (1, 30, 1.5), (2, 20, 5.0), (2, 30, 3.0)])
    favour(memory, min_rating=3.0)
    assert [row[3] for row in interactions(memory)] == [1, 0.5, 0, 1, 1]


def test_the_log_has_the_last_word_on_favourites(memory):
    rate(memory, RATINGS)
    log_favourites(memory, added=[(1, 20), (1, 30), (9, 50)], taken_back=[(2, 20), (3, 10), (9, 60)])
    favour(memory)
    assert rows(memory, "select user_id, movie_id, year(rated_at) from favourites order by all") == [
        (1, 20, 2026),  # rated low before
        (1, 30, 1970),  # as the rating says
        (2, 10, 1970),
        (3, 30, 1970),
        (4, 40, 1970),
        (9, 50, 2026),  # never rated
    ]


def test_what_the_log_adds_is_a_favourite_and_what_it_takes_back_is_seen(memory):
    rate(memory, [(1, 10, 4.0), (1, 20, 3.5), (1, 30, 3.0), (2, 10, 5.0), (2, 20, 4.0), (2, 30, 4.5), (3, 20, 4.0)])
    log_favourites(memory, added=[(1, 20), (9, 10)], taken_back=[(1, 30), (2, 20)])
    favour(memory)
    assert [(*row[:2], row[3]) for row in interactions(memory)] == [
        (1, 10, 1), (1, 20, 1), (1, 30, 0.5), (2, 10, 1), (2, 20, 0), (2, 30, 1), (3, 20, 1), (9, 10, 1),
    ]  # fmt: skip
    now = 1767312000
    times = rows(memory, "select seconds from interactions order by user_id, movie_id")
    assert times == [(1,), (now,), (3,), (4,), (5,), (6,), (7,), (now,)], "of the rating that makes it a favourite"
