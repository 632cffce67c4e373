"""What the clusters nearest to each user like most and the user has not seen."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from tasks.clusters import Clustering, Nearness, Tastes, count_favourites
from tasks.method import Method
from tasks.step import report_progress, step

FIRST_DEPTH = 128  # best movies of each cluster that are looked at first
DEEPER = 8  # times as many for the users for whom those did not settle it
BLOCK_CELLS = 4_000_000  # scores a block: 16 MB
BLOCK_LEAST_USERS = 16  # clusters are taken together up to so many: smaller blocks cost more than they save


class Recommendations(NamedTuple):
    """The best movies of each user, by user and rank; four arrays of one length.

    user : int32, row of the incidence.
    rank : int32, 1 is best.
    movie : int32, column of the incidence.
    score : float32.
    """

    user: NDArray[np.int32]
    rank: NDArray[np.int32]
    movie: NDArray[np.int32]
    score: NDArray[np.float32]


class Scoring(NamedTuple):
    """What scores are made of; columns are movies in the order of ties.

    shares : shape (number of clusters, n_movies), float32, smoothed.
    nearness : clusters that speak for each user, and their weights.
    tastes : of users and movies, None for none.
    taste_weight : how much the tastes count.
    """

    shares: NDArray[np.float32]
    nearness: Nearness
    tastes: Tastes | None
    taste_weight: float


class Candidates(NamedTuple):
    """The best movies of each cluster, by their place in the order of ties.

    best : shape (k, depth), places of the movies with the highest shares.
    bound : shape (k,), the highest share of any other movie, minus infinity where there is none.
    """

    best: NDArray[np.intp]
    bound: NDArray[np.float32]


def best_movies(
    incidence: csr_matrix,
    weights: csr_matrix,
    excluded: csr_matrix,
    fine: Clustering,
    nearness: Nearness,
    tastes: Tastes | None,
    method: Method,
    top_n: int,
) -> Recommendations:
    """Return the ``top_n`` movies of each user by score = closeness of tastes * share of favourites.

    The share is the sum over the user's clusters of weight * smoothed share, see `smooth_shares`; the closeness is
    exp(taste_weight * (cos - 1)), cos the cosine of the tastes of user and movie, or 1 without ``tastes``.

    Of each cluster only the best movies are looked at. A user is done when no other movie can score higher than
    those found; for the rest the search goes deeper, in the end to all movies.

    Parameters
    ----------
    incidence : shape (n_users, n_movies), CSR of 0 and 1.
    weights : the same shape, CSR: how much of a favourite each movie is to the user, for the shares.
    excluded : the same shape, CSR: what not to recommend besides the favourites.
    fine : clusters of the users.
    nearness : those that speak for each user, and their weights.
    tastes : of users and movies, None if they do not count.
    method : its ``smoothing`` and ``taste_weight`` are used.
    top_n : recommendations a user; fewer where fewer movies are left.

    Returns
    -------
    At the same score the movie with more favourites comes first, then the lower id.
    """
    order = tie_order(incidence)
    seen = csr_matrix(incidence + excluded)[:, order]
    scoring = Scoring(
        smooth_shares(weights, fine.labels, method.smoothing)[:, order], nearness, None, method.taste_weight
    )
    if tastes is not None:
        scoring = scoring._replace(tastes=Tastes(tastes.users, tastes.movies[order]))
    places, scores = search(scoring, seen, fine.labels, top_n)
    return by_user_and_rank(order[places], scores)


def search(
    scoring: Scoring, seen: csr_matrix, own: NDArray[np.int32], top_n: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return places and scores of the best movies of each user, shape (n_users, top_n), best first.

    ``seen`` has a row a user and a column a place; ``own`` are clusters whose users have much in common. The score is
    minus infinity where no movie is left.
    """
    n_users, n_movies = seen.shape
    places = np.full((n_users, top_n), -1, dtype=np.int32)
    scores = np.full((n_users, top_n), -np.inf, dtype=np.float32)
    users, depth = np.argsort(own, kind="stable"), FIRST_DEPTH
    while len(users):
        candidates = best_of_clusters(scoring.shares, min(depth, n_movies))
        is_sure = np.zeros(n_users, dtype=bool)

        def fill(
            block: NDArray[np.intp], candidates: Candidates = candidates, is_sure: NDArray[np.bool_] = is_sure
        ) -> None:
            places[block], scores[block], is_sure[block] = best_of_block(block, scoring, candidates, seen, top_n)

        with threadpool_limits(1), ThreadPoolExecutor() as threads:
            for _ in threads.map(fill, split_by_cluster(users, own, candidates.best.shape[1])):
                report_progress(n_users - len(users) + int(is_sure.sum()), n_users)
        users, depth = users[~is_sure[users]], depth * DEEPER
    return places, scores


def by_user_and_rank(movies: NDArray[np.intp], scores: NDArray[np.float32]) -> Recommendations:
    """Return the rows of two arrays of shape (n_users, top_n) as recommendations, without those at minus infinity."""
    user, place = np.nonzero(np.isfinite(scores))
    movie = movies[user, place].astype(np.int32)
    return Recommendations(user.astype(np.int32), (place + 1).astype(np.int32), movie, scores[user, place])


def tie_order(incidence: csr_matrix) -> NDArray[np.intp]:
    """Return the columns of the incidence, most favourited first, then lowest."""
    return np.argsort(-np.bincount(incidence.indices, minlength=incidence.shape[1]), kind="stable")


def smooth_shares(weights: csr_matrix, labels: NDArray[np.int32], smoothing: float) -> NDArray[np.float32]:
    """Return P[c, i] = (n_ci + smoothing * g_i) / (n_c + smoothing), shape (k, n_movies).

    n_ci is the sum of the weights of movie i over the n_c users of cluster c, g_i their mean over all users. Where
    weights are 0 and 1 they are the users who favourited the movie, and their share.
    """
    everybody = np.asarray(weights.sum(axis=0)).ravel() / weights.shape[0]
    return smooth(count_favourites(weights, labels).toarray(), everybody, np.bincount(labels), smoothing)


def smooth(
    counts: NDArray[np.float32], everybody: NDArray[np.floating], sizes: NDArray[np.integer], smoothing: float
) -> NDArray[np.float32]:
    """Turn ``counts``, in place, into the shares of `smooth_shares`; ``sizes`` are the users of each row."""
    counts += (smoothing * everybody).astype(np.float32)
    counts /= (sizes + smoothing).astype(np.float32)[:, None]
    return counts


def best_of_clusters(shares: NDArray[np.float32], depth: int) -> Candidates:
    """Return the ``depth`` movies with the highest shares in each cluster."""
    k, n_movies = shares.shape
    if depth == n_movies:
        return Candidates(np.broadcast_to(np.arange(n_movies), shares.shape), np.full(k, -np.inf, dtype=np.float32))
    best = np.empty((k, depth), dtype=np.intp)
    bound = np.empty(k, dtype=np.float32)
    for cluster, row in enumerate(shares):
        falling = np.argpartition(-row, depth)
        best[cluster], bound[cluster] = falling[:depth], row[falling[depth]]
    return Candidates(best, bound)


def split_by_cluster(users: NDArray[np.intp], labels: NDArray[np.int32], depth: int) -> Iterator[NDArray[np.intp]]:
    """Yield the users, who are sorted by cluster, in blocks of bounded size: of one cluster, or of some tiny ones."""
    ends = np.append(np.flatnonzero(np.diff(labels[users])) + 1, len(users))
    size = max(1, BLOCK_CELLS // (8 * depth))
    start = 0
    for end in ends:
        if end - start >= BLOCK_LEAST_USERS or end == len(users):
            yield from (users[first : min(first + size, end)] for first in range(start, end, size))
            start = end


def best_of_block(
    users: NDArray[np.intp], scoring: Scoring, candidates: Candidates, seen: csr_matrix, top_n: int
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.bool_]]:
    """Return places and scores of the best movies of some users, and for whom no other movie can be better.

    Returns
    -------
    places, scores : shape (n, top_n), best first; score minus infinity where no movie is left.
    is_sure : shape (n,).
    """
    shares, nearness, tastes, taste_weight = scoring
    clusters, position = np.unique(nearness.clusters[users], return_inverse=True)
    weights = np.zeros((len(users), len(clusters)), dtype=np.float32)
    weights[np.arange(len(users))[:, None], position.reshape(len(users), -1)] = nearness.weights[users]
    columns = np.flatnonzero(np.bincount(candidates.best[clusters].ravel(), minlength=shares.shape[1]))
    scores = weights @ shares[np.ix_(clusters, columns)]
    if tastes is not None:
        scores *= np.exp(taste_weight * (tastes.users[users] @ tastes.movies[columns].T - 1))
    hide_seen(scores, columns, seen[users])
    picked, best = pick_best(scores, top_n)
    if np.isneginf(candidates.bound[0]):  # all movies were looked at
        return columns[picked], best, np.ones(len(users), dtype=bool)
    return columns[picked], best, best[:, -1] > weights @ candidates.bound[clusters]


def hide_seen(scores: NDArray[np.float32], columns: NDArray[np.intp], seen: csr_matrix) -> None:
    """Set the scores of seen movies to minus infinity; column j of ``scores`` is movie ``columns[j]``."""
    column = np.full(seen.shape[1], -1)
    column[columns] = np.arange(len(columns))
    hidden = column[seen.indices]
    rows = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
    scores[rows[hidden >= 0], hidden[hidden >= 0]] = -np.inf


def pick_best(scores: NDArray[np.float32], top_n: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the columns and values of the ``top_n`` highest scores of each row, highest first.

    Equal ones keep their order. Where fewer columns are left the value is minus infinity.
    """
    n, width = scores.shape
    if width > top_n:
        least = np.partition(scores, width - top_n, axis=1)[:, width - top_n, None]
    else:
        least = np.full((n, 1), -np.inf, dtype=scores.dtype)
    rows, columns = np.nonzero((scores >= least) & (scores > -np.inf))
    values = scores[rows, columns]
    order = np.lexsort((-values, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = place < top_n
    picked, best = np.zeros((n, top_n), dtype=np.intp), np.full((n, top_n), -np.inf, dtype=scores.dtype)
    picked[rows[kept], place[kept]], best[rows[kept], place[kept]] = columns[kept], values[kept]
    return picked, best


recommend_movies = step("Recommend movies")(best_movies)
