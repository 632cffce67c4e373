"""What a retrain on the training part of a trial would recommend, and the article's way."""

import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.blocks import Interactions, favourites_of, select_movies
from tasks.model.embedding import embed
from tasks.model.fit import fit_fine_clusters, fit_model, known_of, with_movies
from tasks.model.kmeans import cluster_users, number_by_size
from tasks.model.merge import merge_small_clusters
from tasks.model.neighbours import Known, place
from tasks.model.rank import rank
from tasks.model.types import CLUSTERS_ALONE, NO_MOVIES, Fit, Groups, Model, ModelOptions, Ranking
from tasks.quality.choose import choose_settings
from tasks.quality.strength import fit_for_all

ARTICLE: dict[str, Any] = {
    "weighting": "none",
    "n_components": 0,
    "near_weight": 0.0,
    "recency": 0.0,
    "n_init": 10,
    "refine_steps": 0,
    "min_cluster_size": 6,
    "merge_by": "overlap",
    "n_neighbours": 1,
    "smoothing": 0.0,
    "taste_weight": 0.0,
    "item_weight": 0.0,
    "diversity": 0.0,
}
ARTICLE_CLUSTERS = 15


class Product(NamedTuple):
    """A model learned from a training part, ready to recommend.

    columns : the columns of the training part that are the columns of ``model``.
    known : the clusters of the users learned from.
    setting : what was chosen for the training part.
    seconds : time to choose and to learn.
    """

    model: Model
    columns: NDArray[np.integer]
    known: Known
    setting: dict[str, Any]
    seconds: float


def fit_product(train: Interactions, options: ModelOptions, withheld: NDArray[np.integer] = NO_MOVIES) -> Product:
    """Return what a retrain on the training part would choose and learn; columns ``withheld`` are not recommended."""
    started = time.monotonic()
    ranked, movies = with_movies(train)
    choice = choose_settings(ranked, movies, options)
    fit = fit_fine_clusters(ranked, movies, choice.n_fine_clusters, options)
    model, fit, settings = fit_for_all(fit, options, choice.items, lambda count: count(ranked))
    setting = {"n_fine_clusters": choice.n_fine_clusters, **settings._asdict()}
    return Product(withholding(model, withheld), model.movie_ids, known_of(fit), setting, time.monotonic() - started)


def withholding(model: Model, withheld: NDArray[np.integer]) -> Model:
    """Return a model that recommends none of some movies; ``Model.movie_ids`` are their columns."""
    return model._replace(withheld=np.flatnonzero(np.isin(model.movie_ids, withheld)).astype(np.int32))


def fit_article(train: Interactions, options: ModelOptions, withheld: NDArray[np.integer] = NO_MOVIES) -> Product:
    """Return what the article's way learns: 15 clusters of the incidence, those under six users merged into others."""
    started = time.monotonic()
    options = options._replace(**ARTICLE)
    ranked, movies = with_movies(train)
    space, points = embed(ranked, movies, options)
    favourites = favourites_of(ranked)
    found = cluster_users(points, favourites, ARTICLE_CLUSTERS, options)
    clusters = number_by_size(merge_small_clusters(found, points, favourites, options))
    fit = Fit(ranked, movies, space, Groups(found, clusters, clusters))
    model, fit = fit_model(fit, options, CLUSTERS_ALONE, lambda count: count(ranked))
    setting = {"n_clusters": ARTICLE_CLUSTERS}
    return Product(withholding(model, withheld), movies.movie_ids, known_of(fit), setting, time.monotonic() - started)


def recommend_to(users: Interactions, product: Product, top_n: int) -> Ranking:
    """Return the recommendations to users, who may have been learned from or not; their columns are the trial's."""
    block = select_movies(users, product.columns)
    best = rank(block, place(block, product.model, product.known), product.model, top_n)
    return best._replace(movie=product.columns[best.movie].astype(np.int32))
