"""The scores of users whose favourites were held out, by the clusters and by the item model, before they are mixed."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions, select_users
from tasks.model.boost import count_recent, recent_since
from tasks.model.embedding import embed
from tasks.model.fit import fit_model, known_of, with_movies
from tasks.model.items import count_items
from tasks.model.kmeans import fine_k_means
from tasks.model.neighbours import place
from tasks.model.rank import cluster_scores, hide, pick_best
from tasks.model.types import CLUSTERS_ALONE, Fit, Groups, ModelOptions, Movies, Points, Ranking, TasteSpace
from tasks.quality.holdout import Split, draw_tested
from tasks.quality.metrics import find_hits, ndcg

DEPTH = 10
FEWEST_RANKED = 1000  # movies, if there are as many
MOST_SCORES = 30_000_000  # of users x movies; some such arrays are in memory at a time
BLOCK_CELLS = 400_000  # scores that are mixed and ranked at a time
MOST_IN_HEAD, HEAD_SHARE = 4000, 0.8  # the most favourited movies, with that share of all favourites


class Mixture(NamedTuple):
    """Users with held-out favourites, and all that their scores are made of.

    users : their training part; columns are movies, the most favourited first.
    train : that of all users.
    test : held-out favourites among the movies that are ranked, shape (n_users, n_ranked).
    clusters : float32, scores by the clusters, shape (n_users, n_ranked).
    popularity : evidence for each movie, summed over users.
    recent : that of the latest interactions alone.
    kind : how favourites were held out, see `tasks.quality.holdout.hold_out`.
    """

    users: Interactions
    train: Interactions
    test: csr_matrix
    clusters: NDArray[np.float32]
    popularity: NDArray[np.float64]
    recent: NDArray[np.float64]
    kind: str = "random"


class Trained(NamedTuple):
    """The training part of a split, in the taste space that was fitted to it.

    train : its columns are the favourited movies, the most favourited first.
    test : held-out favourites, in the same columns.
    kind : how they were held out.
    """

    train: Interactions
    test: csr_matrix
    movies: Movies
    space: TasteSpace
    points: Points
    kind: str = "random"


def train_on(split: Split, options: ModelOptions) -> Trained:
    """Return the training part of a split in its taste space."""
    train, movies = with_movies(split.train)
    space, points = embed(train, movies, options)
    return Trained(train, split.test[:, movies.movie_ids], movies, space, points, split.kind)


def make_mixture(trained: Trained, options: ModelOptions, n_fine_clusters: int, n_items: int) -> Mixture:
    """Return what the scores of at most ``quality_users`` users with held-out favourites are made of.

    The movies that are ranked are those that an item model of the training part knows, ``n_items`` at most and 1,000 at
    least, if there are as many. Users are fewer where they would have more than ``MOST_SCORES`` scores.
    """
    train, movies = trained.train, trained.movies
    n_known = min(n_items, count_items(movies.n_fans, movies.n_users))
    n_ranked = min(max(n_known, FEWEST_RANKED), len(movies.n_fans))
    n_users = min(options.quality_users, MOST_SCORES // n_ranked)
    tested = draw_tested(trained.test, train.user_ids, n_users, options.seed + 2)
    users = select_users(train, tested)
    fine = fine_k_means(trained.points, n_fine_clusters, options.seed)
    fit = Fit(train, movies, trained.space, Groups(fine, fine, fine))
    model, fit = fit_model(fit, options, CLUSTERS_ALONE, lambda count: count(train), n_ranked)
    scores = cluster_scores(place(users, model, known_of(fit)), model)
    return Mixture(users, train, trained.test[tested, :n_ranked], scores, *popularity_of(train, n_ranked), trained.kind)


def popularity_of(train: Interactions, n_movies: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the evidence for each of the first ``n_movies`` movies, and that of the latest interactions alone."""
    popularity = np.asarray(train.weights.sum(axis=0), dtype=np.float64).ravel()[:n_movies]
    return popularity, count_recent(train, recent_since(train), n_movies)


def head_of(mixture: Mixture) -> Mixture:
    """Return the mixture with the most favourited movies alone, in which many settings are tried in little time.

    They have four fifths of all favourites; they are 1,000 at least, if there are as many, and 4,000 at most.
    """
    n_fans = np.bincount(mixture.train.weights.indices[mixture.train.weights.data == 1])
    n_holding = int(np.searchsorted(np.cumsum(n_fans), HEAD_SHARE * n_fans.sum())) + 1
    n_movies = min(MOST_IN_HEAD, max(n_holding, FEWEST_RANKED), len(mixture.popularity))
    return mixture._replace(
        test=mixture.test[:, :n_movies],
        clusters=mixture.clusters[:, :n_movies],
        popularity=mixture.popularity[:n_movies],
        recent=mixture.recent[:n_movies],
    )


def ndcg_of(mixture: Mixture, scores_of: Callable[[slice], NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return each user's NDCG@10.

    Users have one if any of their held-out favourites is among the movies that are ranked.
    ``scores_of`` returns the scores of some users for these movies; it is called for so few at a time that they stay in
    the processor's cache, and those of seen movies are overwritten.
    """
    n_users, n_ranked = mixture.test.shape
    size = max(1, BLOCK_CELLS // n_ranked)
    parts = []
    for start in range(0, n_users, size):
        scores = scores_of(slice(start, start + size))
        hide(scores, mixture.users.weights[start : start + size])
        user, place_, movie, score = pick_best(scores, DEPTH)
        parts.append((user + np.int32(start), place_, movie, score))
    user, place_, movie, score = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    best = Ranking(user, place_, movie, score, score, score)
    return ndcg(find_hits(best, mixture.test, DEPTH), DEPTH)


def ndcg_of_clusters(mixture: Mixture) -> NDArray[np.float64]:
    """Return each user's NDCG@10 by the clusters alone."""
    return ndcg_of(mixture, lambda users: mixture.clusters[users].copy())
