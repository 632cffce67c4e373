"""The incidence: the favourites and nothing else, and the article's selection of them."""

import numpy as np
import pandas as pd
import pytest
from tasks.stations.incidence import load_disliked, load_evidence, load_incidence, select_favourites

from tasks.engine.duckdb import connect
from tasks.errors import CineclusterError
from tasks.favourites.log import ingest_favourites_log
from tasks.source.ingest import ingest_ratings
from tests.conftest import rate, rows

RATINGS = [(7, 30, 4.0), (7, 10, 3.5), (7, 20, 5.0), (3, 20, 4.5), (3, 99, 0.5), (5, 10, 1.0), (9, 10, 4.0), (9, 20, 2)]


@pytest.fixture
def database(tmp_path):
    """RATINGS in a file."""
    with connect(tmp_path / "build.duckdb") as connection:
        rate(connection, RATINGS)
    return tmp_path / "build.duckdb"


def test_incidence_is_one_where_a_user_favourited_a_movie(database):
    assert select_favourites.fn(database, 4.0) == 4
    matrix, user_ids, movie_ids = load_incidence.fn(database)
    assert user_ids.tolist() == [3, 7, 9]
    assert movie_ids.tolist() == [10, 20, 30]
    assert matrix.toarray().tolist() == [[0, 1, 0], [0, 1, 1], [1, 0, 0]]
    assert [a.dtype for a in (matrix.data, matrix.indices, matrix.indptr)] == [np.float32, np.int32, np.int32]
    assert [a.dtype for a in (user_ids, movie_ids)] == [np.int32, np.int32]
    assert matrix.has_sorted_indices


def test_disliked_are_the_other_ratings_of_these_users_and_movies(database):
    select_favourites.fn(database, 4.0)
    assert load_disliked.fn(database, (3, 3), 4.0, True).toarray().tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert load_disliked.fn(database, (3, 3), 4.0, False).nnz == 0


def test_evidence_adds_what_was_rated_up_to_a_star_less(database):
    select_favourites.fn(database, 4.0)
    weights, times = load_evidence.fn(database, (3, 3), 4.0, 0.5)
    assert weights.toarray().tolist() == [[0, 1, 0], [0.5, 1, 1], [1, 0, 0]]
    assert times.tolist() == [4, 2, 3, 1, 7], "the times of the ratings, in the order of the weights"
    assert weights.dtype == np.float32


def test_evidence_is_the_incidence_where_watching_counts_nothing(database):
    select_favourites.fn(database, 4.0)
    weights, times = load_evidence.fn(database, (3, 3), 4.0, 0.0)
    assert (weights != load_incidence.fn(database).matrix).nnz == 0
    assert len(times) == 4


def test_min_rating_says_what_a_favourite_is(database):
    assert select_favourites.fn(database, 0.5) == 8
    assert select_favourites.fn(database, 5.0) == 1
    assert load_incidence.fn(database).matrix.shape == (1, 1)


def test_no_favourites_at_all_is_an_error_with_the_remedy(tmp_path):
    with connect(tmp_path / "build.duckdb") as connection:
        rate(connection, [(1, 1, 3.5)])
    with pytest.raises(CineclusterError, match=r"no rating is 4 or more\. Lower --min-rating"):
        select_favourites.fn(tmp_path / "build.duckdb", 4.0)


@pytest.fixture(scope="module")
def ml_latest_small(real_data, tmp_path_factory):
    """The ratings of ml-latest-small in a file."""
    database = tmp_path_factory.mktemp("ml-latest-small") / "build.duckdb"
    ingest_ratings.fn(database, real_data / "ml-latest-small")
    ingest_favourites_log.fn(database, database)
    return database


def test_first_movies_and_first_users_are_what_the_article_selects(ml_latest_small, real_data):
    """The article: favourites, of those the first 200 movie ids, of those the first 100 user ids."""
    liked = pd.read_csv(real_data / "ml-latest-small" / "ratings.csv").query("rating >= 4.0")
    liked = liked[liked["movieId"].isin(np.unique(liked["movieId"])[:200])]
    liked = liked[liked["userId"].isin(np.unique(liked["userId"])[:100])]
    expected = sorted(zip(liked["userId"], liked["movieId"], strict=True))

    assert select_favourites.fn(ml_latest_small, 4.0, 200, 100) == len(expected)
    with connect(ml_latest_small) as connection:
        assert rows(connection, "select user_id, movie_id from favourites order by all") == expected
    assert load_incidence.fn(ml_latest_small).user_ids.size == 100


def test_real_favourites_are_counted_and_placed_right(ml_latest_small, real_data):
    assert select_favourites.fn(ml_latest_small, 4.0) == 48_580
    matrix, user_ids, movie_ids = load_incidence.fn(ml_latest_small)
    assert matrix.shape == (609, 6_298)
    assert matrix.nnz == 48_580
    ratings = pd.read_csv(real_data / "ml-latest-small" / "ratings.csv")
    liked = ratings.query("userId == 414 and rating >= 4")["movieId"].sort_values()
    assert movie_ids[matrix[np.flatnonzero(user_ids == 414)[0]].indices].tolist() == liked.tolist()
    low = load_disliked.fn(ml_latest_small, matrix.shape, 4.0, True)
    assert low.multiply(matrix).nnz == 0
    assert low.nnz == ratings.query("rating < 4 and movieId in @movie_ids and userId in @user_ids").shape[0]
