"""The number of fine clusters that held-out favourites lead to."""

import numpy as np
import pytest

from tasks.blocks import rank_movies
from tasks.quality.choose import choose_n_fine_clusters, measure_quality, recommend, try_fine_clusters
from tasks.quality.holdout import hold_out
from tests.model.builders import UNSEEN, from_incidence, interactions_of, options_of


@pytest.fixture(scope="module")
def four_tastes():
    """200 users who favourited movies of one of four kinds."""
    random = np.random.default_rng(0)
    taste = np.repeat([0, 1, 2, 3], 50)
    likes = np.where(np.arange(80) // 20 == taste[:, None], 0.4, 0.02)
    return rank_movies(from_incidence(random.random((200, 80)) < likes))[0]


@pytest.mark.parametrize(
    ("measured", "expected"),
    [({10: 0.30, 20: 0.31, 40: 0.309, 80: 0.28}, 40), ({10: 0.5, 20: 0.2}, 10), ({}, 25)],
)
def test_the_finest_number_of_near_best_quality_is_chosen(measured, expected):
    assert choose_n_fine_clusters("auto", measured, 100) == expected
    assert choose_n_fine_clusters(7, measured, 100) == 7


def test_quality_is_measured_for_rising_numbers_and_predicts_taste(four_tastes):
    measured = try_fine_clusters(hold_out(four_tastes, "random", 0), options_of())
    assert list(measured) == [6, 12, 25, 50]
    assert max(measured.values()) > 0.15  # any order of the 80 movies would have about 0.03


def test_nothing_is_measured_where_there_is_nothing_to_choose_or_to_hold_out(four_tastes):
    assert measure_quality(four_tastes, options_of(n_fine_clusters=7)) == {}
    assert measure_quality(four_tastes, options_of(n_fine_clusters=0)) == {}
    assert measure_quality(from_incidence(np.eye(30)), options_of()) == {}


def test_quality_is_measured_on_a_sample(four_tastes):
    sampled = measure_quality(four_tastes, options_of(quality_users=64))
    assert list(sampled) == [2, 4, 8, 16]
    assert sampled == measure_quality(four_tastes, options_of(quality_users=64))
    assert list(measure_quality(four_tastes, options_of(quality_users=10**6))) == [6, 12, 25, 50]


def test_recommended_movies_are_of_the_users_kind_and_not_seen():
    random = np.random.default_rng(1)
    taste = np.repeat([0, 1], 30)
    is_favourite = random.random((60, 40)) < np.where(np.arange(40) // 20 == taste[:, None], 0.5, 0.02)
    weights = np.where(is_favourite, 1.0, np.where(random.random((60, 40)) < 0.1, 0.0, UNSEEN))
    users = interactions_of(weights)
    best = recommend(users, options_of(), 4, 5)
    assert np.bincount(best.user).tolist() == [5] * 60
    assert np.isnan(weights[best.user, best.movie]).all(), "columns are those of the interactions that were given"
    assert (best.movie // 20 == taste[best.user]).mean() > 0.95


def test_movies_without_fans_are_not_recommended():
    """In the training part of a split a movie may have lost all its favourites."""
    users = interactions_of([[1, UNSEEN, 0, 1, UNSEEN]] * 6 + [[UNSEEN, UNSEEN, 0, 1, 1]] * 6)
    best = recommend(users, options_of(), 2, 5)
    assert set(best.movie.tolist()) == {0, 4}
