"""The scores of users whose favourites were held out, by the clusters and by the item model, before they are mixed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions, select_users
from tasks.model.draw import limit_of, user_key
from tasks.model.fit import fit_in_memory, known_of
from tasks.model.items import count_items, gram_of
from tasks.model.neighbours import place
from tasks.model.rank import cluster_scores, hide, pick_best
from tasks.model.types import CLUSTERS_ALONE, ModelOptions, Ranking
from tasks.quality.holdout import Split
from tasks.quality.metrics import find_hits, ndcg

DEPTH = 10
SCORED_MOVIES, SCORED_CELLS = 2000, 6_000_000  # the most favourited movies are ranked: 2,000, or more to few users


class Mixture(NamedTuple):
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


def make_mixture(split: Split, options: ModelOptions, n_fine_clusters: int) -> Mixture:
    """Return what the scores of the users with held-out favourites are made of, learned from the training part."""
    model, fit = fit_in_memory(split.train, n_fine_clusters, options, CLUSTERS_ALONE)
    tested = np.diff(split.test.indptr) > 0
    keys = user_key(split.train.user_ids, options.seed + 2)
    tested &= keys <= limit_of(keys[tested], options.quality_users)
    users = select_users(fit.sample, tested)
    n_movies = min(model.shares.shape[1], max(SCORED_MOVIES, SCORED_CELLS // len(users.user_ids)))
    few = model._replace(shares=model.shares[:, :n_movies], tastes=model.tastes[:n_movies])
    evidence = fit.sample.weights
    popularity = np.asarray(evidence.sum(axis=0), dtype=np.float64).ravel()[:n_movies]
    n_items = min(n_movies, count_items(fit.movies.n_fans, fit.movies.n_users)) if options.item_weight else 0
    return Mixture(
        users,
        split.test[tested][:, model.movie_ids],
        cluster_scores(place(users, few, known_of(fit)), few),
        popularity,
        gram_of(fit.sample, n_items),
    )


def quality_of(mixture: Mixture, scores: NDArray[np.float32]) -> float:
    """Return the mean NDCG@10 of scores of the movies that are ranked."""
    scores = scores.copy()
    hide(scores, mixture.users.weights)
    user, place_, movie, score = pick_best(scores, DEPTH)
    best = Ranking(user, place_, movie, score, score, score)
    return float(ndcg(find_hits(best, mixture.test, DEPTH), DEPTH).mean())
