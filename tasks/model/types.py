"""The options of the model, and what is learned, as arrays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions

NO_MOVIES = np.zeros(0, dtype=np.int32)
Points = csr_matrix | NDArray[np.float32]


class ModelOptions(NamedTuple):
    """The options of a retrain that say how users are clustered and recommendations are made; see `flows.config`."""

    weighting: str
    n_components: int | str
    near_weight: float
    recency: float
    fit_users: int
    n_clusters: int | str
    max_clusters: int
    elbow_rule: str
    elbow_boundary: float
    elbow_users: int | None
    n_init: int
    max_iter: int
    refine_steps: int
    min_cluster_size: int
    merge_by: str
    n_fine_clusters: int | str
    quality_users: int
    n_neighbours: int | str
    sharpness: float
    smoothing: float
    taste_weight: float
    item_weight: float | str
    exclude_seen: bool
    seed: int
    diversity: float = 0.0
    top_n: int = 20

    @property
    def is_exact(self) -> bool:
        """Whether the model is fitted to all users, whatever their number: those of a sample would not be the same."""
        return self.weighting == "none" or self.merge_by == "overlap"


class TasteSpace(NamedTuple):
    """The space that users are clustered in: tastes, or the incidence itself where there are no ``axes``.

    idf : float32, shape (n_movies,), how much each movie counts.
    axes : float32, shape (n_movies, n_components), the right singular vectors; n_components is 0 for the incidence.
    scale : float32, shape (n_components,), what each coordinate is divided by.
    centre : float32, shape (n_components,), the mean of the users' tastes.
    """

    idf: NDArray[np.float32]
    axes: NDArray[np.float32]
    scale: NDArray[np.float32]
    centre: NDArray[np.float32]


class Clustering(NamedTuple):
    """Clusters of users.

    labels : shape (n_users,), int32, cluster of each user, 0 to k - 1; every cluster has a user.
    centroids : shape (k, n_columns), float32, the mean of each cluster's points.
    """

    labels: NDArray[np.int32]
    centroids: NDArray[np.float32]


class Movies(NamedTuple):
    """The columns of interactions.

    movie_ids : int32, most favourited first, then by id.
    n_fans : users who favourited each, of all ``n_users``.
    """

    movie_ids: NDArray[np.int32]
    n_fans: NDArray[np.integer]
    n_users: int


class Groups(NamedTuple):
    """The clusters of the users in a fit: as k-means found them, after merging, and fine ones."""

    found: Clustering
    clusters: Clustering
    fine: Clustering


class Fit(NamedTuple):
    """What was learned from the users of a sample.

    sample : the users.
    movies : the columns of their interactions.
    space : the taste space.
    groups : their clusters.
    """

    sample: Interactions
    movies: Movies
    space: TasteSpace
    groups: Groups


class ItemSettings(NamedTuple):
    """How the item model is made and mixed with the clusters; chosen by held-out quality.

    strength : regularisation, as a multiple of a mean of the Gram matrix's diagonal.
    low_rank : how much of the part of low rank is added, as a multiple of the regression.
    weight : share of the score that comes from the item model, 0 for the clusters alone.
    rarity_power : how much movies with few favourites are lifted.
    trend_power : how much movies are lifted that are favourited more of late than before.
    recency : how much more a user's later favourites count in the item model, see `tasks.model.recency.discount`.
    session_weight : how much the favourites of a session, some that follow each other in time, count again.
    unit : mean score by the clusters of held-out favourites, as a multiple of that by the item model.
    """

    strength: float
    low_rank: float
    weight: float
    rarity_power: float
    trend_power: float
    recency: float
    session_weight: float
    unit: float


CLUSTERS_ALONE = ItemSettings(
    strength=8.0,
    low_rank=0.0,
    weight=0.0,
    rarity_power=0.0,
    trend_power=0.0,
    recency=0.0,
    session_weight=0.0,
    unit=1.0,
)


class Elbow(NamedTuple):
    """How the number of clusters was chosen.

    wcss : float64, WCSS of 1, 2, ... clusters.
    suggested : number of clusters at the elbow.
    chosen : number of clusters that k-means is asked for.
    """

    wcss: NDArray[np.float64]
    suggested: int
    chosen: int


class Neighbours(NamedTuple):
    """The fine clusters near each user.

    clusters : shape (n_users, m), int32, nearest first.
    weights : shape (n_users, m), float32, rows sum to 1.
    """

    clusters: NDArray[np.int32]
    weights: NDArray[np.float32]


class Placement(NamedTuple):
    """Where users are; arrays of shape (n_users,) but for `neighbours` and ``tastes``.

    clusters, found : int32, the cluster, and the one that k-means gave before small ones were merged.
    fine : int32, the fine cluster.
    tastes : float32, shape (n_users, n_components).
    """

    clusters: NDArray[np.int32]
    found: NDArray[np.int32]
    fine: NDArray[np.int32]
    neighbours: Neighbours
    tastes: NDArray[np.float32]

    def rows(self, start: int, stop: int) -> "Placement":
        """Return the users in rows ``start`` to ``stop``."""
        rows = slice(start, stop)
        near = Neighbours(self.neighbours.clusters[rows], self.neighbours.weights[rows])
        return Placement(self.clusters[rows], self.found[rows], self.fine[rows], near, self.tastes[rows])


class Scoring(NamedTuple):
    """The numbers in the formula of the score, see `tasks.model.rank`."""

    weighting: str
    recency: float
    n_neighbours: int
    sharpness: float
    smoothing: float
    taste_weight: float
    near_weight: float
    item_weight: float
    item_recency: float
    rarity_power: float
    trend_power: float
    exclude_seen: bool
    diversity: float = 0.0
    top_n: int = 0


class Model(NamedTuple):
    """All that is learned from the interactions, and enough to place users and recommend movies to them.

    n_candidates movies, the most favourited ones, are scored; the item model knows the first n_items of them.

    movie_ids : int32, shape (n_movies,), the columns of interactions, most favourited first, then by id.
    space : where users are placed.
    found, centroids : float32, shape (k, n_columns), centres of the clusters before and after merging.
    fine : float32, shape (n_fine, n_columns), centres of the fine clusters.
    shares : float32, shape (n_fine, n_candidates), smoothed shares of the users who favourited each movie, times
        1 - item_weight and the boost of the movie.
    tastes : float32, shape (n_candidates, n_components), tastes of the movies; n_components is 0 where unused.
    items : float32, shape (n_items, n_items); entry (j, i) is what favourite j adds to the score of movie i, times
        item_weight and the boost of movie i. Without an item model n_items is 0.
    boost : float32, shape (n_candidates,), what the scores of each movie are multiplied by, see `tasks.model.boost`.
    scoring : the numbers of the formula.
    withheld : int32, columns of interactions that are never recommended, ascending.
    """

    movie_ids: NDArray[np.int32]
    space: TasteSpace
    found: NDArray[np.float32]
    centroids: NDArray[np.float32]
    fine: NDArray[np.float32]
    shares: NDArray[np.float32]
    tastes: NDArray[np.float32]
    items: NDArray[np.float32]
    boost: NDArray[np.float32]
    scoring: Scoring
    withheld: NDArray[np.int32] = NO_MOVIES


class Ranking(NamedTuple):
    """The best movies of each user, by user and rank; arrays of one length.

    user : int32, row of the block.
    rank : int32, 1 is best.
    movie : int32, column of the interactions.
    score : float32, the sum of the two next.
    cluster_score, item_score : float32, the parts of the clusters and of the item model.
    """

    user: NDArray[np.int32]
    rank: NDArray[np.int32]
    movie: NDArray[np.int32]
    score: NDArray[np.float32]
    cluster_score: NDArray[np.float32]
    item_score: NDArray[np.float32]
