"""K-means clusters of users, in the incidence itself or in a small space made from it."""

import warnings
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from tasks.incidence import Evidence
from tasks.step import report_progress, step

Points = csr_matrix | NDArray[np.float32]
MINI_BATCH_WORK = 10_000_000  # users x clusters from which mini-batches find as good clusters several times faster
MANY_USERS, FEW_COMPONENTS, MANY_COMPONENTS = 3000, 32, 64
FINE_ITERATIONS = 30  # k-means steps of fine clusters; more change their quality no more
NEIGHBOURS, MOST_NEAREST = 7, 40  # both found on held-out favourites, see docs/quality.md
BLOCK_USERS = 8192
SILHOUETTE_USERS = 2000
SMALL_WORK = 1_000_000  # cells of points x clusters below which a second thread costs more than it brings
TWO_THREADS = 2  # partial sums of more threads are added in changing order, and labels differ from run to run


class Clustering(NamedTuple):
    """Clusters of users.

    labels : shape (n_users,), int32, cluster of each user, 0 to k - 1; every cluster has a user.
    centroids : shape (k, n_columns), float32, the mean of each cluster's points.
    """

    labels: NDArray[np.int32]
    centroids: NDArray[np.float32]


def embedding(
    incidence: csr_matrix, evidence: Evidence, weighting: str, n_components: int | str, recency: float, seed: int
) -> Points:
    """Return the points that k-means clusters: one row per user.

    Parameters
    ----------
    incidence : shape (n_users, n_movies), CSR of 0 and 1.
    evidence : of the same users and movies; used by ``weighting`` ``"idf"``.
    weighting : ``"none"`` for the incidence as it is; ``"idf"`` for tastes, see `weigh`.
    n_components : columns of the result, by truncated SVD; 0 for no SVD, ``"auto"`` for 32, or 64 of many users.
    recency : see `weigh`.
    seed : of the randomised SVD.

    Returns
    -------
    The incidence, or a dense float32 array of shape (n_users, n_components or less). With ``"idf"`` it is
    U sqrt(S) of the SVD, each row of length 1, then seen from the mean of all users and again of length 1.
    """
    weighed = incidence if weighting == "none" else weigh(incidence, evidence, recency)
    if n_components == "auto":
        n_components = MANY_COMPONENTS if incidence.shape[0] >= MANY_USERS else FEW_COMPONENTS
    n_components = min(int(n_components), min(incidence.shape) - 1)
    if n_components < 1:
        return weighed
    svd = TruncatedSVD(n_components, n_iter=5, random_state=seed)
    with np.errstate(invalid="ignore"):  # users who are all alike have no variance to explain
        points = svd.fit_transform(weighed)
    if weighting == "none":
        return points.astype(np.float32)
    points = normalize(points / np.sqrt(np.maximum(svd.singular_values_, np.finfo(np.float32).tiny)))
    return normalize(points - points.mean(axis=0)).astype(np.float32)


def weigh(incidence: csr_matrix, evidence: Evidence, recency: float) -> csr_matrix:
    """Return the evidence, weighed by rareness of the movie and by recency, with rows of length 1.

    Movie i counts sqrt(ln(N / n_i)), N users, n_i of whom favourited it: the square root of its inverse document
    frequency. What few people like tells more about taste than what everybody likes.
    The r-th latest entry of a user, the latest being 0, counts (1 + r) ** -recency.
    """
    weights = evidence.weights
    n_users, n_movies = weights.shape
    fans = np.bincount(incidence.indices, minlength=n_movies)
    idf = np.sqrt(np.log(n_users / np.maximum(fans, 1))).astype(np.float32)
    data = weights.data * idf[weights.indices]
    if recency and evidence.times.any():
        data = data * (1 + age(evidence)) ** np.float32(-recency)
    return normalize(csr_matrix((data, weights.indices, weights.indptr), weights.shape), copy=False)


def age(evidence: Evidence) -> NDArray[np.float32]:
    """Return how many later entries the user of each entry has; of one time those of higher columns are later."""
    times, indptr = evidence.times, evidence.weights.indptr
    n_later = np.empty(len(times), dtype=np.float32)
    for start, end in pairwise(indptr):
        n_later[start + np.argsort(times[start:end], kind="stable")] = np.arange(end - start - 1, -1, -1)
    return n_later


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
    with (
        threadpool_limits(threads_for(points, n_clusters)),
        warnings.catch_warnings(action="ignore", category=ConvergenceWarning),
    ):
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


def threads_for(points: Points, n_clusters: int) -> int:
    """Return the number of threads that k-means should use."""
    return 1 if points.shape[0] * n_clusters < SMALL_WORK else TWO_THREADS


def with_centroids(points: Points, labels: NDArray[np.integer]) -> Clustering:
    """Renumber the labels that occur from 0 without gaps, and compute the mean point of each."""
    _, labels = np.unique(labels, return_inverse=True)
    sums = membership(labels).T @ points
    sums = sums.toarray() if issparse(sums) else sums
    return Clustering(labels.astype(np.int32), (sums / np.bincount(labels)[:, None]).astype(np.float32))


def membership(labels: NDArray[np.integer]) -> csr_matrix:
    """Return the user x cluster matrix with a 1 for each user's cluster: shape (n_users, k), CSR, float32."""
    n_users = len(labels)
    ones = np.ones(n_users, dtype=np.float32)
    return csr_matrix((ones, labels.astype(np.int32), np.arange(n_users + 1, dtype=np.int32)))


def count_favourites(incidence: csr_matrix, labels: NDArray[np.integer]) -> csr_matrix:
    """Return how many users of each cluster favourited each movie: shape (k, n_movies), CSR, float32.

    Of weights instead of an incidence it returns their sums.
    """
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
        moved = np.unique(closeness.argmax(axis=1), return_inverse=True)[1].astype(np.int32)  # a cluster may be empty
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


def fine_k_means(points: Points, clusters: Clustering, n_clusters: int, seed: int) -> Clustering:
    """Cluster the users into many small clusters; with ``n_clusters`` 0 they are ``clusters`` themselves."""
    return k_means(points, n_clusters, 1, FINE_ITERATIONS, seed) if n_clusters else clusters


class Nearness(NamedTuple):
    """The fine clusters that speak for each user.

    clusters : shape (n_users, m), int32, nearest first.
    weights : shape (n_users, m), float32, rows sum to 1.
    """

    clusters: NDArray[np.int32]
    weights: NDArray[np.float32]


def nearest_clusters(points: Points, fine: Clustering, n_nearest_clusters: int | str, closeness: float) -> Nearness:
    """Weigh the clusters nearest to each user by ``exp(-closeness * (d2 - smallest d2))``, rows summing to 1.

    d2 is the squared distance of the user's point to the centroid. With ``n_nearest_clusters`` 1 it is the user's
    own cluster with weight 1. ``"auto"`` takes as many clusters as hold about 7 sqrt(n_users) users, 40 at most.
    """
    labels, centroids = fine
    n_users, k = len(labels), len(centroids)
    if n_nearest_clusters == "auto":
        n_nearest_clusters = min(MOST_NEAREST, max(1, round(NEIGHBOURS * k / n_users**0.5)))
    if n_nearest_clusters == 1:
        return Nearness(labels[:, None], np.ones((n_users, 1), dtype=np.float32))
    m = min(int(n_nearest_clusters), k)
    half_squares = (centroids**2).sum(axis=1) / 2
    clusters, weights = np.empty((n_users, m), dtype=np.int32), np.empty((n_users, m), dtype=np.float32)
    for start in range(0, n_users, BLOCK_USERS):
        block = slice(start, start + BLOCK_USERS)
        d2 = 2 * (half_squares - points[block] @ centroids.T)  # less the squared length of the point
        clusters[block], weights[block] = nearest(d2, m, closeness)
        report_progress(min(n_users, block.stop), n_users)
    return Nearness(clusters, weights)


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

    users : shape (n_users, n_components), float32: the user's point.
    movies : shape (n_movies, n_components), float32: the direction of the mean point of the movie's fans.
    """

    users: NDArray[np.float32]
    movies: NDArray[np.float32]


def tastes(points: Points, incidence: csr_matrix, taste_weight: float) -> Tastes | None:
    """Return the tastes of users and movies.

    None where ``taste_weight`` is 0 and nobody needs them, or the points are sparse: rows of the incidence have no
    directions of taste.
    """
    if taste_weight == 0 or issparse(points):
        return None
    return Tastes(normalize(points).astype(np.float32), normalize(incidence.T @ points).astype(np.float32))


@step("Measure the clusters")
def measure_clusters(
    points: Points, found: Clustering, clusters: Clustering, fine: Clustering, n_init: int, max_iter: int, seed: int
) -> dict[str, float]:
    """Return the numbers of clusters, and how distinct and how stable those of k-means are, on a sample of users.

    Returns
    -------
    n_clusters, n_fine_clusters : after merging, and fine ones.
    silhouette : -1 to 1, mean over the sampled users (Rousseeuw 1987).
    stability : adjusted Rand index of ``found`` and of k-means from another seed, 1 for the same clusters.
    """
    numbers: dict[str, float] = {"n_clusters": len(clusters.centroids), "n_fine_clusters": len(fine.centroids)}
    random = np.random.default_rng(seed)
    n_users, k = len(found.labels), len(found.centroids)
    sample = np.sort(random.choice(n_users, min(n_users, SILHOUETTE_USERS), replace=False))
    if 1 < len(np.unique(found.labels[sample])) < len(sample):
        numbers["silhouette"] = round(float(silhouette_score(points[sample], found.labels[sample])), 4)
    other = k_means(points, k, n_init, max_iter, seed + 1)
    numbers["stability"] = round(float(adjusted_rand_score(found.labels, other.labels)), 4)
    return numbers


embed_users = step("Embed the users")(embedding)
cluster_finely = step("Cluster the users finely")(fine_k_means)
weigh_nearest_clusters = step("Weigh the nearest clusters")(nearest_clusters)
compare_tastes = step("Compare tastes")(tastes)
