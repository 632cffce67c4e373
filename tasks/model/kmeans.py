"""K-means clusters of users, in the incidence itself or in the taste space."""

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, silhouette_score
from threadpoolctl import threadpool_limits

from tasks.model.types import Clustering, ModelOptions, Points

MINI_BATCH_WORK = 10_000_000  # users x clusters from which mini-batches find as good clusters several times faster
FINE_ITERATIONS = 30  # k-means steps of fine clusters; more steps do not change their quality
SILHOUETTE_USERS = 2000
SMALL_WORK = 1_000_000  # cells of points x clusters below which a second thread costs more than it brings
TWO_THREADS = 2  # partial sums of more threads are added in changing order, and labels differ from run to run


def k_means(
    points: Points, n_clusters: int, n_init: int, max_iter: int, seed: int, init: str = "k-means++"
) -> Clustering:
    """Cluster the users with Lloyd steps, large problems in mini-batches.

    BLAS has one thread: the products are small, and more threads wait for each other, on a busy machine for minutes.

    Parameters
    ----------
    points : shape (n_users, n_columns).
    n_clusters : wanted; fewer come out where fewer points are distinct.
    n_init : runs from other starts; the one with the lowest WCSS is kept.
    max_iter : Lloyd steps a run.
    init : ``"k-means++"``, or ``"random"`` for users drawn by chance to start from.
    """
    n_clusters = min(n_clusters, points.shape[0])
    options = {"n_clusters": n_clusters, "n_init": n_init, "init": init, "random_state": seed}
    if points.shape[0] * n_clusters > MINI_BATCH_WORK:
        estimator = MiniBatchKMeans(batch_size=8192, max_iter=20, **options)
    else:
        estimator = KMeans(max_iter=max_iter, **options)
    with (
        threadpool_limits({"openmp": threads_for(points, n_clusters), "blas": 1}),
        warnings.catch_warnings(action="ignore", category=ConvergenceWarning),
    ):
        return with_centroids(points, estimator.fit_predict(points))


def cluster_users(points: Points, incidence: csr_matrix, n_clusters: int, options: ModelOptions) -> Clustering:
    """Cluster the users by `k_means` and then take ``refine_steps`` Lloyd steps in the 0/1 space.

    ``points`` and ``incidence`` are of the same users.
    """
    found = k_means(points, n_clusters, options.n_init, options.max_iter, options.seed)
    if options.refine_steps == 0:
        return found
    return with_centroids(points, refine_in_full_space(incidence, found.labels, options.refine_steps))


def fine_k_means(points: Points, n_clusters: int, seed: int) -> Clustering:
    """Cluster the users into many small clusters.

    It starts from users drawn by chance. For a thousand clusters k-means++ takes longer than all steps after it, and
    what is recommended is as good without.
    """
    return k_means(points, n_clusters, 1, FINE_ITERATIONS, seed, "random")


def threads_for(points: Points, n_clusters: int) -> int:
    """Return the number of threads that k-means should use."""
    return 1 if points.shape[0] * n_clusters < SMALL_WORK else TWO_THREADS


def with_centroids(points: Points, labels: NDArray[np.integer]) -> Clustering:
    """Renumber the labels that occur from 0 without gaps, and compute the mean point of each."""
    _, labels = np.unique(labels, return_inverse=True)
    sums = membership(labels, labels.max() + 1).T @ points
    sums = sums.toarray() if issparse(sums) else sums
    return Clustering(labels.astype(np.int32), (sums / np.bincount(labels)[:, None]).astype(np.float32))


def membership(labels: NDArray[np.integer], n_clusters: int) -> csr_matrix:
    """Return the user x cluster matrix with a 1 for each user's cluster: CSR, float32."""
    n_users = len(labels)
    ones = np.ones(n_users, dtype=np.float32)
    indptr = np.arange(n_users + 1, dtype=np.int32)
    return csr_matrix((ones, labels.astype(np.int32), indptr), shape=(n_users, n_clusters))


def count_favourites(incidence: csr_matrix, labels: NDArray[np.integer], n_clusters: int | None = None) -> csr_matrix:
    """Return how many users of each cluster favourited each movie: shape (n_clusters, n_movies), CSR, float32.

    Of weights instead of an incidence it returns their sums. ``n_clusters`` is the highest label and one by default.
    """
    return csr_matrix(membership(labels, n_clusters or int(labels.max()) + 1).T @ incidence)


def refine_in_full_space(incidence: csr_matrix, labels: NDArray[np.int32], n_steps: int) -> NDArray[np.int32]:
    """Take Lloyd steps from ``labels`` in the 0/1 space: each lowers the WCSS there, or leaves it."""
    for _ in range(n_steps):
        centroids = with_centroids(incidence, labels).centroids
        match = incidence @ centroids.T - (centroids**2).sum(axis=1) / 2
        moved = np.unique(match.argmax(axis=1), return_inverse=True)[1].astype(np.int32)  # a cluster may be empty
        if np.array_equal(moved, labels):
            break
        labels = moved
    return labels


def order_by_size(sizes: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the clusters, those with most users first; equal ones keep their order."""
    return np.argsort(-sizes, kind="stable")


def number_by_size(clustering: Clustering) -> Clustering:
    """Number the clusters by their users, most first."""
    return renumber(clustering, order_by_size(np.bincount(clustering.labels)))


def renumber(clustering: Clustering, order: NDArray[np.intp]) -> Clustering:
    """Return the clustering with cluster ``order[i]`` called i; ``order`` has shape (k,)."""
    number = np.argsort(order)
    return Clustering(number[clustering.labels].astype(np.int32), clustering.centroids[order])


def measure_clusters(points: Points, found: Clustering, options: ModelOptions) -> dict[str, float]:
    """Return how distinct and how stable the clusters of k-means are, on a sample of users.

    Returns
    -------
    silhouette : -1 to 1, mean over the sampled users (Rousseeuw 1987).
    stability : adjusted Rand index of ``found`` and of k-means from another seed, 1 for the same clusters.
    """
    metrics: dict[str, float] = {}
    random = np.random.default_rng(options.seed)
    n_users, k = len(found.labels), len(found.centroids)
    sample = np.sort(random.choice(n_users, min(n_users, SILHOUETTE_USERS), replace=False))
    if 1 < len(np.unique(found.labels[sample])) < len(sample):
        metrics["silhouette"] = round(float(silhouette_score(points[sample], found.labels[sample])), 4)
    other = k_means(points, k, options.n_init, options.max_iter, (options.seed + 1) % 2**32)
    metrics["stability"] = round(float(adjusted_rand_score(found.labels, other.labels)), 4)
    return metrics
