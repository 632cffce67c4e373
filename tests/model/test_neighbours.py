"""Where users are among the clusters, against the formula and whatever block they come in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from tasks.blocks import select_users
from tasks.model.embedding import place_in_space
from tasks.model.fit import fit_fine_clusters, fit_model, known_of
from tasks.model.neighbours import Known, count_neighbours, distances, nearest, place, tastes_of, weigh_neighbours
from tasks.model.types import CLUSTERS_ALONE, Groups, Scoring
from tests.model.builders import interactions_of, movies_of, options_of


def scoring_of(n_neighbours, sharpness):
    """The numbers of a formula of which only these matter."""
    return Scoring("idf", 0.2, n_neighbours, sharpness, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0, True)


@given(st.integers(1, 12), st.integers(2, 12), st.floats(0, 20), st.integers(0, 1000))
def test_weights_of_the_nearest_clusters_follow_the_formula(k, n_nearest, sharpness, seed):
    random = np.random.default_rng(seed)
    points = random.normal(size=(7, 3)).astype(np.float32)
    fine = random.normal(size=(k, 3)).astype(np.float32)
    own = nearest(points, fine)
    near = weigh_neighbours(distances(points, fine), own, scoring_of(min(k, n_nearest), sharpness))
    assert near.clusters.shape == (7, min(k, n_nearest))
    assert (near.clusters.dtype, near.weights.dtype) == (np.int32, np.float32)
    np.testing.assert_allclose(near.weights.sum(axis=1), 1, rtol=1e-5)
    for user, point in enumerate(points.astype(float)):
        d2 = ((point - fine) ** 2).sum(axis=1)
        order = np.argsort(d2)[:n_nearest]
        assert near.clusters[user].tolist() == order.tolist(), "nearest first"
        weights = np.exp(-sharpness * (d2[order] - d2.min()))
        np.testing.assert_allclose(near.weights[user], weights / weights.sum(), rtol=1e-3, atol=1e-6)


def test_of_equally_near_clusters_the_lower_one_comes_first():
    points = np.zeros((2, 2), dtype=np.float32)
    fine = np.array([[0, 2], [1, 0], [0, -1], [-1, 0], [0, 1]], dtype=np.float32)
    near = weigh_neighbours(distances(points, fine), np.zeros(2, dtype=np.int32), scoring_of(5, 1.0))
    assert near.clusters.tolist() == [[1, 2, 3, 4, 0]] * 2


def test_the_nearest_clusters_of_sparse_points():
    random = np.random.default_rng(5)
    points, fine = random.normal(size=(40, 3)).astype(np.float32), random.normal(size=(5, 3)).astype(np.float32)
    own = np.zeros(40, dtype=np.int32)
    d2 = [distances(form, fine) for form in (points, csr_matrix(points))]
    dense, sparse = (weigh_neighbours(each, own, scoring_of(3, 2.0)) for each in d2)
    np.testing.assert_array_equal(dense.clusters, sparse.clusters)
    np.testing.assert_allclose(dense.weights, sparse.weights, rtol=1e-4)


def test_one_neighbour_is_the_own_cluster_even_where_another_is_nearer():
    points = np.array([[0.0], [10.0]], dtype=np.float32)
    near = weigh_neighbours(distances(points, points), np.array([1, 0], dtype=np.int32), scoring_of(1, 3.0))
    assert near.clusters.tolist() == [[1], [0]]
    assert near.weights.tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize(("n_users", "k", "expected"), [(100, 10, 7), (400, 10, 4), (100, 1, 1), (100, 90, 40)])
def test_auto_takes_clusters_of_about_seven_roots_of_the_users(n_users, k, expected):
    assert count_neighbours("auto", k, n_users) == expected
    assert count_neighbours(5, k, n_users) == min(5, k)


def test_the_nearest_centroid_and_of_an_incidence_the_one_that_shares_most_favourites():
    points = np.array([[0, 0.2], [0.9, 0]], dtype=np.float32)
    assert nearest(points, np.eye(2, dtype=np.float32)[::-1]).tolist() == [0, 1]
    incidence = csr_matrix(np.array([[1, 1, 0]], dtype=np.float32))
    centroids = np.array([[1, 0, 0], [0.7, 0.7, 0.9]], dtype=np.float32)  # the first is nearer
    assert nearest(incidence, centroids).tolist() == [1]


def test_tastes_are_directions_and_of_an_incidence_there_are_none():
    points = np.array([[3, 4], [0, 0], [0, -2]], dtype=np.float32)
    np.testing.assert_allclose(tastes_of(points), [[0.6, 0.8], [0, 0], [0, -1]], rtol=1e-6)
    assert tastes_of(points).dtype == np.float32
    assert tastes_of(csr_matrix(points)).shape == (3, 0)


@pytest.fixture(scope="module", params=["default", "article"])
def fitted(request):
    """Users, the model that they were fitted to, and the clusters that they have in it."""
    random = np.random.default_rng(3)
    taste = np.repeat([0, 1, 2], 20)
    is_favourite = random.random((60, 30)) < np.where(np.arange(30) // 10 == taste[:, None], 0.5, 0.05)
    is_favourite[:, 0] = True
    users = interactions_of(np.where(is_favourite, 1.0, np.nan))
    options, movies = options_of(preset=request.param, n_components=request.param == "default" and 5), movies_of(users)
    return (
        users,
        *fit_model(fit_fine_clusters(users, movies, 6, options), options, CLUSTERS_ALONE, lambda f: f(users)),
    )


def test_users_of_the_fit_keep_their_clusters_and_others_get_the_nearest(fitted):
    users, model, fit = fitted
    groups, where = fit.groups, place(users, model)
    assert where.fine.tolist() == nearest(points_of(users, model), model.fine).tolist()
    shifted = (groups.fine.labels + 1) % 6
    known = Known(users.user_ids[::2], groups.found.labels[::2], groups.clusters.labels[::2], shifted[::2])
    mixed = place(users, model, known)
    assert mixed.fine[::2].tolist() == shifted[::2].tolist()
    assert mixed.fine[1::2].tolist() == where.fine[1::2].tolist()
    assert mixed.clusters[::2].tolist() == groups.clusters.labels[::2].tolist()
    assert [labels.dtype for labels in mixed[:3]] == [np.int32] * 3


def points_of(users, model):
    """Where users are in the space of a model."""
    return place_in_space(users, model.space, model.scoring)


def test_a_user_has_the_same_place_in_any_block(fitted):
    users, model, fit = fitted
    known = known_of(fit._replace(sample=select_users(users, np.arange(60) < 40), groups=first_users(fit.groups, 40)))
    everybody = place(users, model, known)
    kept = np.arange(60) % 7 == 3
    some = place(select_users(users, kept), model, known)
    np.testing.assert_array_equal(some.clusters, everybody.clusters[kept])
    np.testing.assert_array_equal(some.found, everybody.found[kept])
    np.testing.assert_array_equal(some.fine, everybody.fine[kept])
    np.testing.assert_array_equal(some.neighbours.clusters, everybody.neighbours.clusters[kept])
    np.testing.assert_allclose(some.neighbours.weights, everybody.neighbours.weights[kept], rtol=1e-6)
    np.testing.assert_array_equal(some.tastes, everybody.tastes[kept])


def first_users(groups, n_users):
    """The clusterings of the first users."""
    return Groups(*(clustering._replace(labels=clustering.labels[:n_users]) for clustering in groups))


def test_rows_of_a_placement_are_those_of_the_users(fitted):
    users, model, _ = fitted
    where = place(users, model)
    some = where.rows(5, 9)
    assert some.clusters.tolist() == where.clusters[5:9].tolist()
    assert some.neighbours.weights.tolist() == where.neighbours.weights[5:9].tolist()
    assert some.tastes.tolist() == where.tastes[5:9].tolist()
