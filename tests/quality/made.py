"""Users with tastes, made up for the tests of quality."""

import numpy as np
from scipy.sparse import csr_matrix

from flows.config import RetrainOptions
from tasks.blocks import Interactions
from tasks.model.types import ModelOptions

OPTIONS: ModelOptions = RetrainOptions().model


def interactions_of(weights: np.ndarray, seconds: list[int] | np.ndarray | None = None) -> Interactions:
    """Return interactions with a stored entry wherever ``weights``, users x movies, is no NaN."""
    rows, columns = np.nonzero(~np.isnan(weights))
    matrix = csr_matrix((weights[rows, columns].astype(np.float32), (rows, columns)), weights.shape)
    times = np.zeros(len(rows)) if seconds is None else seconds
    return Interactions(np.arange(1, len(weights) + 1, dtype=np.int32), matrix, np.asarray(times, dtype=np.int64))


def make_users(seed: int = 0, n_users: int = 120, n_movies: int = 60, n_tastes: int = 3) -> Interactions:
    """Return users of whom each prefers a part of the movies, with near favourites, seen movies and times."""
    random = np.random.default_rng(seed)
    user, movie = np.arange(n_users) % n_tastes, np.arange(n_movies) % n_tastes
    is_own = movie == user[:, None]
    kinds = np.array([np.nan, 0, 0.5, 1])
    drawn = np.where(
        is_own,
        random.choice(kinds, p=[0.35, 0.05, 0.15, 0.45], size=is_own.shape),
        random.choice(kinds, p=[0.87, 0.05, 0.04, 0.04], size=is_own.shape),
    )
    n = np.count_nonzero(~np.isnan(drawn))
    return interactions_of(drawn, random.integers(1, 10**6, n))
