"""The item model: against the regression that it solves, solved slowly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.blocks import evidence_of, slice_users
from tasks.model import items
from tasks.model.items import (
    add_low_rank,
    count_items,
    discounted,
    gram_of,
    item_weights,
    low_rank_axes,
    regression_weights,
    scale_of,
    sessions_of,
    with_few_digits,
)
from tasks.model.types import ItemSettings
from tests.model.builders import UNSEEN, interactions_of

SETTINGS = ItemSettings(
    strength=2.0,
    low_rank=0.3,
    weight=0.6,
    rarity_power=0.0,
    trend_power=0.0,
    recency=0.0,
    session_weight=0.0,
    unit=1.0,
)


def some_users(seed=0, n_users=40, n_movies=9):
    """Users with favourites, near favourites and movies only seen; some have nothing else."""
    random = np.random.default_rng(seed)
    weights = random.choice([UNSEEN, 0, 0.5, 1], size=(n_users, n_movies), p=[0.5, 0.1, 0.1, 0.3])
    weights[1] = 0
    return interactions_of(weights, random.permutation(np.count_nonzero(~np.isnan(weights))) + 1)


@given(st.integers(0, 999), st.floats(0.1, 50))
def test_weights_are_a_ridge_regression_of_each_movie_on_the_others(seed, strength):
    gram = gram_of(some_users(seed), 9)
    settings = SETTINGS._replace(strength=strength)
    weights, total = regression_weights(gram.copy(), settings)
    assert total == pytest.approx(np.sum(gram * weights), rel=1e-4, abs=1e-4)
    penalty = strength * gram.trace() / 9 * (np.maximum(np.diag(gram), 1e-3) / (gram.trace() / 9)) ** 0.25
    assert (weights.dtype, weights.shape) == (np.float32, (9, 9))
    for movie in range(9):
        others = np.delete(np.arange(9), movie)
        system = gram[np.ix_(others, others)] + np.diag(penalty[others])
        np.testing.assert_allclose(
            weights[others, movie], np.linalg.solve(system, gram[others, movie]), rtol=1e-4, atol=1e-6
        )
        assert weights[movie, movie] == 0


@given(st.integers(0, 999), st.integers(1, 9))
def test_a_user_counts_by_the_root_of_the_evidence_and_blocks_add_up(seed, n_items):
    users = some_users(seed)
    evidence = evidence_of(users).weights.toarray().astype(np.float64)[:, :n_items]
    expected = sum(np.outer(y, y) / np.sqrt(y @ y) for y in evidence if y.any())
    gram = gram_of(users, n_items)
    np.testing.assert_allclose(gram, expected, rtol=1e-6, atol=1e-9)
    parts = [gram_of(slice_users(users, start, start + 7), n_items) for start in range(0, 40, 7)]
    np.testing.assert_allclose(sum(parts), gram, rtol=1e-6, atol=1e-9)
    assert gram.dtype == np.float64


@given(st.integers(0, 999), st.integers(1, 9), st.sampled_from([0.0, 0.5, 2.0]))
def test_favourites_of_a_session_count_again_and_blocks_add_up(seed, n_items, session_weight):
    users = some_users(seed, n_movies=30)
    expected = np.zeros((n_items, n_items))
    starts = users.weights.indptr
    for row, y in enumerate(evidence_of(users).weights.toarray().astype(np.float64)[:, :n_items]):
        entries = slice(starts[row], starts[row + 1])
        seconds = dict(zip(users.weights.indices[entries], users.seconds[entries], strict=True))
        latest_first = sorted(np.flatnonzero(y), key=lambda movie: -seconds[movie])
        for start in range(0, len(latest_first), 8):
            z = np.where(np.isin(np.arange(n_items), latest_first[start : start + 8]), y, 0)
            expected += session_weight * np.outer(z, z) / np.sqrt(y @ y)
    expected += gram_of(users, n_items)
    np.testing.assert_allclose(gram_of(users, n_items, session_weight), expected, rtol=1e-5, atol=1e-6)
    parts = [gram_of(slice_users(users, start, start + 7), n_items, session_weight) for start in range(0, 40, 7)]
    np.testing.assert_allclose(sum(parts), expected, rtol=1e-5, atol=1e-6)


def test_a_session_is_of_one_user_and_has_all_of_one_time():
    weights = np.array([[1.0] * 11, [1.0] * 2 + [UNSEEN] * 9, [0.0] * 11])
    seconds = np.array([5] * 9 + [1] + [9] + [1, 2] + [3] * 11)
    found = sessions_of(interactions_of(weights, seconds), 11)
    assert [sorted(row.indices) for row in found] == [[0, 1, 2, 3, 4, 5, 6, 7, 8, 10], [9], [0, 1]]
    np.testing.assert_allclose(found.data, np.repeat([11.0**-0.25, 2.0**-0.25], [11, 2]), rtol=1e-6)


def test_many_favourites_of_one_time_are_no_session():
    found = sessions_of(interactions_of(np.ones((2, 65)), np.repeat([3, 1, 2], [65, 8, 57])), 65)
    assert np.diff(found.indptr).tolist() == [57, 8]


def test_a_strength_means_the_same_however_much_sessions_count():
    """Where each user has one session, the diagonal alone tells how much it counts."""
    users = some_users(n_movies=6)
    once, again = (gram_of(users, 6, weight) for weight in (0.0, 1.0))
    expected, _ = regression_weights(once.copy(), SETTINGS._replace(strength=1.0))
    found, _ = regression_weights(again, SETTINGS._replace(strength=2.0, session_weight=1.0))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_what_is_not_positive_definite_is_told():
    with pytest.raises(np.linalg.LinAlgError, match="so little regularisation"):
        regression_weights(np.array([[1.0, 9.0], [9.0, 1.0]]), SETTINGS)


def test_the_unit_of_the_strength_is_the_mean_of_the_most_favourited_movies(monkeypatch):
    gram = gram_of(some_users(), 9)
    monkeypatch.setattr(items, "SCALE_ITEMS", 3)
    mean = np.diag(gram)[:3].mean()
    inverse = np.linalg.inv(gram + np.diag(2.0 * mean * (np.diag(gram) / mean) ** 0.25))
    expected = inverse / -np.diag(inverse)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(regression_weights(gram.copy(), SETTINGS)[0], expected, rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(items, "BLOCK_ROWS", 4)  # the inverse is completed in several steps
    np.testing.assert_allclose(regression_weights(gram.copy(), SETTINGS)[0], expected, rtol=1e-4, atol=1e-6)


def test_movies_without_evidence_have_no_weights():
    assert not item_weights(np.zeros((3, 3)), SETTINGS).any()


def low_rank_weights(gram):
    """The part of low rank alone."""
    weights = np.zeros(gram.shape, dtype=np.float32)
    add_low_rank(weights, low_rank_axes(np.diag(gram), lambda vectors: gram @ vectors), 1.0)
    return weights


def test_the_part_of_low_rank_is_a_projection_on_the_leading_axes(monkeypatch):
    monkeypatch.setattr(items, "N_AXES", 3)
    gram = gram_of(some_users(), 9)
    scale = np.diag(np.diag(gram) ** -0.25)
    axes = np.linalg.svd(scale @ gram @ scale)[0][:, :3]
    expected = axes @ axes.T
    np.fill_diagonal(expected, 0)
    part = low_rank_weights(gram)
    assert part.dtype == np.float32
    np.testing.assert_allclose(part, expected, atol=1e-6)
    monkeypatch.setattr(items, "FEW_ITEMS", 8)  # now by iteration
    np.testing.assert_allclose(low_rank_weights(gram), expected, atol=1e-6)


def test_of_equal_eigenvalues_all_are_taken_or_none(monkeypatch):
    monkeypatch.setattr(items, "N_AXES", 2)
    gram = np.kron(np.diag([5.0, 4.0, 4.0, 1.0]), np.ones((2, 2)))
    part = low_rank_weights(gram)
    assert np.count_nonzero(part) == 2
    assert part[0, 1] == part[1, 0] == pytest.approx(0.5)


def test_the_part_of_low_rank_adds_its_share_to_the_mean():
    gram = gram_of(some_users(), 9)
    regression = item_weights(gram.copy(), SETTINGS._replace(low_rank=0.0))
    added = item_weights(gram.copy(), SETTINGS._replace(low_rank=0.4))
    assert np.sum(added * gram) == pytest.approx(1.4 * np.sum(regression * gram))
    part = low_rank_weights(gram)
    scale = np.sum(gram * regression) / np.sum(gram * part)
    np.testing.assert_allclose(added, regression + 0.4 * scale * part, rtol=1e-4, atol=1e-6)
    assert scale_of(-1.0, 2.0) == 0


def test_many_items_have_single_precision(monkeypatch):
    users = some_users()
    exact = item_weights(gram_of(users, 9), SETTINGS)
    monkeypatch.setattr(items, "MOST_EXACT", 8)
    gram = gram_of(users, 9)
    assert gram.dtype == np.float32
    np.testing.assert_allclose(item_weights(gram, SETTINGS), exact, atol=1e-5)


@given(st.integers(0, 999), st.floats(1e-6, 1e6))
def test_weights_are_stored_to_a_hundred_thousandth_of_the_largest(seed, scale):
    weights = np.random.default_rng(seed).normal(scale=scale, size=(5, 5)).astype(np.float32)
    stored = with_few_digits(weights.copy())
    assert stored.dtype == np.float32
    np.testing.assert_allclose(stored, weights, atol=1e-5 * np.abs(weights).max())
    assert len(f"{np.abs(stored).max():.6g}".replace(".", "").strip("0").split("e")[0]) <= 6
    assert not with_few_digits(np.zeros((2, 2), dtype=np.float32)).any()


def test_later_favourites_count_more():
    users = interactions_of([[1, 0.5, 0, 1]], [30, 40, 99, 10])
    expected = np.array([[1 - 0.4 / 3, 0.5, 0]])  # the movie only seen is no evidence; the last is beyond the items
    np.testing.assert_allclose(discounted(users, 3, 0.4).toarray(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("n_fans", "n_users", "expected"),
    [
        ([5, 3, 2, 1, 1], 9, 3),
        ([1], 1, 0),
        ([2] * 18_001, 9, 18_000),
        ([2] * 10_000, 100_000, 8500),  # spread evenly
        ([2] * 10_000, 50_000, 9100),
        ([2] * 10_000, 25_000, 9700),
        ([2] * 10_000, 24_999, 10_000),
        ([90_000] * 100 + [2] * 10_000, 100_000, 2500),
        ([2] * 18_001 + [1] * 36_000, 100_000, 18_000),
    ],
)
def test_movies_with_two_favourites_are_known_and_of_many_users_those_that_hold_most(n_fans, n_users, expected):
    assert count_items(np.array(n_fans), n_users) == expected
