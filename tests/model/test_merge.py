"""Merging: every rule against a loop that says the same slowly, and the article's own clusters."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from tasks.errors import CineclusterError
from tasks.model.kmeans import with_centroids
from tasks.model.merge import merge_small_clusters
from tests.model.builders import article_incidence, incidences, labels_for, options_of, real_folder, wcss_of


def merge(clustering, incidence, min_cluster_size, merge_by):
    """The clusters with small ones merged, in the space of the incidence."""
    options = options_of(min_cluster_size=min_cluster_size, merge_by=merge_by)
    return merge_small_clusters(clustering, incidence, incidence, options)


@st.composite
def partitions(draw):
    """An incidence, clusters of its users, and a size that at least one cluster has."""
    incidence = draw(incidences())
    labels = draw(labels_for(incidence.shape[0]))
    return incidence, labels, draw(st.integers(1, int(np.bincount(labels).max())))


def overlap_by_a_loop(incidence, labels, min_size):
    """The article's rule, word for word: survivors in order, then the largest part of the user's favourites."""
    users = [set(row.indices) for row in incidence]
    members = [[user for user in range(len(users)) if labels[user] == cluster] for cluster in range(labels.max() + 1)]
    surviving = [cluster for cluster in members if len(cluster) >= min_size]
    movies = [set().union(*(users[user] for user in cluster)) for cluster in surviving]
    merged = np.full(len(users), -1)
    for number, cluster in enumerate(surviving):
        merged[cluster] = number
    for user in np.flatnonzero(merged < 0):
        shares = [len(users[user] & liked) / len(users[user]) for liked in movies]
        merged[user] = shares.index(max(shares))
    return merged


@given(partitions())
def test_overlap_is_what_a_loop_finds(partition):
    incidence, labels, min_size = partition
    merged = merge(with_centroids(incidence, labels), incidence, min_size, "overlap")
    np.testing.assert_array_equal(merged.labels, overlap_by_a_loop(incidence, labels, min_size))


@given(partitions())
def test_centroid_moves_users_to_a_nearest_surviving_centroid(partition):
    incidence, labels, min_size = partition
    clustering = with_centroids(incidence, labels)
    merged = merge(clustering, incidence, min_size, "centroid")
    sizes = np.bincount(labels)
    surviving = clustering.centroids[sizes >= min_size]
    for user in np.flatnonzero(sizes[labels] < min_size):
        distances = ((incidence[user].toarray() - surviving) ** 2).sum(axis=1)
        assert distances[merged.labels[user]] <= distances.min() + 1e-5


@given(partitions(), st.sampled_from(["centroid", "overlap"]))
def test_survivors_stay_whole_and_in_order_and_nobody_is_lost(partition, merge_by):
    incidence, labels, min_size = partition
    merged = merge(with_centroids(incidence, labels), incidence, min_size, merge_by)
    sizes = np.bincount(labels)
    surviving = np.flatnonzero(sizes >= min_size)
    sizes_after = np.bincount(merged.labels)
    assert len(sizes_after) == len(surviving)
    assert sizes_after.min() >= min_size
    assert sizes_after.sum() == len(labels)
    for number, cluster in enumerate(surviving):
        assert (merged.labels[labels == cluster] == number).all()
    for number, centroid in enumerate(merged.centroids):
        np.testing.assert_allclose(centroid, incidence.toarray()[merged.labels == number].mean(axis=0), atol=1e-6)


def test_first_cluster_wins_a_tie():
    incidence = csr_matrix(np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [1, 1, 1]], dtype=np.float32))
    labels = np.array([0, 0, 1, 1, 2], dtype=np.int32)
    merged = merge(with_centroids(incidence, labels), incidence, 2, "overlap")
    assert merged.labels.tolist() == [0, 0, 1, 1, 0]


def test_a_freed_user_does_not_change_the_lists_for_the_next_one():
    """User 4 brings movie 2 to cluster 0; user 5, who likes movies 1 and 2, still goes by the lists before the move."""
    incidence = csr_matrix(
        np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=np.float32)
    )
    labels = np.array([0, 0, 1, 1, 2, 3], dtype=np.int32)
    merged = merge(with_centroids(incidence, labels), incidence, 2, "overlap")
    assert merged.labels.tolist() == [0, 0, 1, 1, 0, 1]


@pytest.mark.parametrize("merge_by", ["centroid", "overlap"])
def test_nothing_large_enough_is_an_error_that_names_the_options(merge_by):
    incidence = csr_matrix(np.eye(4, dtype=np.float32))
    clustering = with_centroids(incidence, np.array([0, 0, 1, 2], dtype=np.int32))
    with pytest.raises(CineclusterError, match=r"No cluster has 3 users: the largest of 3 has 2\. Lower --n-clusters"):
        merge(clustering, incidence, 3, merge_by)


def test_points_say_which_centroid_is_nearest_and_the_incidence_what_is_shared():
    points = np.array([[0.0], [0.0], [9.0], [9.0], [8.0]], dtype=np.float32)
    incidence = csr_matrix(np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 0]], dtype=np.float32))
    clustering = with_centroids(points, np.array([0, 0, 1, 1, 2], dtype=np.int32))
    for merge_by, expected in (("centroid", 1), ("overlap", 0)):
        options = options_of(min_cluster_size=2, merge_by=merge_by)
        merged = merge_small_clusters(clustering, points, incidence, options)
        assert merged.labels.tolist() == [0, 0, 1, 1, expected]
        np.testing.assert_allclose(merged.centroids[expected], points[merged.labels == expected].mean(axis=0))


def test_article_clusters_merge_user_by_user():
    folder = real_folder() / "article"
    clusters = pl.read_csv(folder / "clusters.csv").sort("userId")
    assert clusters["userId"].to_list() == pl.read_csv(folder / "ratings.csv")["userId"].unique().sort().to_list()
    incidence = article_incidence()
    assert (incidence.shape, incidence.nnz) == ((100, 83), 447)

    before = with_centroids(incidence, clusters["cluster_before_merge"].to_numpy())
    assert wcss_of(incidence, before.labels) == pytest.approx(201.2548, abs=5e-5)

    merged = merge(before, incidence, 6, "overlap")
    assert merged.labels.tolist() == clusters["cluster_after_merge"].to_list()
    assert np.bincount(merged.labels).tolist() == [45, 21, 8, 15, 11]
    distinct = [np.unique(incidence[merged.labels == cluster].indices).size for cluster in range(5)]
    assert distinct == [55, 39, 15, 48, 25]
