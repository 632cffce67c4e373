"""Clusters: weights, spaces, k-means, its WCSS from counts, and which clusters are near, each against its formula."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from tasks.model.clusters import (
    Clustering,
    cluster_users,
    count_favourites,
    embedding,
    fine_k_means,
    full_space_wcss,
    k_means,
    membership,
    nearest_clusters,
    number_by_size,
    refine_in_full_space,
    tastes,
    weigh,
    with_centroids,
)
from tasks.stations.incidence import Evidence
from tests.conftest import incidences, labels_for


def wcss_by_a_loop(incidence, labels):
    """Sum of squared distances to the own centroid."""
    points = incidence.toarray().astype(np.float64)
    return sum(((points[labels == c] - points[labels == c].mean(axis=0)) ** 2).sum() for c in np.unique(labels))


@st.composite
def partitions(draw):
    """An incidence and clusters of its users."""
    incidence = draw(incidences())
    return incidence, draw(labels_for(incidence.shape[0]))


@pytest.fixture(scope="module")
def some_points():
    """40 points around four corners, as a dense float32 array."""
    random = np.random.default_rng(5)
    corners = np.array([[0, 0, 1], [4, 0, 0], [0, 4, 0], [4, 4, 2]])
    return (corners[random.integers(0, 4, 40)] + random.normal(0, 0.7, (40, 3))).astype(np.float32)


def evidence_of(weights, times=None):
    """Evidence with these weights and, by row, times."""
    return Evidence(csr_matrix(weights), np.zeros(weights.nnz) if times is None else np.array(times, dtype=float))


def test_idf_weighs_by_the_root_of_the_inverse_frequency_and_makes_rows_of_length_one():
    incidence = csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 1, 0]], dtype=np.float32))
    weights = csr_matrix(np.array([[1, 1, 0.5], [1, 0, 0], [1, 0, 1], [0.5, 1, 0]], dtype=np.float32))
    expected = weights.toarray() * np.sqrt(np.log(4 / np.array([3, 2, 1])))
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(weigh(incidence, evidence_of(weights), 0.3).toarray(), expected, rtol=1e-6)
    assert weights.data.tolist() == [1, 1, 0.5, 1, 1, 1, 0.5, 1], "the evidence itself stays as it was"


def test_later_ratings_count_more_by_the_formula():
    weights = csr_matrix(np.array([[1, 1, 1, 0], [0, 0.5, 1, 1], [1, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float32))
    incidence = csr_matrix((weights.toarray() == 1).astype(np.float32))
    weighed = weigh(incidence, evidence_of(weights, [30, 10, 20, 5, 5, 7, 1, 1]), 0.4)
    later = np.array([[0, 2, 1, 0], [0, 2, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])  # of one time, the higher column
    expected = weights.toarray() * np.sqrt(np.log(4 / np.array([2, 1, 2, 2]))) * (1.0 + later) ** -0.4
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(weighed.toarray(), expected, rtol=1e-5)


def test_weighting_none_and_no_components_is_the_incidence():
    incidence = csr_matrix(np.eye(3, dtype=np.float32))
    assert embedding(incidence, evidence_of(incidence), "none", 0, 0.2, 0) is incidence


def test_embedding_is_small_dense_float32_with_rows_of_length_one_around_the_mean():
    random = np.random.default_rng(0)
    incidence = csr_matrix((random.random((30, 20)) < 0.3).astype(np.float32))
    points = embedding(incidence, evidence_of(incidence), "idf", 6, 0.2, seed=0)
    assert points.shape == (30, 6)
    assert points.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, rtol=1e-5)
    assert np.linalg.norm(points.mean(axis=0)) < 0.2
    np.testing.assert_array_equal(points, embedding(incidence, evidence_of(incidence), "idf", 6, 0.2, seed=0))


@pytest.mark.parametrize(("shape", "n_components"), [((5, 4), 0), ((1, 4), 3), ((5, 1), 3), ((1, 1), "auto")])
def test_embedding_without_room_for_an_svd_is_the_incidence(shape, n_components):
    incidence = csr_matrix(np.ones(shape, dtype=np.float32))
    assert embedding(incidence, evidence_of(incidence), "none", n_components, 0, seed=0) is incidence


@pytest.mark.parametrize("weighting", ["none", "idf"])
def test_embedding_has_no_more_columns_than_the_incidence_has_dimensions(weighting):
    incidence = csr_matrix(np.tri(5, 4, dtype=np.float32))
    points = embedding(incidence, evidence_of(incidence), weighting, "auto", 0, seed=0)
    assert points.shape == (5, 3)
    assert np.isfinite(points).all()


def test_k_means_finds_the_four_corners_and_the_same_ones_again(some_points):
    first, second = (k_means(some_points, 4, n_init=3, max_iter=100, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.centroids, second.centroids)
    distances = ((some_points[:, None] - first.centroids) ** 2).sum(axis=2)
    np.testing.assert_array_equal(distances.argmin(axis=1), first.labels)
    assert distances.min(axis=1).mean() < 4


def test_k_means_gives_fewer_clusters_where_fewer_points_are_distinct():
    incidence = csr_matrix(np.array([[1, 0]] * 5 + [[0, 1]] * 5, dtype=np.float32))
    found = k_means(incidence, 4, n_init=1, max_iter=10, seed=0)
    assert np.unique(found.labels).tolist() == list(range(len(found.centroids)))
    assert len(found.centroids) <= 4
    assert full_space_wcss(incidence, found.labels) == 0


def test_k_means_with_more_clusters_than_users():
    found = k_means(np.array([[0.0], [1.0]], dtype=np.float32), 5, n_init=1, max_iter=10, seed=0)
    assert sorted(found.labels.tolist()) == [0, 1]


def test_mini_batches_take_over_where_the_problem_is_large(some_points, monkeypatch):
    monkeypatch.setattr("tasks.model.clusters.MINI_BATCH_WORK", 100)
    found = k_means(some_points, 4, n_init=3, max_iter=100, seed=0)
    distances = ((some_points[:, None] - found.centroids) ** 2).sum(axis=2).min(axis=1)
    assert distances.mean() < 4


def test_with_centroids_closes_gaps_and_takes_means(some_points):
    labels = np.where(some_points[:, 0] > 2, 7, 3)
    found = with_centroids(some_points, labels)
    np.testing.assert_array_equal(found.labels, labels == 7)
    np.testing.assert_allclose(found.centroids[1], some_points[labels == 7].mean(axis=0), rtol=1e-5)
    assert (found.labels.dtype, found.centroids.dtype) == (np.int32, np.float32)


@given(partitions())
def test_counts_of_favourites_are_what_a_loop_counts(partition):
    incidence, labels = partition
    counts = count_favourites(incidence, labels).toarray()
    for cluster in range(labels.max() + 1):
        np.testing.assert_array_equal(counts[cluster], incidence.toarray()[labels == cluster].sum(axis=0))


def test_membership_has_a_one_for_the_cluster_of_each_user():
    assert membership(np.array([0, 2, 1, 2])).toarray().tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1]]


@given(partitions())
def test_wcss_from_counts_is_the_sum_of_squared_distances(partition):
    incidence, labels = partition
    assert full_space_wcss(incidence, labels) == pytest.approx(wcss_by_a_loop(incidence, labels), abs=1e-4)


@given(partitions(), st.integers(1, 5))
def test_refining_never_raises_the_wcss(partition, n_steps):
    incidence, labels = partition
    refined = refine_in_full_space(incidence, labels, n_steps)
    assert refined.shape == labels.shape
    assert np.unique(refined).tolist() == list(range(refined.max() + 1)), "no gaps"
    assert full_space_wcss(incidence, refined) <= full_space_wcss(incidence, labels) + 1e-3


def test_refining_moves_a_misplaced_user_and_stops_there():
    incidence = csr_matrix(np.array([[1, 0]] * 4 + [[0, 1]] * 4, dtype=np.float32))
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1], dtype=np.int32)
    assert refine_in_full_space(incidence, labels, 10).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert refine_in_full_space(incidence, labels, 0).tolist() == labels.tolist()


def test_refining_leaves_no_gap_where_a_cluster_loses_all_users():
    incidence = csr_matrix(np.array([[1, 0], [1, 1], [1, 1], [1, 0]], dtype=np.float32))
    refined = refine_in_full_space(incidence, np.array([0, 1, 2, 1], dtype=np.int32), 1)
    assert refined.tolist() == [0, 1, 1, 0]
    assert full_space_wcss(incidence, refined) == 0, "and not NaN"


def test_clustering_with_refine_steps_is_no_worse_in_the_full_space():
    random = np.random.default_rng(3)
    incidence = csr_matrix((random.random((60, 25)) < 0.2).astype(np.float32))
    points = random.normal(size=(60, 3)).astype(np.float32)  # which tell nothing of the incidence
    plain, refined = (cluster_users.fn(points, incidence, 6, 1, 50, steps, 0) for steps in (0, 10))
    before, after = (full_space_wcss(incidence, found.labels) for found in (plain, refined))
    assert after < before
    assert refined.centroids.shape == (len(np.unique(refined.labels)), 3)


@given(labels_for(20, most=8))
def test_clusters_are_numbered_by_size_and_else_stay_as_they_are(labels):
    centroids = np.arange(labels.max() + 1, dtype=np.float32)[:, None]
    numbered = number_by_size(Clustering(labels, centroids))
    sizes = np.bincount(numbered.labels)
    old = numbered.centroids[:, 0].astype(int)
    np.testing.assert_array_equal(old[numbered.labels], labels)
    assert numbered.labels.dtype == np.int32
    for (size, was), (next_size, next_was) in pairwise(zip(sizes.tolist(), old.tolist(), strict=True)):
        assert size > next_size or (size == next_size and was < next_was)


def test_fine_clusters_are_many_and_0_means_the_clusters_themselves(some_points):
    clusters = k_means(some_points, 3, 1, 50, 0)
    assert len(fine_k_means(some_points, clusters, 9, 0).centroids) == 9
    assert fine_k_means(some_points, clusters, 0, 0) is clusters


@given(st.integers(1, 12), st.integers(2, 12), st.floats(0, 20), st.integers(0, 1000))
def test_weights_of_the_nearest_clusters_follow_the_formula(k, n_nearest, closeness, seed):
    random = np.random.default_rng(seed)
    points = random.normal(size=(7, 3)).astype(np.float32)
    fine = Clustering(np.zeros(7, dtype=np.int32), random.normal(size=(k, 3)).astype(np.float32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.model.clusters.BLOCK_USERS", 3)
        near = nearest_clusters(points, fine, n_nearest, closeness)
    assert near.clusters.shape == (7, min(k, n_nearest))
    assert (near.clusters.dtype, near.weights.dtype) == (np.int32, np.float32)
    np.testing.assert_allclose(near.weights.sum(axis=1), 1, rtol=1e-5)
    for user, point in enumerate(points.astype(float)):
        d2 = ((point - fine.centroids) ** 2).sum(axis=1)
        nearest = np.argsort(d2)[:n_nearest]
        assert near.clusters[user].tolist() == nearest.tolist(), "nearest first"
        weights = np.exp(-closeness * (d2[nearest] - d2.min()))
        np.testing.assert_allclose(near.weights[user], weights / weights.sum(), rtol=1e-3, atol=1e-6)


def test_the_nearest_clusters_of_sparse_points(some_points):
    fine = k_means(some_points, 5, 1, 50, 0)
    dense, sparse = (nearest_clusters(points, fine, 3, 2.0) for points in (some_points, csr_matrix(some_points)))
    np.testing.assert_array_equal(dense.clusters, sparse.clusters)
    np.testing.assert_allclose(dense.weights, sparse.weights, rtol=1e-4)


def test_one_nearest_cluster_is_the_own_one_even_where_another_is_nearer():
    points = np.array([[0.0], [10.0]], dtype=np.float32)
    near = nearest_clusters(points, Clustering(np.array([1, 0], dtype=np.int32), points), 1, 3.0)
    assert near.clusters.tolist() == [[1], [0]]
    assert near.weights.tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize(("n_users", "k", "expected"), [(100, 10, 7), (400, 10, 4), (100, 1, 1), (100, 90, 40)])
def test_auto_takes_clusters_of_about_seven_roots_of_the_users(n_users, k, expected):
    points = np.linspace(0, 1, n_users, dtype=np.float32)[:, None]
    fine = Clustering(np.zeros(n_users, dtype=np.int32), points[:k])
    assert nearest_clusters(points, fine, "auto", 1.0).clusters.shape == (n_users, expected)


def test_tastes_are_the_directions_of_users_and_of_the_fans_of_movies(some_points):
    incidence = csr_matrix((np.random.default_rng(1).random((40, 15)) < 0.4).astype(np.float32))
    known = tastes(some_points, incidence, 1.0)
    lengths = np.linalg.norm(some_points, axis=1, keepdims=True)
    np.testing.assert_allclose(known.users, some_points / lengths, atol=1e-5)
    for movie in range(15):
        mean = some_points[incidence.toarray()[:, movie] > 0].mean(axis=0)
        np.testing.assert_allclose(known.movies[movie], mean / np.linalg.norm(mean), atol=1e-4)
    assert (known.users.dtype, known.movies.dtype) == (np.float32, np.float32)


def test_no_tastes_where_they_do_not_count(some_points):
    assert tastes(some_points, csr_matrix((40, 3)), 0) is None


def test_no_tastes_in_the_incidence_itself():
    """``--n-components 0``, or so few users or movies that there is no room for an SVD."""
    incidence = csr_matrix(np.eye(4, dtype=np.float32))
    points = embedding(incidence, evidence_of(incidence), "idf", 0, 0.2, 0)
    assert tastes(points, incidence, 1.0) is None


def test_article_15_clusters_are_as_good_as_the_articles(real_data):
    ratings = pd.read_csv(real_data / "article" / "ratings.csv")
    user, movie = (np.unique(ratings[name], return_inverse=True)[1] for name in ("userId", "movieId"))
    incidence = csr_matrix((np.ones(len(user), dtype=np.float32), (user, movie)))
    found = k_means(incidence, 15, n_init=10, max_iter=300, seed=0)
    assert len(found.centroids) == 15
    assert full_space_wcss(incidence, found.labels) <= 206
    one = np.zeros(100, dtype=np.int32)
    assert full_space_wcss(incidence, one) == pytest.approx(381.35, abs=1e-6)
