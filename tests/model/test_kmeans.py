"""Clusters: k-means, its refinement and its counts, each against a loop or a formula."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from tasks.model.kmeans import (
    cluster_users,
    count_favourites,
    fine_k_means,
    k_means,
    measure_clusters,
    membership,
    number_by_size,
    order_by_size,
    refine_in_full_space,
    threads_for,
    with_centroids,
)
from tasks.model.types import Clustering
from tests.model.builders import article_incidence, incidences, labels_for, options_of, wcss_of


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


def test_k_means_finds_the_four_corners_and_the_same_ones_again(some_points):
    first, second = (k_means(some_points, 4, n_init=3, max_iter=100, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.centroids, second.centroids)
    distances = ((some_points[:, None] - first.centroids) ** 2).sum(axis=2)
    np.testing.assert_array_equal(distances.argmin(axis=1), first.labels)
    assert distances.min(axis=1).mean() < 4


@pytest.mark.filterwarnings("error")
def test_k_means_gives_fewer_clusters_where_fewer_points_are_distinct():
    incidence = csr_matrix(np.array([[1, 0]] * 5 + [[0, 1]] * 5, dtype=np.float32))
    found = k_means(incidence, 4, n_init=1, max_iter=10, seed=0)
    assert np.unique(found.labels).tolist() == list(range(len(found.centroids)))
    assert len(found.centroids) <= 4
    assert wcss_of(incidence, found.labels) == 0


def test_k_means_with_more_clusters_than_users():
    found = k_means(np.array([[0.0], [1.0]], dtype=np.float32), 5, n_init=1, max_iter=10, seed=0)
    assert sorted(found.labels.tolist()) == [0, 1]


def test_mini_batches_take_over_where_the_problem_is_large(some_points, monkeypatch):
    exact = k_means(some_points, 4, n_init=3, max_iter=100, seed=0)
    monkeypatch.setattr("tasks.model.kmeans.MINI_BATCH_WORK", 100)
    monkeypatch.setattr("tasks.model.kmeans.KMeans", None)
    found = k_means(some_points, 4, n_init=3, max_iter=100, seed=0)
    distances = ((some_points[:, None] - found.centroids) ** 2).sum(axis=2).min(axis=1)
    assert distances.mean() < 4
    assert found.centroids.shape == exact.centroids.shape


def test_a_second_thread_helps_where_the_problem_is_large(some_points):
    assert threads_for(some_points, 30) == 1
    assert threads_for(np.zeros((50_000, 1)), 30) == 2


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
    assert counts.shape == (labels.max() + 1, incidence.shape[1])
    for cluster in range(labels.max() + 1):
        np.testing.assert_array_equal(counts[cluster], incidence.toarray()[labels == cluster].sum(axis=0))


def test_counts_of_more_clusters_than_have_users_are_0_there():
    counts = count_favourites(csr_matrix(np.array([[0.5, 1]])), np.array([1]), 3)
    assert counts.toarray().tolist() == [[0, 0], [0.5, 1], [0, 0]]


def test_membership_has_a_one_for_the_cluster_of_each_user():
    assert membership(np.array([0, 2, 1, 2]), 3).toarray().tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1]]


@given(partitions(), st.integers(1, 5))
def test_refining_never_raises_the_wcss(partition, n_steps):
    incidence, labels = partition
    refined = refine_in_full_space(incidence, labels, n_steps)
    assert refined.shape == labels.shape
    assert np.unique(refined).tolist() == list(range(refined.max() + 1)), "no gaps"
    assert wcss_of(incidence, refined) <= wcss_of(incidence, labels) + 1e-3


def test_refining_moves_a_misplaced_user_and_stops_there():
    incidence = csr_matrix(np.array([[1, 0]] * 4 + [[0, 1]] * 4, dtype=np.float32))
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1], dtype=np.int32)
    assert refine_in_full_space(incidence, labels, 10).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert refine_in_full_space(incidence, labels, 0).tolist() == labels.tolist()


def test_refining_leaves_no_gap_where_a_cluster_loses_all_users():
    incidence = csr_matrix(np.array([[1, 0], [1, 1], [1, 1], [1, 0]], dtype=np.float32))
    refined = refine_in_full_space(incidence, np.array([0, 1, 2, 1], dtype=np.int32), 1)
    assert refined.tolist() == [0, 1, 1, 0]
    assert wcss_of(incidence, refined) == 0, "and not NaN"


def test_clustering_with_refine_steps_is_better_in_the_full_space():
    random = np.random.default_rng(3)
    incidence = csr_matrix((random.random((60, 25)) < 0.2).astype(np.float32))
    points = random.normal(size=(60, 3)).astype(np.float32)  # which tell nothing of the incidence
    found = [cluster_users(points, incidence, 6, options_of(n_init=1, refine_steps=steps)) for steps in (0, 10)]
    before, after = (wcss_of(incidence, clusters.labels) for clusters in found)
    assert after < before
    assert found[1].centroids.shape == (len(np.unique(found[1].labels)), 3)


@given(labels_for(20, most=8))
def test_clusters_are_numbered_by_size_and_else_stay_as_they_are(labels):
    centroids = np.arange(labels.max() + 1, dtype=np.float32)[:, None]
    numbered = number_by_size(Clustering(labels, centroids))
    sizes = np.bincount(numbered.labels)
    old = numbered.centroids[:, 0].astype(int)
    np.testing.assert_array_equal(old[numbered.labels], labels)
    assert numbered.labels.dtype == np.int32
    assert order_by_size(np.bincount(labels)).tolist() == old.tolist()
    for (size, was), (next_size, next_was) in pairwise(zip(sizes.tolist(), old.tolist(), strict=True)):
        assert size > next_size or (size == next_size and was < next_was)


def test_fine_clusters_are_many_and_the_same_for_the_same_seed(some_points):
    first, second = (fine_k_means(some_points, 9, 0) for _ in range(2))
    assert len(first.centroids) == 9
    np.testing.assert_array_equal(first.labels, second.labels)


def test_clear_clusters_are_distinct_and_stable_and_noise_is_not(some_points):
    clear = measure_clusters(some_points, k_means(some_points, 4, 3, 100, 0), options_of())
    assert clear["silhouette"] > 0.5
    assert clear["stability"] == 1
    noise = np.random.default_rng(0).normal(size=(40, 9)).astype(np.float32)
    unclear = measure_clusters(noise, k_means(noise, 4, 1, 100, 0), options_of(n_init=1))
    assert unclear["silhouette"] < 0.2
    assert unclear["stability"] < 0.9


def test_one_cluster_has_no_silhouette(some_points):
    assert measure_clusters(some_points, k_means(some_points, 1, 1, 10, 0), options_of()) == {"stability": 1.0}


def test_article_15_clusters_are_as_good_as_the_articles():
    incidence = article_incidence()
    found = k_means(incidence, 15, n_init=10, max_iter=300, seed=0)
    assert len(found.centroids) == 15
    assert wcss_of(incidence, found.labels) <= 206
    assert wcss_of(incidence, np.zeros(100, dtype=np.int32)) == pytest.approx(381.35, abs=1e-6)
