"""Measures of recommendations against held-out favourites, one value a user, and their confidence intervals."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.model.types import Ranking

DEPTHS = (10, 20)
LONG_TAIL = 0.8  # part of the movies, the least favourited ones, that are the long tail
N_BOOTSTRAP = 1000


class Hits(NamedTuple):
    """The recommendations of the users with held-out favourites.

    hit : shape (n_users, depth), bool, whether the recommendation at each rank is a held-out favourite.
    movie : shape (n_users, depth), int, column of the recommended movie, -1 for none.
    n_test : shape (n_users,), int, held-out favourites.
    """

    hit: NDArray[np.bool_]
    movie: NDArray[np.int64]
    n_test: NDArray[np.int64]


def find_hits(recommendations: Ranking, test: csr_matrix, depth: int = max(DEPTHS)) -> Hits:
    """Compare recommendations with the held-out favourites in ``test``, shape (n_users, n_movies)."""
    movie = np.full((test.shape[0], depth), -1, dtype=np.int64)
    hit = np.zeros(movie.shape, dtype=bool)
    user, rank, column = recommendations[:3]
    kept = rank <= depth
    user, place, column = user[kept], rank[kept] - 1, column[kept]
    movie[user, place] = column
    hit[user, place] = np.asarray(test[user, column]).ravel() > 0
    n_test = np.diff(test.indptr)
    return Hits(hit[n_test > 0], movie[n_test > 0], n_test[n_test > 0])


def hit_rate(hits: Hits, depth: int) -> NDArray[np.float64]:
    """Return 1 for each user with a hit among the first ``depth``, else 0."""
    return hits.hit[:, :depth].any(axis=1).astype(float)


def recall(hits: Hits, depth: int) -> NDArray[np.float64]:
    """Return the share of each user's held-out favourites that is among the first ``depth``."""
    return hits.hit[:, :depth].sum(axis=1) / hits.n_test


def ndcg(hits: Hits, depth: int) -> NDArray[np.float64]:
    """Return each user's normalised discounted cumulative gain of the first ``depth``.

    Gains are 1 for a hit, discounts 1 / log2(rank + 1); the ideal has all held-out favourites first (Järvelin and
    Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002).
    """
    discounts = 1 / np.log2(np.arange(2, depth + 2))
    ideal = discounts.cumsum()[np.minimum(hits.n_test, depth) - 1]
    return hits.hit[:, :depth] @ discounts / ideal


def average_precision(hits: Hits, depth: int) -> NDArray[np.float64]:
    """Return the mean precision at each hit among the first ``depth``; its mean over users is MAP.

    It is divided by the number of held-out favourites, as trec_eval does.
    """
    hit = hits.hit[:, :depth]
    precision = hit.cumsum(axis=1) / np.arange(1, depth + 1)
    return (precision * hit).sum(axis=1) / hits.n_test


def novelty(hits: Hits, depth: int, train: csr_matrix) -> NDArray[np.float64]:
    """Return the mean surprise of each user's recommendations: -log2 of the share of users who favourited them."""
    share = np.maximum(np.bincount(train.indices, minlength=train.shape[1]), 1) / train.shape[0]
    return mean_over_recommendations(-np.log2(share), hits.movie[:, :depth])


def long_tail_share(hits: Hits, depth: int, train: csr_matrix) -> NDArray[np.float64]:
    """Return the share of each user's recommendations that is not among the most favourited fifth of the movies."""
    counts = np.bincount(train.indices, minlength=train.shape[1])
    is_tail = np.zeros(len(counts))
    is_tail[np.argsort(counts, kind="stable")[: int(LONG_TAIL * len(counts))]] = 1
    return mean_over_recommendations(is_tail, hits.movie[:, :depth])


def mean_over_recommendations(value: NDArray[np.float64], movie: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean value of each user's movies; places without a movie do not count."""
    is_there = movie >= 0
    return np.where(is_there, value[movie], 0).sum(axis=1) / np.maximum(is_there.sum(axis=1), 1)


def coverage(hits: Hits, depth: int, train: csr_matrix) -> float:
    """Return the share of the favourited movies that is recommended to anybody."""
    recommended = np.unique(hits.movie[:, :depth])
    return float((recommended >= 0).sum() / len(np.unique(train.indices)))


def measure(recommendations: Ranking, train: csr_matrix, test: csr_matrix, seed: int) -> pl.DataFrame:
    """Return every measure at 10 and 20, with a 95 % confidence interval over users where it is a mean.

    Returns
    -------
    One row a measure and depth: metric, depth, value, low, high, n_users.
    """
    hits = find_hits(recommendations, test)
    rows: list[tuple[str, int, float, float | None, float | None, int]] = []
    for depth in DEPTHS:
        per_user = {
            "HitRate": hit_rate(hits, depth),
            "Recall": recall(hits, depth),
            "NDCG": ndcg(hits, depth),
            "MAP": average_precision(hits, depth),
            "novelty": novelty(hits, depth, train),
            "long-tail share": long_tail_share(hits, depth, train),
        }
        rows += [(name, depth, *interval(values, seed), len(values)) for name, values in per_user.items()]
        rows.append(("coverage", depth, coverage(hits, depth, train), None, None, len(hits.n_test)))
    return pl.DataFrame(rows, schema=["metric", "depth", "value", "low", "high", "n_users"], orient="row")


def interval(values: NDArray[np.float64], seed: int) -> tuple[float, float, float]:
    """Return the mean, and the 2.5 and 97.5 % points of the means of bootstrap samples."""
    random = np.random.default_rng(seed)
    means = [values[random.integers(len(values), size=len(values))].mean() for _ in range(N_BOOTSTRAP)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)
