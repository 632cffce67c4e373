"""K-means clusters of users, in the incidence itself or in a small space made from it."""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_chunked
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from tasks.step import report_progress, step

Points = csr_matrix | NDArray[np.float32]
MINI_BATCH_WORK = 50_000_000  # users x clusters from which mini-batches find as good clusters several times faster
TWO_THREADS = 2  # partial sums of more threads are added in changing order, and labels differ from run to run


class Clustering(NamedTuple):
    """Clusters of users.

    labels : shape (n_users,), int32, cluster of each user, 0 to k - 1; every cluster has a user.
    centroids : shape (k, n_columns), float32, the mean of each cluster's points.
    """

    labels: NDArray[np.int32]
    centroids: NDArray[np.float32]


def weigh(incidence: csr_matrix, weighting: str) -> csr_matrix:
    """Return the incidence as it is (``"none"``), or weighed and with rows of length 1 (``"idf"``).

    The weight of movie i is the square root of its inverse document frequency, sqrt(ln(N / n_i)), N users, n_i of
    whom favourited it: what few people like tells more about taste than what everybody likes.
    """
    if weighting == "none":
        return incidence
    n_users, n_movies = incidence.shape
    fans = np.bincount(incidence.indices, minlength=n_movies)
    idf = np.sqrt(np.log(n_users / np.maximum(fans, 1))).astype(np.float32)
    weighed = csr_matrix((idf[incidence.indices], incidence.indices, incidence.indptr), incidence.shape)
    return normalize(weighed, copy=False)


def embedding(incidence: csr_matrix, weighting: str, n_components: int, seed: int) -> Points:
    """Return the points that k-means clusters: one row per user.

    Parameters
    ----------
    incidence : shape (n_users, n_movies), CSR of 0 and 1.
    weighting : ``"none"`` or ``"idf"``, see `weigh`.
    n_components : columns of the result, by truncated SVD; 0 for no SVD.
    seed : of the randomised SVD.

    Returns
    -------
    The weighed incidence, or a dense float32 array of shape (n_users, n_components or less); its rows have length
    1 if ``weighting`` is ``"idf"``.
    """
    weighed = weigh(incidence, weighting)
    n_components = min(n_components, min(incidence.shape) - 1)
    if n_components < 1:
        return weighed
    points = TruncatedSVD(n_components, n_iter=5, random_state=seed).fit_transform(weighed).astype(np.float32)
    return points if weighting == "none" else normalize(points, copy=False)


def k_means(points: Points, n_clusters: int, n_init: int, max_iter: int, seed: int) -> Clustering:
    """Cluster the users with k-means++ and Lloyd steps, large problems in mini-batches.

    Parameters
    ----------
    points : shape (n_users, n_columns).
    n_clusters : wanted; fewer come out where fewer points are distinct.
    n_init : runs from other starts; the one with the lowest WCSS is kept.
    max_iter : Lloyd steps a run.
    """
    n_clusters = min(n_clusters, points.shape[0])
    options = {"n_clusters": n_clusters, "n_init": n_init, "random_state": seed}
    if points.shape[0] * n_clusters > MINI_BATCH_WORK:
        estimator = MiniBatchKMeans(batch_size=8192, max_iter=20, **options)
    else:
        estimator = KMeans(init="k-means++", max_iter=max_iter, **options)
    with threadpool_limits(TWO_THREADS), warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        return with_centroids(points, estimator.fit_predict(points))


@step("Cluster the users")
def cluster_users(
    points: Points,
    incidence: csr_matrix,
    n_clusters: int,
    n_init: int,
    max_iter: int,
    refine_steps: int,
    seed: int,
) -> Clustering:
    """Cluster the users by `k_means` and then take ``refine_steps`` Lloyd steps in the 0/1 space.

    ``points`` and ``incidence`` are of the same users.
    """
    found = k_means(points, n_clusters, n_init, max_iter, seed)
    if refine_steps == 0:
        return found
    return with_centroids(points, refine_in_full_space(incidence, found.labels, refine_steps))


def with_centroids(points: Points, labels: NDArray[np.integer]) -> Clustering:
    """Renumber the labels that occur from 0 without gaps, and compute the mean point of each."""
    _, labels = np.unique(labels, return_inverse=True)
    sums = membership(labels).T @ points
    sums = sums.toarray() if issparse(sums) else sums
    return Clustering(labels.astype(np.int32), (sums / np.bincount(labels)[:, None]).astype(np.float32))


def membership(labels: NDArray[np.integer]) -> csr_matrix:
    """Return the user x cluster matrix with a 1 for each user's cluster: shape (n_users, k), CSR, float32.

    ``labels`` has shape (n_users,), or (n_users, n_clusterings) with a cluster in each column.
    """
    indptr = np.arange(0, labels.size + 1, labels.size // len(labels), dtype=np.int32)
    return csr_matrix((np.ones(labels.size, dtype=np.float32), labels.ravel().astype(np.int32), indptr))


def count_favourites(incidence: csr_matrix, labels: NDArray[np.integer]) -> csr_matrix:
    """Return how many users of each cluster favourited each movie: shape (k, n_movies), CSR, float32."""
    return csr_matrix(membership(labels).T @ incidence)


def full_space_wcss(incidence: csr_matrix, labels: NDArray[np.integer]) -> float:
    """Return the WCSS of a clustering in the 0/1 space, from counts alone.

    For 0/1 rows it is ``nnz - sum over clusters of (sum over movies of count ** 2) / n_users``.
    """
    counts = count_favourites(incidence, labels)
    squares = np.asarray(counts.multiply(counts).sum(axis=1, dtype=np.float64)).ravel()
    return float(incidence.nnz - (squares / np.bincount(labels)).sum())


def refine_in_full_space(incidence: csr_matrix, labels: NDArray[np.int32], n_steps: int) -> NDArray[np.int32]:
    """Take Lloyd steps from ``labels`` in the 0/1 space: each lowers the WCSS there, or leaves it."""
    for _ in range(n_steps):
        centroids = with_centroids(incidence, labels).centroids
        closeness = incidence @ centroids.T - (centroids**2).sum(axis=1) / 2
        moved = closeness.argmax(axis=1).astype(np.int32)
        if np.array_equal(moved, labels):
            break
        labels = moved
    return labels


def number_by_size(clustering: Clustering) -> Clustering:
    """Number the clusters by their users, most first; equal ones keep their order."""
    order = np.argsort(-np.bincount(clustering.labels), kind="stable")
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return Clustering(number[clustering.labels].astype(np.int32), clustering.centroids[order])


class FineClusters(NamedTuple):
    """Many small clusters, of one or several clusterings of the same users.

    labels : shape (n_users, n_clusterings), int32, the user's cluster in each clustering; the clusters of a later
        clustering are numbered on from those of the one before.
    centroids : shape (number of clusters, n_columns), float32.
    """

    labels: NDArray[np.int32]
    centroids: NDArray[np.float32]


def fine_k_means(
    points: Points, clusters: Clustering, n_clusters: int, n_clusterings: int, max_iter: int, seed: int
) -> FineClusters:
    """Cluster the users ``n_clusterings`` times into ``n_clusters``, each time from another start.

    With ``n_clusters`` 0 the result is ``clusters``, as the only clustering.
    """
    if n_clusters == 0:
        return FineClusters(clusters.labels[:, None], clusters.centroids)
    labels, centroids = [], []
    n_found = 0
    for clustering in range(n_clusterings):
        found = k_means(points, n_clusters, 1, max_iter, seed + clustering)
        labels.append(found.labels + n_found)
        centroids.append(found.centroids)
        n_found += len(found.centroids)
        report_progress(clustering + 1, n_clusterings)
    return FineClusters(np.stack(labels, axis=1).astype(np.int32), np.concatenate(centroids))


class Nearness(NamedTuple):
    """The fine clusters that speak for each user.

    clusters : shape (n_users, m), int32.
    weights : shape (n_users, m), float32, rows sum to 1.
    """

    clusters: NDArray[np.int32]
    weights: NDArray[np.float32]


def nearest_clusters(points: Points, fine: FineClusters, n_nearest_clusters: int, closeness: float) -> Nearness:
    """Weigh the clusters nearest to each user in each clustering by their closeness.

    Of one clustering the weights are ``exp(-closeness * (d2 - smallest d2))``, d2 the squared distance of the
    user's point to the centroid; they sum to 1 / n_clusterings. With ``n_nearest_clusters`` 1 it is the user's own
    cluster of each clustering.
    """
    labels, centroids = fine
    n_clusterings = labels.shape[1]
    if n_nearest_clusters == 1:
        return Nearness(labels, np.full(labels.shape, 1 / n_clusterings, dtype=np.float32))
    clusters, weights = [], []
    for first, end in clustering_bounds(labels):
        m = min(n_nearest_clusters, end - first)
        chunks = pairwise_distances_chunked(
            points,
            centroids[first:end],
            metric="sqeuclidean",
            reduce_func=lambda distances, _, m=m: nearest(distances, m, closeness),
            working_memory=128,
        )
        near, weight = zip(*chunks, strict=True)
        clusters.append(np.concatenate(near) + np.int32(first))
        weights.append(np.concatenate(weight) / np.float32(n_clusterings))
    return Nearness(np.hstack(clusters), np.hstack(weights))


def clustering_bounds(labels: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Return the first cluster of each clustering and the one after its last."""
    ends = (labels.max(axis=0) + 1).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def nearest(d2: NDArray[np.floating], m: int, closeness: float) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the m nearest clusters of each row, nearest first, and their weights."""
    clusters = np.argpartition(d2, m - 1, axis=1)[:, :m]
    near = np.take_along_axis(d2, clusters, axis=1)
    order = np.argsort(near, axis=1, kind="stable")
    near = np.take_along_axis(near, order, axis=1)
    weights = np.exp(-closeness * (near - near[:, :1]))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.take_along_axis(clusters, order, axis=1).astype(np.int32), weights.astype(np.float32)


class Tastes(NamedTuple):
    """Directions in the space that users are clustered in; rows have length 1, or 0 where there is none.

    users : shape (n_users, n_components), float32: where the user's point lies, seen from the mean of all.
    movies : shape (n_movies, n_components), float32: the same for the mean point of the movie's fans.
    """

    users: NDArray[np.float32]
    movies: NDArray[np.float32]


def tastes(points: Points, incidence: csr_matrix, taste_weight: float) -> Tastes | None:
    """Return the tastes of users and movies; None where ``taste_weight`` is 0 and nobody needs them."""
    if taste_weight == 0:
        return None
    centred = points - points.mean(axis=0)
    return Tastes(normalize(centred).astype(np.float32), normalize(incidence.T @ centred).astype(np.float32))


embed_users = step("Embed the users")(embedding)
cluster_finely = step("Cluster the users finely")(fine_k_means)
weigh_nearest_clusters = step("Weigh the nearest clusters")(nearest_clusters)
compare_tastes = step("Compare tastes")(tastes)
