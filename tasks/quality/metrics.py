"""Measures of recommendations against held-out favourites, one value a user, and paired comparisons of them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import favourites_of
from tasks.model.types import Ranking
from tasks.quality.holdout import Trial

LONG_TAIL = 0.8  # share of the movies, the least favourited ones, that are the long tail
N_BOOTSTRAP = 1000
Measure = tuple[str, int]  # metric and depth
HELD_OUT: tuple[Measure, ...] = tuple(
    (metric, depth)
    for depth in (10, 20)
    for metric in ("HitRate", "Recall", "NDCG", "MAP", "novelty", "long-tail share", "coverage")
)
STRONG: tuple[Measure, ...] = (("NDCG", 100), ("published Recall", 20), ("published Recall", 50), ("coverage", 100))

COMPARED = {
    "recommender": pl.String,
    "metric": pl.String,
    "depth": pl.Int64,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n_users": pl.Int64,
    "difference": pl.Float64,
    "difference_low": pl.Float64,
    "difference_high": pl.Float64,
    "ratio": pl.Float64,
    "ratio_low": pl.Float64,
    "ratio_high": pl.Float64,
}


class Hits(NamedTuple):
    """The recommendations to the users with held-out favourites.

    hit : shape (n_users, depth), bool, whether the recommendation at each rank is a held-out favourite.
    movie : shape (n_users, depth), int, column of the recommended movie, -1 for none.
    n_test : shape (n_users,), int, held-out favourites.
    """

    hit: NDArray[np.bool_]
    movie: NDArray[np.int64]
    n_test: NDArray[np.int64]


class Measured(NamedTuple):
    """The measures of one recommender.

    per_user : float64, shape (n_users,), by metric and depth.
    overall : what is no mean over users, by metric and depth.
    """

    per_user: dict[Measure, NDArray[np.float64]]
    overall: dict[Measure, float]


def find_hits(recommendations: Ranking, test: csr_matrix, depth: int = 20) -> Hits:
    """Compare recommendations with the held-out favourites in ``test``, shape (n_users, n_movies)."""
    movie = np.full((test.shape[0], depth), -1, dtype=np.int64)
    hit = np.zeros(movie.shape, dtype=bool)
    user, rank, column = recommendations[:3]
    kept = rank <= depth
    user, place, column = user[kept], rank[kept] - 1, column[kept]
    movie[user, place] = column
    if len(user):
        hit[user, place] = np.asarray(test[user, column]).ravel() > 0
    n_test = np.diff(test.indptr)
    return Hits(hit[n_test > 0], movie[n_test > 0], n_test[n_test > 0])


def hit_rate(hits: Hits, depth: int) -> NDArray[np.float64]:
    """Return 1 for each user with a hit among the first ``depth``, else 0."""
    return hits.hit[:, :depth].any(axis=1).astype(float)


def recall(hits: Hits, depth: int) -> NDArray[np.float64]:
    """Return the share of each user's held-out favourites that is among the first ``depth``."""
    return hits.hit[:, :depth].sum(axis=1) / hits.n_test


def published_recall(hits: Hits, depth: int) -> NDArray[np.float64]:
    """Return the hits among the first ``depth`` by the most that there can be: ``depth``, or the held-out favourites.

    This is the Recall@k of Liang et al. 2018.
    """
    return hits.hit[:, :depth].sum(axis=1) / np.minimum(hits.n_test, depth)


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


def measure(recommendations: Ranking, trial: Trial, wanted: tuple[Measure, ...]) -> Measured:
    """Return the wanted measures of the recommendations to the users of a trial."""
    hits = find_hits(recommendations, trial.test, max(depth for _, depth in wanted))
    train = favourites_of(trial.train)
    by_hits: dict[str, Callable[[Hits, int], NDArray[np.float64]]] = {
        "HitRate": hit_rate,
        "Recall": recall,
        "published Recall": published_recall,
        "NDCG": ndcg,
        "MAP": average_precision,
    }
    by_train = {"novelty": novelty, "long-tail share": long_tail_share}
    per_user = {(name, depth): by_hits[name](hits, depth) for name, depth in wanted if name in by_hits}
    per_user |= {(name, depth): by_train[name](hits, depth, train) for name, depth in wanted if name in by_train}
    overall = {(name, depth): coverage(hits, depth, train) for name, depth in wanted if name == "coverage"}
    return Measured(per_user, overall)


def compare(measured: dict[str, Measured], seed: int) -> pl.DataFrame:
    """Compare the first recommender with every other on the same users.

    Intervals hold 95 % of the bootstrap samples of users; every recommender is measured on the same samples, so that
    those of ratios and differences are paired. They hold neither the draw of the split nor the seed of k-means.

    Returns
    -------
    One row a recommender, metric and depth: recommender, metric, depth, value, low, high, n_users; difference and
    ratio of the first recommender's value to this one, with difference_low, difference_high, ratio_low, ratio_high.
    What is no mean over users has no intervals, and the first recommender is not compared with itself.
    """
    columns = [(name, key) for name, found in measured.items() for key in found.per_user]
    values = np.column_stack([measured[name].per_user[key] for name, key in columns])
    means = np.vstack([values.mean(axis=0), bootstrap_means(values, seed)])
    samples = {column: means[:, i] for i, column in enumerate(columns)}
    for name, found in measured.items():
        samples |= {(name, key): np.array([value]) for key, value in found.overall.items()}
    first = next(iter(measured))
    rows = [
        (name, *key, *summary(mine), len(values), *against(samples[first, key], mine, name != first))
        for (name, key), mine in samples.items()
    ]
    return pl.DataFrame(rows, schema=COMPARED, orient="row")


def bootstrap_means(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return the means of each column over samples of the rows, drawn with replacement: shape (N_BOOTSTRAP, n)."""
    random = np.random.default_rng(seed)
    n = len(values)
    counts = (np.bincount(random.integers(n, size=n), minlength=n) for _ in range(N_BOOTSTRAP))
    return np.stack([drawn @ values / n for drawn in counts])


def summary(samples: NDArray[np.float64]) -> tuple[float | None, float | None, float | None]:
    """Return the first value, and the 2.5 and 97.5 % points of the others; None where there is none."""
    if not np.isfinite(samples[0]):
        return None, None, None
    if len(samples) == 1 or not np.isfinite(samples).all():
        return float(samples[0]), None, None
    low, high = np.quantile(samples[1:], [0.025, 0.975])
    return float(samples[0]), float(low), float(high)


def against(first: NDArray[np.float64], other: NDArray[np.float64], compared: bool) -> tuple[float | None, ...]:
    """Return the difference and the ratio of paired values, each with its interval."""
    if not compared:
        return (None,) * 6
    ratio = np.divide(first, other, out=np.full_like(first, np.nan), where=other > 0)
    return *summary(first - other), *summary(ratio)
