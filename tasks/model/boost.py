"""What the scores of a movie are multiplied by: more for movies with few favourites, and for those on the rise."""

import numpy as np
from numpy.typing import NDArray

from tasks.blocks import Interactions

RECENT_SHARE = 0.05  # of all interactions, the latest
PRIOR = 2.0  # times the mean share of a favourite's movie is added to shares, so that a few favourites are no trend


def boost_of(
    popularity: NDArray[np.floating], recent: NDArray[np.floating], rarity_power: float, trend_power: float
) -> NDArray[np.float32]:
    """Return `rarity` times `trend` for each movie."""
    return rarity(popularity, rarity_power) * trend(popularity, recent, trend_power)


def rarity(popularity: NDArray[np.floating], power: float) -> NDArray[np.float32]:
    """Return (n_i / n_max) ** -power for each movie, n_i its evidence summed over all users: 1 for the most popular."""
    shares = np.maximum(popularity, 0.5) / max(float(popularity.max()), 0.5)
    return (shares**-power).astype(np.float32)


def trend(popularity: NDArray[np.floating], recent: NDArray[np.floating], power: float) -> NDArray[np.float32]:
    """Return ((r_i + q) / (n_i + q)) ** power for each movie: above 1 for movies that are on the rise.

    n_i is its share of all evidence, r_i its share of that of the latest interactions, q twice the sum of n_i ** 2,
    which is the mean share of a favourite's movie. Where nothing is recent there is no trend.
    """
    if not recent.any():
        return np.ones(len(recent), dtype=np.float32)
    before, now = popularity / popularity.sum(), recent / recent.sum()
    prior = PRIOR * float(before @ before)
    return (((now + prior) / (before + prior)) ** power).astype(np.float32)


def recent_since(users: Interactions) -> float:
    """Return the time, in seconds since 1970, after which the latest twentieth of the interactions was made."""
    return float(np.quantile(users.seconds, 1 - RECENT_SHARE)) if len(users.seconds) else 0.0


def count_recent(users: Interactions, since: float, n_movies: int) -> NDArray[np.float64]:
    """Return the evidence for each of the first ``n_movies`` movies, of interactions after ``since`` alone."""
    entries = users.weights
    chosen = (users.seconds > since) & (entries.data > 0) & (entries.indices < n_movies)
    sums = np.bincount(entries.indices[chosen], entries.data[chosen], minlength=n_movies)
    return sums.astype(np.float64, copy=False)
