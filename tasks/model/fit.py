"""What is learned from interactions: the model."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.preprocessing import normalize

from tasks.blocks import Interactions, evidence_of, favourites_of
from tasks.model.embedding import fit_taste_space, place_in_space
from tasks.model.kmeans import FINE_ITERATIONS, count_favourites, k_means, order_by_size
from tasks.model.neighbours import Known, count_neighbours, labels_of
from tasks.model.types import Clustering, Groups, Model, ModelOptions, Movies, Scoring, TasteSpace

Sums = dict[str, NDArray]
SumBlocks = Callable[[Callable[[Interactions], Sums]], Mapping[str, NDArray]]
MOST_CELLS = 1_500_000_000  # users x candidates; what is beyond the most favourited movies is hardly recommended
FEWEST_CANDIDATES, MOST_CANDIDATES = 2000, 20_000


def count_candidates(n_users: int, n_movies: int) -> int:
    """Return how many of the most favourited movies are scored for each user."""
    return min(n_movies, MOST_CANDIDATES, max(FEWEST_CANDIDATES, MOST_CELLS // n_users))


def fit_fine_clusters(
    sample: Interactions, movies: Movies, n_fine_clusters: int, options: ModelOptions
) -> tuple[TasteSpace, Groups]:
    """Return the taste space and fine clusters, which are the clusters too: all that recommendations need."""
    space = fit_taste_space(sample, movies, options)
    points = place_in_space(sample, space, options)
    fine = k_means(points, n_fine_clusters, 1, FINE_ITERATIONS, options.seed)
    return space, Groups(fine, fine, fine)


def fit_model(
    sample: Interactions,
    movies: Movies,
    space: TasteSpace,
    groups: Groups,
    options: ModelOptions,
    sum_blocks: SumBlocks,
) -> tuple[Model, Groups]:
    """Return the model, and the clusters numbered by their users, most first.

    Parameters
    ----------
    sample : the users that ``space`` and ``groups`` were fitted to.
    movies : the columns of interactions.
    sum_blocks : calls a function on blocks of all users and adds up what it returns.
    """
    model = bare_model(movies, space, groups, options)
    sums = sum_blocks(partial(count_block, model=model, known=known_of(sample, groups)))
    if options.taste_weight and space.axes.shape[1]:
        model = model._replace(tastes=normalize(sums["tastes"]).astype(np.float32))
    model = model._replace(shares=smooth(sums["counts"], sums["sizes"], options.smoothing))
    return number_clusters(model, groups, order_by_size(sums["clusters"]))


def bare_model(movies: Movies, space: TasteSpace, groups: Groups, options: ModelOptions) -> Model:
    """Return a model that knows where users are, and nothing yet of what they like."""
    n_candidates = count_candidates(movies.n_users, len(movies.movie_ids))
    n_fine = len(groups.fine.centroids)
    found, clusters, fine = (clustering.centroids for clustering in groups)
    shares = np.zeros((n_fine, n_candidates), dtype=np.float32)
    nothing = np.zeros((n_candidates, 0), dtype=np.float32)
    scoring = scoring_of(options, n_fine, movies)
    return Model(movies.movie_ids, space, found, clusters, fine, shares, nothing, nothing[:0], scoring)


def scoring_of(options: ModelOptions, n_fine_clusters: int, movies: Movies) -> Scoring:
    """Return the numbers of the formula of the score, with those that the data decide filled in."""
    names = set(Scoring._fields) & set(ModelOptions._fields)
    decided = {
        "n_neighbours": count_neighbours(options.n_neighbours, n_fine_clusters, movies.n_users),
        "item_weight": 0.0,
    }
    return Scoring(**{name: getattr(options, name) for name in names} | decided)


def known_of(sample: Interactions, groups: Groups) -> Known:
    """Return the clusters of the users in the fit."""
    return Known(sample.user_ids, *(clustering.labels for clustering in groups))


def count_block(users: Interactions, model: Model, known: Known) -> Sums:
    """Return what a block adds to the counts of the model.

    Returns
    -------
    counts : float32, shape (n_fine, n_candidates), the evidence of the users of each fine cluster for each movie.
    sizes, clusters : users of each fine cluster, and of each cluster.
    tastes : float64, shape (n_candidates, n_components), the sum of the tastes of those who favourited each movie.
    """
    n_fine, n_candidates = model.shares.shape
    points = place_in_space(users, model.space, model.scoring)
    _, clusters, fine = labels_of(users, points, model, known)
    evidence = evidence_of(users).weights[:, :n_candidates]
    sums: Sums = {
        "counts": count_favourites(evidence, fine, n_fine).toarray(),
        "sizes": np.bincount(fine, minlength=n_fine),
        "clusters": np.bincount(clusters, minlength=len(model.centroids)),
    }
    if not issparse(points):
        sums["tastes"] = favourites_of(users)[:, :n_candidates].astype(np.float64).T @ points
    return sums


def smooth(counts: NDArray[np.float32], sizes: NDArray[np.integer], smoothing: float) -> NDArray[np.float32]:
    """Return P[c, i] = (n_ci + smoothing * g_i) / (n_c + smoothing), shape (n_fine, n_candidates).

    n_ci is the evidence of the n_c users of fine cluster c for movie i, g_i its mean over all users. Where weights are
    0 and 1 they are the users who favourited the movie, and their share.
    """
    everybody = counts.sum(axis=0, dtype=np.float64) / sizes.sum()
    return ((counts + smoothing * everybody) / (sizes + smoothing)[:, None]).astype(np.float32)


def number_clusters(model: Model, groups: Groups, order: NDArray[np.intp]) -> tuple[Model, Groups]:
    """Return model and clusters with cluster ``order[i]`` called i; where fine clusters are the same, they follow."""
    number = np.argsort(order)
    clusters = Clustering(number[groups.clusters.labels].astype(np.int32), groups.clusters.centroids[order])
    if groups.fine is not groups.clusters:
        return model._replace(centroids=clusters.centroids), groups._replace(clusters=clusters)
    model = model._replace(centroids=clusters.centroids, fine=clusters.centroids, shares=model.shares[order])
    return model, groups._replace(clusters=clusters, fine=clusters)
