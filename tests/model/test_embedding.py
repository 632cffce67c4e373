"""The taste space: weights, ages and coordinates, each against its formula."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.blocks import evidence_of, select_users, slice_users
from tasks.model.draw import shuffle_key
from tasks.model.embedding import embed, idf_of, place_in_space, weigh
from tasks.model.recency import age, discount, with_ages
from tests.model.builders import UNSEEN, from_incidence, interactions_of, movies_of, options_of

X = UNSEEN


def some_users(n_users=30, n_movies=20, seed=0):
    """Users who favourited, nearly favourited or saw some movies, at distinct times."""
    random = np.random.default_rng(seed)
    weights = random.choice([X, 0, 0.5, 1], size=(n_users, n_movies), p=[0.5, 0.1, 0.1, 0.3])
    weights[:, 0] = 1
    weights[0] = 1
    n_entries = np.count_nonzero(~np.isnan(weights))
    return interactions_of(weights, random.permutation(n_entries) + 1)


def dense(users):
    """The weights as a dense float64 array, 0 for what is unseen."""
    return users.weights.toarray().astype(np.float64)


def normal(rows):
    """Rows of length 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def points_of(users, **options):
    """The space of users, and where they are in it."""
    chosen = options_of(**options)
    space, _ = embed(users, movies_of(users), chosen)
    return space, place_in_space(users, space, chosen)


def test_idf_weighs_by_the_root_of_the_inverse_frequency_and_makes_rows_of_length_one():
    users = interactions_of([[1, 1, 0.5], [1, X, 0], [1, X, 1], [0.5, 1, X]])
    before = users.weights.data.copy()
    expected = normal(dense(users) * np.sqrt(np.log(4 / np.array([3, 2, 1]))))
    weighed = weigh(users, idf_of(movies_of(users)), options_of(recency=0.3))
    np.testing.assert_allclose(weighed.toarray(), expected, rtol=1e-6)
    assert weighed.dtype == np.float32
    np.testing.assert_array_equal(users.weights.data, before, "the interactions themselves stay as they were")


def test_later_ratings_count_more_by_the_formula():
    users = interactions_of(
        [[1, 1, 1, X], [X, 0.5, 1, 1], [1, X, X, 0], [0, X, X, 1]], [30, 10, 20, 5, 6, 7, 1, 9, 8, 1]
    )
    later = np.array([[0, 2, 1, 0], [0, 2, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])  # only evidence makes older
    expected = normal(dense(users) * np.sqrt(np.log(4 / np.array([2, 1, 2, 2]))) * (1 - 0.4 * later / (2 + later)))
    np.testing.assert_allclose(
        weigh(users, idf_of(movies_of(users)), options_of(recency=0.4)).toarray(), expected, 1e-5
    )


def test_without_times_or_recency_all_ratings_count_the_same():
    users = some_users()
    idf = np.ones(20, dtype=np.float32)
    expected = normal(dense(users))
    timeless = users._replace(seconds=np.zeros_like(users.seconds))
    np.testing.assert_allclose(weigh(timeless, idf, options_of(recency=0.4)).toarray(), expected, rtol=1e-6)
    np.testing.assert_allclose(weigh(users, idf, options_of(recency=0.0)).toarray(), expected, rtol=1e-6)


@given(st.integers(0, 99), st.integers(1, 5))
def test_age_is_the_number_of_later_entries(seed, n_times):
    random = np.random.default_rng(seed)
    users = some_users(6, 8, seed)
    users = users._replace(seconds=random.integers(1, n_times + 1, users.weights.nnz))
    ages = age(users)
    for start, stop in zip(users.weights.indptr[:-1], users.weights.indptr[1:], strict=True):
        times, mine = users.seconds[start:stop], ages[start:stop]
        assert mine.tolist() == [(times > time).sum() for time in times]


def test_ages_that_were_counted_before_are_those_of_the_evidence(monkeypatch):
    users = some_users()
    expected = discount(evidence_of(users), 0.4)
    first, last = evidence_of(users).weights.indptr[[10, 20]]
    counted = with_ages(users)
    monkeypatch.delattr("tasks.model.recency.age")
    np.testing.assert_array_equal(discount(evidence_of(counted), 0.4), expected)
    np.testing.assert_array_equal(discount(evidence_of(slice_users(counted, 10, 20)), 0.4), expected[first:last])


@pytest.mark.filterwarnings("error")
def test_what_looks_random_is_the_same_wherever_the_user_is():
    users = some_users()
    kept = np.arange(30) % 3 == 1
    entries = np.repeat(kept, np.diff(users.weights.indptr))
    np.testing.assert_array_equal(age(select_users(users, kept)), age(users)[entries])
    np.testing.assert_array_equal(shuffle_key(select_users(users, kept)), shuffle_key(users)[entries])
    first, second = (np.argsort(shuffle_key(users, seed)[:20]) for seed in (0, 1))
    assert first.tolist() != second.tolist()
    assert first.tolist() != list(range(20))


def test_weighting_none_and_no_components_is_the_incidence():
    users = some_users()
    space, points = points_of(users, preset="article")
    assert (points != (users.weights == 1)).nnz == 0
    assert points.dtype == np.float32
    assert points.nnz == np.count_nonzero(dense(users) == 1)
    assert space.axes.shape == (20, 0)
    assert space.idf.tolist() == [1] * 20


def test_points_are_small_dense_float32_with_rows_of_length_one_around_the_mean():
    users = some_users()
    space, points = points_of(users, n_components=6)
    assert points.shape == (30, 6)
    assert points.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, rtol=1e-5)
    assert np.linalg.norm(points.mean(axis=0)) < 0.2
    np.testing.assert_array_equal(points, points_of(users, n_components=6)[1])
    assert {array.dtype for array in space} == {np.dtype(np.float32)}


def test_points_are_u_root_s_of_the_svd_seen_from_the_centre():
    """Up to the signs of the axes, which make no difference to distances."""
    users = some_users()
    weighed = weigh(users, idf_of(movies_of(users)), options_of()).toarray().astype(np.float64)
    left, values, _ = np.linalg.svd(weighed, full_matrices=False)
    tastes = normal(left[:, :4] * np.sqrt(values[:4]))
    expected = normal(tastes - tastes.mean(axis=0))
    _, points = points_of(users, n_components=4)
    np.testing.assert_allclose(points @ points.T, expected @ expected.T, atol=5e-3)


def test_points_without_weights_are_u_s_of_the_svd():
    users = some_users()
    left, values, _ = np.linalg.svd((dense(users) == 1).astype(float), full_matrices=False)
    expected = left[:, :19] * values[:19]
    _, points = points_of(users, preset="article", n_components=19)
    np.testing.assert_allclose(points @ points.T, expected @ expected.T, atol=1e-3)


def test_a_user_is_at_the_same_point_in_any_block():
    users = some_users()
    space, points = points_of(users, n_components=6)
    kept = np.arange(30) % 4 == 2
    np.testing.assert_array_equal(place_in_space(select_users(users, kept), space, options_of()), points[kept])


@pytest.mark.parametrize(("shape", "n_components"), [((5, 4), 0), ((1, 4), 3), ((5, 1), 3), ((1, 1), "auto")])
def test_a_space_without_room_for_an_svd_is_the_incidence(shape, n_components):
    _, points = points_of(from_incidence(np.ones(shape)), preset="article", n_components=n_components)
    np.testing.assert_array_equal(points.toarray(), np.ones(shape))


@pytest.mark.parametrize("weighting", ["none", "idf"])
def test_a_space_has_no_more_columns_than_the_incidence_has_dimensions(weighting):
    users = from_incidence(np.tri(5, 4))
    _, points = points_of(users, weighting=weighting, n_components="auto", recency=0)
    assert points.shape == (5, 3)
    assert np.isfinite(points).all()


@pytest.mark.parametrize(("n_users", "expected"), [(2999, 32), (3000, 64)])
def test_auto_takes_more_components_for_many_users(n_users, expected):
    users = some_users(80, 70)
    space, _ = embed(users, movies_of(users)._replace(n_users=n_users), options_of(n_components="auto"))
    assert space.axes.shape == (70, expected)


@pytest.mark.filterwarnings("error")
def test_users_who_are_all_alike_have_finite_points():
    _, points = points_of(from_incidence(np.ones((8, 3))), n_components="auto")
    assert np.isfinite(points).all()
