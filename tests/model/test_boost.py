"""What the scores of a movie are multiplied by."""

import numpy as np
import pytest

from tasks.blocks import slice_users
from tasks.model.boost import boost_of, count_recent, rarity, recent_since, trend
from tests.model.builders import UNSEEN, interactions_of


def test_rarity_is_1_for_the_most_popular_and_more_for_others():
    np.testing.assert_allclose(rarity(np.array([16.0, 1.0, 0.0]), 0.25), [1, 2, 32**0.25], rtol=1e-6)
    assert rarity(np.array([16.0, 1.0]), 0.0).tolist() == [1, 1]
    assert np.isfinite(rarity(np.zeros(2), 0.2)).all()


def test_a_trend_is_above_1_for_movies_on_the_rise_and_below_for_others():
    popularity, recent = np.array([100.0, 100.0, 200.0, 0.0]), np.array([5.0, 10.0, 5.0, 0.0])
    prior = 2 * (0.25**2 + 0.25**2 + 0.5**2)
    expected = [1, (0.5 + prior) / (0.25 + prior), (0.25 + prior) / (0.5 + prior), 1]
    np.testing.assert_allclose(trend(popularity, recent, 0.5), np.sqrt(expected), rtol=1e-6)
    assert trend(popularity, recent, 0.0).tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(trend(100 * popularity, 50 * recent, 0.5), np.sqrt(expected), rtol=1e-6)


def test_without_recent_evidence_there_is_no_trend():
    assert trend(np.array([3.0, 1.0]), np.zeros(2), 0.5).tolist() == [1, 1]
    assert trend(np.zeros(2), np.zeros(2), 0.5).tolist() == [1, 1]


def test_a_few_favourites_are_hardly_a_trend():
    popularity, recent = np.array([1000.0, 1.0]), np.array([50.0, 1.0])
    assert 1 < trend(popularity, recent, 1.0)[1] < 1.01


def test_a_boost_is_rarity_times_trend():
    popularity, recent = np.array([9.0, 5.0, 2.0]), np.array([1.0, 2.0, 0.0])
    expected = rarity(popularity, 0.1) * trend(popularity, recent, 0.3)
    np.testing.assert_allclose(boost_of(popularity, recent, 0.1, 0.3), expected)
    np.testing.assert_array_equal(boost_of(popularity, recent, 0.1, 0.0), rarity(popularity, 0.1))


def test_recent_evidence_is_that_of_the_latest_twentieth_and_adds_up_over_blocks():
    random = np.random.default_rng(0)
    weights = random.choice([UNSEEN, 0, 0.5, 1], size=(40, 9))
    n_entries = np.count_nonzero(~np.isnan(weights))
    users = interactions_of(weights, random.permutation(n_entries) + 1_000_000_000)
    since = recent_since(users)
    late = users.seconds > since
    assert late.sum() == pytest.approx(n_entries / 20, abs=1)
    expected = [users.weights.data[late & (users.weights.indices == movie)].sum() for movie in range(7)]
    assert count_recent(users, since, 7).tolist() == expected
    parts = [count_recent(slice_users(users, start, start + 15), since, 7) for start in (0, 15, 30)]
    assert np.sum(parts, axis=0).tolist() == expected


def test_nothing_is_recent_where_times_are_unknown_or_nobody_is_there():
    users = interactions_of(np.array([[1.0, 0.5], [UNSEEN, 1.0]]), np.zeros(3))
    assert count_recent(users, recent_since(users), 2).tolist() == [0, 0]
    nobody = slice_users(users, 0, 0)
    assert count_recent(nobody, recent_since(nobody), 2).tolist() == [0, 0]
