"""Random choices that depend on ids alone: the same in every block, on every engine."""

import numpy as np
from numpy.typing import NDArray

from tasks.blocks import Interactions, select_users


def draw_users(users: Interactions, n_users: int, seed: int) -> Interactions:
    """Return at most ``n_users`` users, chosen by the hash of their id."""
    order = user_key(users.user_ids, seed)
    return select_users(users, order <= limit_of(order, n_users))


def user_key(user_ids: NDArray[np.integer], seed: int) -> NDArray[np.uint64]:
    """Return a number for each user that looks random."""
    return mix(user_ids.astype(np.uint64), seed)


def limit_of(keys: NDArray[np.uint64], n_kept: int) -> np.uint64:
    """Return the largest of the ``n_kept`` lowest keys."""
    if len(keys) <= n_kept:
        return np.uint64(2**64 - 1)
    return np.partition(keys, n_kept - 1)[n_kept - 1]


def shuffle_key(users: Interactions, seed: int = 0) -> NDArray[np.uint64]:
    """Return a number for each entry that looks random, made of the user and the column."""
    indptr = users.weights.indptr
    rows = np.repeat(users.user_ids.astype(np.uint64), np.diff(indptr))
    return mix(rows << np.uint64(32) | users.weights.indices.astype(np.uint64), seed)


def mix(values: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Return the hash of each value by SplitMix64 (Steele, Lea and Flood 2014), another one for each ``seed``."""
    z = values + np.uint64(0x9E3779B97F4A7C15 * (seed + 1) % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
