"""The model: fitted to a sample of users, counted over all of them, and saved."""

import numpy as np
from numpy.typing import NDArray

from tasks.blocks import Interactions, favourites_of
from tasks.engine import Engine
from tasks.model.elbow import find_elbow, measure_wcss
from tasks.model.embedding import embed
from tasks.model.kmeans import cluster_users, fine_k_means, measure_clusters, number_by_size
from tasks.model.merge import merge_small_clusters
from tasks.model.saved import pack
from tasks.model.types import (
    Clustering,
    Elbow,
    Fit,
    Groups,
    Model,
    ModelOptions,
    Movies,
    Points,
    TasteSpace,
)
from tasks.quality.choose import Choice
from tasks.quality.strength import fit_for_all


def embed_users(sample: Interactions, movies: Movies, options: ModelOptions) -> tuple[TasteSpace, Points]:
    """Return the taste space, and where the users of the sample are in it."""
    return embed(sample, movies, options)


def measure_elbow(points: Points, movies: Movies, options: ModelOptions) -> Elbow:
    """Return the WCSS curve, the number of clusters at its elbow, and the number to make: that, unless one is given."""
    wcss = measure_wcss(points, movies.n_users, options)
    elbow = find_elbow(wcss, options)
    return Elbow(wcss, elbow, elbow if options.n_clusters == "auto" else int(options.n_clusters))


def cluster_sample(points: Points, sample: Interactions, n_clusters: int, options: ModelOptions) -> Clustering:
    """Return the clusters that k-means finds; ``points`` and ``sample`` are of the same users."""
    return cluster_users(points, favourites_of(sample), n_clusters, options)


def merge_clusters(found: Clustering, points: Points, sample: Interactions, options: ModelOptions) -> Clustering:
    """Return the clusters with small ones merged into others, numbered by size."""
    return number_by_size(merge_small_clusters(found, points, favourites_of(sample), options))


def cluster_finely(points: Points, clusters: Clustering, choice: Choice, options: ModelOptions) -> Clustering:
    """Return the fine clusters, as many as were chosen; where that is 0, they are ``clusters`` themselves."""
    return fine_k_means(points, choice.n_fine_clusters, options.seed) if choice.n_fine_clusters else clusters


def fit_recommender(
    engine: Engine, fit: Fit, choice: Choice, options: ModelOptions, withheld: NDArray[np.int32]
) -> tuple[Model, Fit, dict[str, float]]:
    """Build the tables ``model``, ``item_weights`` and ``scoring``; return the model, the fit with its clusters
    numbered by their users, and the ``strength`` for all users, nothing where there is no item model.

    Favourites of the clusters are counted over all users. ``withheld`` are the columns of interactions that are never
    recommended; favourites of them count all the same.
    """
    model, fit, settings = fit_for_all(fit, options, choice.items, engine.sum_blocks)
    model = model._replace(withheld=withheld)
    n_items, n_candidates = len(model.items), model.shares.shape[1]
    engine.write("model_rows", pack(model), "model/model")
    items = {"movie_id": model.movie_ids[:n_items], "weights": model.items}
    engine.write("item_weight_rows", items, "model/item_weights")
    engine.run("model/scoring", **model.scoring._asdict(), n_candidates=n_candidates)
    return model, fit, {"strength": settings.strength} if n_items else {}


def measure_sample(points: Points, groups: Groups, options: ModelOptions) -> dict[str, float]:
    """Return the numbers of clusters, and how distinct and how stable those of k-means are."""
    counts = {"n_clusters": len(groups.clusters.centroids), "n_fine_clusters": len(groups.fine.centroids)}
    return counts | measure_clusters(points, groups.found, options)
