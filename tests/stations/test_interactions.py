"""The interactions: favourites, near favourites and what was only seen, and the article's selection of them."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.blocks import evidence_of, favourites_of
from tasks.engine.duckdb import DuckDBEngine
from tasks.errors import CineclusterError
from tasks.favourites.log import ingest_favourites_log
from tasks.source.ingest import ingest_ratings
from tasks.stations.interactions import FavouriteOptions, build_interactions, load_sample, select_favourites
from tests.conftest import RULES, rate, rows

RATINGS = [(7, 30, 4.0), (7, 10, 3.5), (7, 20, 5.0), (3, 20, 4.5), (3, 99, 0.5), (5, 10, 1.0), (9, 10, 4.0), (9, 20, 2)]


@pytest.fixture
def engine(tmp_path):
    """RATINGS in a file."""
    engine = DuckDBEngine(tmp_path / "build.duckdb")
    with engine.connect() as connection:
        rate(connection, RATINGS)
    return engine


def select(engine, **options):
    """Select favourites and build the interactions; return the number of favourites, the movies and the one block."""
    n_favourites = select_favourites(engine, FavouriteOptions(**RULES | options))
    movies = build_interactions(engine)
    [block] = engine.blocks()
    return n_favourites, movies, block


def test_incidence_is_one_where_a_user_favourited_a_movie(engine):
    n_favourites, movies, block = select(engine)
    assert n_favourites == 4
    assert block.user_ids.tolist() == [3, 7, 9]
    assert movies.movie_ids.tolist() == [20, 10, 30], "the most favourited first, then by id"
    assert (movies.n_fans.tolist(), movies.n_users) == ([2, 1, 1], 3)
    matrix = favourites_of(block)
    assert matrix.toarray().tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 0]]
    assert [a.dtype for a in (matrix.data, matrix.indices, matrix.indptr)] == [np.float32, np.int32, np.int32]
    assert [a.dtype for a in (block.user_ids, movies.movie_ids)] == [np.int32, np.int32]
    assert matrix.has_sorted_indices


def test_a_near_favourite_weighs_less_and_what_was_only_seen_nothing(engine):
    _, _, block = select(engine)
    assert block.weights.toarray().tolist() == [[1, 0, 0], [1, 0.5, 1], [0, 1, 0]]
    assert block.weights.nnz == 6, "user 9 has seen movie 20"
    assert evidence_of(block).weights.nnz == 5
    assert block.seconds.tolist() == [4, 3, 2, 1, 8, 7], "the times of the ratings, in the order of the weights"
    assert (block.weights.dtype, block.seconds.dtype) == (np.float32, np.int64)


def test_evidence_is_the_incidence_where_near_favourites_weigh_nothing(engine):
    _, _, block = select(engine, near_weight=0.0)
    evidence = evidence_of(block)
    assert (evidence.weights != favourites_of(block)).nnz == 0
    assert len(evidence.seconds) == 4


def test_ratings_of_users_without_favourites_are_in_no_block(engine):
    """User 5 is between the first and the last user of the block."""
    _, _, block = select(engine)
    assert block.weights.nnz == sum(1 for user, movie, _ in RATINGS if user != 5 and movie != 99)


def test_min_rating_says_what_a_favourite_is(engine):
    assert select(engine, min_rating=0.5)[0] == 8
    n_favourites, _, block = select(engine, min_rating=5.0)
    assert n_favourites == 1
    assert block.weights.shape == (1, 1)


def test_no_favourites_at_all_is_an_error_with_the_remedy(tmp_path):
    engine = DuckDBEngine(tmp_path / "build.duckdb")
    with engine.connect() as connection:
        rate(connection, [(1, 1, 3.5)])
    with pytest.raises(CineclusterError, match=r"no rating is 4 or more\. Lower --min-rating"):
        select(engine)


def test_a_sample_is_of_whole_users_by_seed_and_the_article_takes_everybody(good_tables, tmp_path):
    engine = DuckDBEngine(Path(shutil.copy(good_tables.build, tmp_path)))
    engine.store_blocks()
    options = good_tables.options.model
    [everybody] = engine.blocks()
    few = load_sample(engine, options._replace(fit_users=5))
    others = load_sample(engine, options._replace(fit_users=5, seed=1))
    assert len(few.user_ids) == len(others.user_ids) == 5
    assert few.user_ids.tolist() != others.user_ids.tolist()
    mine = everybody.weights[np.isin(everybody.user_ids, few.user_ids)]
    assert (few.weights != mine).nnz == 0
    for exact in ({"weighting": "none"}, {"merge_by": "overlap"}):
        sample = load_sample(engine, options._replace(fit_users=5, **exact))
        assert sample.user_ids.tolist() == everybody.user_ids.tolist()


@pytest.fixture(scope="module")
def ml_latest_small(real_data, tmp_path_factory):
    """The ratings of ml-latest-small in a file."""
    engine = DuckDBEngine(tmp_path_factory.mktemp("ml-latest-small") / "build.duckdb")
    ingest_ratings(engine, real_data / "ml-latest-small")
    ingest_favourites_log(engine, engine.database)
    return engine


def test_first_movies_and_first_users_are_what_the_article_selects(ml_latest_small, real_data):
    """The article: favourites, of those the first 200 movie ids, of those the first 100 user ids."""
    liked = pd.read_csv(real_data / "ml-latest-small" / "ratings.csv").query("rating >= 4.0")
    liked = liked[liked["movieId"].isin(np.unique(liked["movieId"])[:200])]
    liked = liked[liked["userId"].isin(np.unique(liked["userId"])[:100])]
    expected = sorted(zip(liked["userId"], liked["movieId"], strict=True))

    n_favourites, movies, block = select(ml_latest_small, first_movies=200, first_users=100)
    assert n_favourites == len(expected) == favourites_of(block).nnz
    with ml_latest_small.connect() as connection:
        assert rows(connection, "select user_id, movie_id from favourites order by all") == expected
    users, columns = favourites_of(block).nonzero()
    pairs = zip(block.user_ids[users].tolist(), movies.movie_ids[columns].tolist(), strict=True)
    assert sorted(pairs) == expected
    assert block.user_ids.size == 100


def test_real_favourites_are_counted_and_placed_right(ml_latest_small, real_data):
    n_favourites, movies, block = select(ml_latest_small)
    assert n_favourites == 48_580
    matrix = favourites_of(block)
    assert matrix.shape == (609, 6_298)
    assert matrix.nnz == 48_580
    ratings = pd.read_csv(real_data / "ml-latest-small" / "ratings.csv")
    liked = ratings.query("userId == 414 and rating >= 4")["movieId"]
    mine = matrix[np.flatnonzero(block.user_ids == 414)[0]]
    assert sorted(movies.movie_ids[mine.indices].tolist()) == sorted(liked)
    known = ratings[ratings["movieId"].isin(movies.movie_ids) & ratings["userId"].isin(block.user_ids)]
    assert block.weights.nnz == len(known)
    assert evidence_of(block).weights.nnz == len(known.query("rating >= 3"))
