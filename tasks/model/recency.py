"""How much a user's later interactions count."""

import numpy as np
from numpy.typing import NDArray

from tasks.blocks import Interactions, evidence_of, order_of


def discount(users: Interactions, recency: float) -> NDArray[np.float32]:
    """Return 1 - recency * r / (2 + r) for each entry, r later ones of its user; 1 where times are unknown.

    So the latest entry counts 1, and those long ago count 1 - recency, however many they are.
    """
    if not recency or not users.seconds.any():
        return np.ones(len(users.seconds), dtype=np.float32)
    n_later = age(users) if users.ages is None else users.ages
    return 1 - np.float32(recency) * (n_later / (2 + n_later))


def with_ages(users: Interactions) -> Interactions:
    """Return the users with their `Interactions.ages`, for who needs them more than once: they take a while."""
    ages = np.zeros(len(users.seconds), dtype=np.float32)
    ages[users.weights.data > 0] = age(evidence_of(users))
    return users._replace(ages=ages)


def age(users: Interactions) -> NDArray[np.float32]:
    """Return how many later entries the user of each entry has; entries of one time have the same number."""
    indptr, seconds = users.weights.indptr, users.seconds
    counts = np.diff(indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    first = int(seconds.min(initial=0))
    key = rows * (int(seconds.max(initial=0)) - first + 1) + (seconds - first)
    order = order_of(key)
    ranked = key[order]
    ends = np.flatnonzero(np.diff(ranked, append=-1)) + 1  # of entries of one user and time
    n_later = np.empty(len(key), dtype=np.float32)
    n_later[order] = np.repeat(indptr[1:], counts) - np.repeat(ends, np.diff(ends, prepend=0))
    return n_later
