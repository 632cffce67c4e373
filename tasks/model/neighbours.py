"""Where users are among the clusters: a function of a block of users and the model."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.preprocessing import normalize

from tasks.blocks import Interactions
from tasks.model.embedding import place_in_space
from tasks.model.types import Model, Neighbours, Placement, Points, Scoring

NEIGHBOURHOOD, MOST_NEIGHBOURS = 7, 40  # found on held-out favourites, see docs/research/README.md


def count_neighbours(n_neighbours: int | str, n_fine_clusters: int, n_users: int) -> int:
    """Return the number of fine clusters that a user's recommendations come from, at most ``n_fine_clusters``.

    ``"auto"`` takes as many as hold about 7 sqrt(n_users) users, 40 at most.
    """
    if n_neighbours == "auto":
        n_neighbours = min(MOST_NEIGHBOURS, max(1, round(NEIGHBOURHOOD * n_fine_clusters / n_users**0.5)))
    return min(int(n_neighbours), n_fine_clusters)


def distances(points: Points, centroids: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the squared distances to the centroids, less the squared length of each point.

    Shape (n_users, k). They are computed in float64, so that processors agree on them.
    """
    centroids = centroids.astype(np.float64)
    d2 = points @ centroids.T if issparse(points) else points.astype(np.float64) @ centroids.T
    d2 *= -2
    d2 += (centroids**2).sum(axis=1)
    return d2


def nearest(points: Points, centroids: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return the nearest centroid of each point; of sparse rows the one whose users share most of the favourites."""
    if issparse(points):
        return np.asarray(points @ centroids.T).argmax(axis=1).astype(np.int32)
    return distances(points, centroids).argmin(axis=1).astype(np.int32)


def weigh_neighbours(d2: NDArray[np.float64], labels: NDArray[np.int32], scoring: Scoring) -> Neighbours:
    """Weigh the fine clusters nearest to each user by ``exp(-sharpness * (d2 - smallest d2))``, rows summing to 1.

    d2 are the `distances` of the users to the centroids. With one neighbour it is the user's own fine cluster, in
    ``labels``, with weight 1.
    """
    m = scoring.n_neighbours
    if m == 1:
        return Neighbours(labels[:, None], np.ones((len(labels), 1), dtype=np.float32))
    clusters = np.argpartition(d2, m - 1, axis=1)[:, :m]
    near = np.take_along_axis(d2, clusters, axis=1)
    order = np.lexsort((clusters, near), axis=1)
    near = np.take_along_axis(near, order, axis=1)
    weights = np.exp(-scoring.sharpness * (near - near[:, :1]))
    weights /= weights.sum(axis=1, keepdims=True)
    return Neighbours(np.take_along_axis(clusters, order, axis=1).astype(np.int32), weights.astype(np.float32))


class Known(NamedTuple):
    """Clusters of users that k-means has placed already; of other users the nearest centroid decides.

    user_ids : int32, ascending.
    found, clusters, fine : int32, shape (n_users,).
    """

    user_ids: NDArray[np.int32]
    found: NDArray[np.int32]
    clusters: NDArray[np.int32]
    fine: NDArray[np.int32]


def place(users: Interactions, model: Model, known: Known | None = None) -> Placement:
    """Return the place of each user of a block among the clusters.

    Parameters
    ----------
    users : a block.
    model : what was learned.
    known : users who were in the fit and keep the clusters that they have there.
    """
    points = place_in_space(users, model.space, model.scoring)
    d2 = distances(points, model.fine)
    nearest_fine = nearest(points, model.fine) if issparse(points) else d2.argmin(axis=1).astype(np.int32)
    found, clusters, fine = labels_of(users, points, nearest_fine, model, known)
    return Placement(clusters, found, fine, weigh_neighbours(d2, fine, model.scoring), tastes_of(points))


def labels_of(
    users: Interactions, points: Points, nearest_fine: NDArray[np.int32], model: Model, known: Known | None
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return the cluster before merging, the cluster, and the fine cluster of each user: the nearest, unless known."""
    found, clusters, fine = nearest(points, model.found), nearest(points, model.centroids), nearest_fine
    if known is None:
        return found, clusters, fine
    rows = np.minimum(np.searchsorted(known.user_ids, users.user_ids), len(known.user_ids) - 1)
    is_known = known.user_ids[rows] == users.user_ids
    return (
        np.where(is_known, known.found[rows], found),
        np.where(is_known, known.clusters[rows], clusters),
        np.where(is_known, known.fine[rows], fine),
    )


def tastes_of(points: Points) -> NDArray[np.float32]:
    """Return the directions of points: rows of length 1, or 0; without columns where points are sparse."""
    if issparse(points):
        return np.zeros((points.shape[0], 0), dtype=np.float32)
    return normalize(points).astype(np.float32)
