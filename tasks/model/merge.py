"""Small clusters merged into large ones."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.metrics import pairwise_distances_argmin

from tasks.errors import CineclusterError
from tasks.model.kmeans import count_favourites, with_centroids
from tasks.model.types import Clustering, ModelOptions, Points


def merge_small_clusters(
    clustering: Clustering, points: Points, incidence: csr_matrix, options: ModelOptions
) -> Clustering:
    """Give each user of a cluster below ``min_cluster_size`` users to a surviving cluster.

    Parameters
    ----------
    clustering : clusters of the rows of ``points`` and of ``incidence``.
    points : shape (n_users, n_columns), in the space that k-means ran in.
    incidence : shape (n_users, n_movies), CSR of 0 and 1.
    options : ``merge_by`` ``"centroid"`` is to the nearest centroid, ``"overlap"`` to the cluster whose favourited
        movies hold the largest share of the user's favourites.

    Returns
    -------
    The surviving clusters in their former order, with the centroids of their users old and new.

    Raises
    ------
    CineclusterError
        If no cluster has ``min_cluster_size`` users.
    """
    labels, centroids = clustering
    min_cluster_size = options.min_cluster_size
    sizes = np.bincount(labels)
    surviving = np.flatnonzero(sizes >= min_cluster_size)
    if len(surviving) == 0:
        raise CineclusterError(
            f"No cluster has {min_cluster_size} users: the largest of {len(sizes)} has {sizes.max()}. "
            "Lower --n-clusters or --min-cluster-size."
        )
    freed = np.flatnonzero(sizes[labels] < min_cluster_size)
    merged = labels.copy()
    if len(freed):
        if options.merge_by == "overlap":
            choice = largest_overlap(incidence, labels, surviving, freed)
        else:
            choice = pairwise_distances_argmin(points[freed], centroids[surviving])
        merged[freed] = surviving[choice]
    return with_centroids(points, merged)


def largest_overlap(
    incidence: csr_matrix, labels: NDArray[np.int32], surviving: NDArray[np.intp], freed: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return, for each freed user, which surviving cluster has favourited most of the user's favourites.

    What a cluster favourited is taken from before any move; the first cluster wins a tie.
    """
    has_favourited = count_favourites(incidence, labels)[surviving]
    has_favourited.data[:] = 1
    return (incidence[freed] @ has_favourited.T).toarray().argmax(axis=1)
