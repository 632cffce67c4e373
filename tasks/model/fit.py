"""What is learned from interactions: the model."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.preprocessing import normalize

from tasks.blocks import Interactions, evidence_of, favourites_of, rank_movies
from tasks.model.boost import boost_of, count_recent, recent_since
from tasks.model.embedding import embed, place_in_space
from tasks.model.items import count_items, gram_of, item_weights, with_few_digits
from tasks.model.kmeans import count_favourites, fine_k_means, order_by_size, renumber
from tasks.model.neighbours import Known, count_neighbours, labels_of, nearest
from tasks.model.types import Fit, Groups, ItemSettings, Model, ModelOptions, Movies, Scoring

Sums = dict[str, NDArray]
SumBlocks = Callable[[Callable[[Interactions], Sums]], Mapping[str, NDArray]]
MOST_CELLS = 700_000_000  # users x candidates; what is beyond the most favourited movies is hardly recommended
FEWEST_CANDIDATES, MOST_CANDIDATES = 2000, 20_000


def count_candidates(n_users: int, n_movies: int) -> int:
    """Return how many of the most favourited movies are scored for each user."""
    return min(n_movies, MOST_CANDIDATES, max(FEWEST_CANDIDATES, MOST_CELLS // n_users))


def with_movies(users: Interactions) -> tuple[Interactions, Movies]:
    """Return users with the movies that they favourited as columns, the most favourited first, and those movies.

    ``Movies.movie_ids`` are the former columns.
    """
    ranked, columns, n_fans = rank_movies(users)
    return ranked, Movies(columns.astype(np.int32), n_fans, len(users.user_ids))


def fit_fine_clusters(sample: Interactions, movies: Movies, n_clusters: int, options: ModelOptions) -> Fit:
    """Return the taste space and fine clusters, which are the clusters too: all that recommendations need."""
    space, points = embed(sample, movies, options)
    fine = fine_k_means(points, n_clusters, options.seed)
    return Fit(sample, movies, space, Groups(fine, fine, fine))


def fit_in_memory(
    users: Interactions, n_fine_clusters: int, options: ModelOptions, settings: ItemSettings
) -> tuple[Model, Fit]:
    """Return the model of a retrain on ``users``, who fit into memory; ``Model.movie_ids`` are their columns."""
    ranked, movies = with_movies(users)
    fit = fit_fine_clusters(ranked, movies, n_fine_clusters, options)
    return fit_model(fit, options, settings, lambda count: count(ranked))


def fit_model(
    fit: Fit, options: ModelOptions, settings: ItemSettings, sum_blocks: SumBlocks, n_candidates: int | None = None
) -> tuple[Model, Fit]:
    """Return the model, and the fit with its clusters numbered by their users, most first.

    Parameters
    ----------
    fit : taste space and clusters of a sample of users.
    settings : of the item model.
    sum_blocks : calls a function on blocks of all users and adds up what it returns.
    n_candidates : movies that are scored, by `count_candidates` where None.
    """
    model, sums = count_all(fit, options, settings, sum_blocks, n_candidates)
    return complete_model(model, fit, sums, settings)


def count_all(
    fit: Fit, options: ModelOptions, settings: ItemSettings, sum_blocks: SumBlocks, n_candidates: int | None = None
) -> tuple[Model, Sums]:
    """Return a model that knows where users are, and the sums of `count_block` over all users; see `fit_model`."""
    n_candidates = n_candidates or count_candidates(fit.movies.n_users, len(fit.movies.movie_ids))
    n_items = min(n_candidates, count_items(fit.movies.n_fans, fit.movies.n_users)) if settings.weight else 0
    model = bare_model(fit, options, settings, n_candidates)
    known, session_weight, since = known_of(fit), settings.session_weight, recent_since(fit.sample)
    count = partial(count_block, model=model, known=known, n_items=n_items, session_weight=session_weight, since=since)
    return model, dict(sum_blocks(count))


def complete_model(model: Model, fit: Fit, sums: Sums, settings: ItemSettings) -> tuple[Model, Fit]:
    """Return the model with what follows from the sums, and the fit with its clusters numbered, see `fit_model`.

    The Gram matrix among the sums is overwritten.
    """
    model = with_shares(model, sums)
    if "gram" in sums:
        items = item_weights(sums["gram"], settings)
        items *= np.float32(settings.weight * settings.unit) * model.boost[: len(items)]
        model = model._replace(items=with_few_digits(items))
    return number_clusters(model, fit, order_by_size(sums["clusters"]))


def bare_model(fit: Fit, options: ModelOptions, settings: ItemSettings, n_candidates: int) -> Model:
    """Return a model that knows where users are, with shares of 0 and without tastes and items."""
    movies = fit.movies
    found, clusters, fine = (clustering.centroids for clustering in fit.groups)
    shares = np.zeros((len(fine), n_candidates), dtype=np.float32)
    nothing = np.zeros((n_candidates, 0), dtype=np.float32)
    scoring = scoring_of(options, settings, len(fine), movies.n_users)
    boost = np.ones(n_candidates, dtype=np.float32)
    return Model(movies.movie_ids, fit.space, found, clusters, fine, shares, nothing, nothing[:0], boost, scoring)


def scoring_of(options: ModelOptions, settings: ItemSettings, n_fine_clusters: int, n_users: int) -> Scoring:
    """Return the numbers of the formula of the score, with those that the data decide filled in."""
    names = set(Scoring._fields) & set(ModelOptions._fields)
    decided = {
        "n_neighbours": count_neighbours(options.n_neighbours, n_fine_clusters, n_users),
        "item_weight": settings.weight,
        "item_recency": settings.recency,
        "rarity_power": settings.rarity_power,
        "trend_power": settings.trend_power,
    }
    return Scoring(**{name: getattr(options, name) for name in names} | decided)


def known_of(fit: Fit) -> Known:
    """Return the clusters of the users in the fit."""
    return Known(fit.sample.user_ids, *(clustering.labels for clustering in fit.groups))


def count_block(
    users: Interactions, model: Model, known: Known, n_items: int, session_weight: float, since: float
) -> Sums:
    """Return what a block adds to the counts of the model.

    Returns
    -------
    counts : float32, shape (n_fine, n_candidates), the evidence of the users of each fine cluster for each movie.
    recent : float64, shape (n_candidates,), the evidence after ``since`` for each movie; only with a trend power.
    sizes, clusters : users of each fine cluster, and of each cluster.
    tastes : float64, shape (n_candidates, n_components), the sum of the tastes of those who favourited each movie.
    gram : shape (n_items, n_items), see `tasks.model.items.gram_of`.
    """
    n_fine, n_candidates = model.shares.shape
    points = place_in_space(users, model.space, model.scoring)
    _, clusters, fine = labels_of(users, points, nearest(points, model.fine), model, known)
    evidence = evidence_of(users).weights[:, :n_candidates]
    sums: Sums = {
        "counts": count_favourites(evidence, fine, n_fine).toarray(),
        "sizes": np.bincount(fine, minlength=n_fine),
        "clusters": np.bincount(clusters, minlength=len(model.centroids)),
    }
    if model.scoring.trend_power:
        sums["recent"] = count_recent(users, since, n_candidates)
    if not issparse(points):
        sums["tastes"] = favourites_of(users)[:, :n_candidates].astype(np.float64).T @ points
    if n_items:
        sums["gram"] = gram_of(users, n_items, session_weight)
    return sums


def with_shares(model: Model, sums: Mapping[str, NDArray]) -> Model:
    """Return the model with shares, tastes and boosts."""
    scoring = model.scoring
    popularity = sums["counts"].sum(axis=0, dtype=np.float64)
    recent = sums.get("recent", np.zeros_like(popularity))
    boost = boost_of(popularity, recent, scoring.rarity_power, scoring.trend_power)
    shares = smooth(sums["counts"], sums["sizes"], scoring.smoothing) * boost * np.float32(1 - scoring.item_weight)
    if scoring.taste_weight and "tastes" in sums:
        model = model._replace(tastes=normalize(sums["tastes"]).astype(np.float32))
    return model._replace(shares=shares, boost=boost)


def smooth(counts: NDArray[np.float32], sizes: NDArray[np.integer], smoothing: float) -> NDArray[np.float32]:
    """Return P[c, i] = (n_ci + smoothing * g_i) / (n_c + smoothing), shape (n_fine, n_candidates).

    n_ci is the evidence of the n_c users of fine cluster c for movie i, g_i its mean over all users. Where weights are
    0 and 1 they are the users who favourited the movie, and their share.
    """
    everybody = counts.sum(axis=0, dtype=np.float64) / sizes.sum()
    return ((counts + smoothing * everybody) / (sizes + smoothing)[:, None]).astype(np.float32)


def number_clusters(model: Model, fit: Fit, order: NDArray[np.intp]) -> tuple[Model, Fit]:
    """Return model and fit with cluster ``order[i]`` called i; where fine clusters are the same, they follow."""
    groups = fit.groups
    clusters = renumber(groups.clusters, order)
    model = model._replace(centroids=clusters.centroids)
    if groups.fine is not groups.clusters:
        return model, fit._replace(groups=groups._replace(clusters=clusters))
    model = model._replace(fine=clusters.centroids, shares=model.shares[order])
    return model, fit._replace(groups=groups._replace(clusters=clusters, fine=clusters))
