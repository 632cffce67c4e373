"""A retrain on the training part of a split, with the scores of users whose favourites were held out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions, rank_movies, select_users
from tasks.model.embedding import mix
from tasks.model.fit import fit_fine_clusters, fit_model, known_of
from tasks.model.items import count_items, gram_of
from tasks.model.neighbours import place
from tasks.model.rank import cluster_scores, hide, pick_best, rank
from tasks.model.types import CLUSTERS_ALONE, Fit, ItemSettings, Model, ModelOptions, Movies, Ranking
from tasks.quality.holdout import Split
from tasks.quality.metrics import find_hits, ndcg

DEPTH = 10
SCORED_MOVIES, SCORED_CELLS = 2000, 6_000_000  # the most favourited movies are ranked: 2,000, or more to few users


class Trial(NamedTuple):
    """Users with held-out favourites, and all that their scores are made of.

    users : their training part; columns are movies, the most favourited first.
    test : held-out favourites, shape (n_users, n_movies).
    clusters : float32, scores by the clusters, shape (n_users, number of movies that are ranked).
    popularity : evidence for each movie, summed over users.
    gram : Gram matrix of the item model.
    """

    users: Interactions
    test: csr_matrix
    clusters: NDArray[np.float32]
    popularity: NDArray[np.float64]
    gram: NDArray[np.float64]


def learn(
    train: Interactions, n_fine_clusters: int, options: ModelOptions, settings: ItemSettings
) -> tuple[Model, Fit]:
    """Return the model of a retrain on ``train``; ``Model.movie_ids`` are its columns in ``train``."""
    ranked, columns, n_fans = rank_movies(train)
    movies = Movies(columns.astype(np.int32), n_fans, len(train.user_ids))
    fit = fit_fine_clusters(ranked, movies, n_fine_clusters, options)
    return fit_model(fit, options, settings, lambda count: count(ranked))


def make_trial(split: Split, options: ModelOptions, n_fine_clusters: int) -> Trial:
    """Return what the scores of the users with held-out favourites are made of, learned from the training part."""
    model, fit = learn(split.train, n_fine_clusters, options, CLUSTERS_ALONE)
    tested = np.diff(split.test.indptr) > 0
    order = mix(split.train.user_ids.astype(np.uint64), options.seed + 2)
    if tested.sum() > options.quality_users:
        tested &= order <= np.partition(order[tested], options.quality_users - 1)[options.quality_users - 1]
    users = select_users(fit.sample, tested)
    n_movies = min(model.shares.shape[1], max(SCORED_MOVIES, SCORED_CELLS // len(users.user_ids)))
    few = model._replace(shares=model.shares[:, :n_movies], tastes=model.tastes[:n_movies])
    evidence = fit.sample.weights
    popularity = np.asarray(evidence.sum(axis=0), dtype=np.float64).ravel()[:n_movies]
    n_items = min(n_movies, count_items(fit.movies.n_fans, fit.movies.n_users)) if options.item_weight else 0
    return Trial(
        users,
        split.test[tested][:, model.movie_ids],
        cluster_scores(place(users, few, known_of(fit)), few),
        popularity,
        gram_of(fit.sample, n_items),
    )


def recommend(
    train: Interactions, options: ModelOptions, n_fine_clusters: int, settings: ItemSettings, top_n: int
) -> Ranking:
    """Return what a retrain on ``train`` would recommend to all of its users; movies are columns of ``train``."""
    model, fit = learn(train, n_fine_clusters, options, settings)
    best = rank(fit.sample, place(fit.sample, model, known_of(fit)), model, top_n)
    return best._replace(movie=model.movie_ids[best.movie])


def quality_of(trial: Trial, scores: NDArray[np.float32]) -> float:
    """Return the mean NDCG@10 of scores of the movies that are ranked."""
    scores = scores.copy()
    hide(scores, trial.users.weights)
    user, place_, movie, score = pick_best(scores, DEPTH)
    best = Ranking(user, place_, movie, score, score, score)
    return float(ndcg(find_hits(best, trial.test, DEPTH), DEPTH).mean())
