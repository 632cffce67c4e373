"""Users with tastes, made up for the tests of quality."""

import numpy as np

from tasks.blocks import Interactions
from tests.model.builders import UNSEEN, interactions_of, options_of

QUICK = {"n_fine_clusters": 6, "n_components": 8, "item_weight": 0.0}  # nothing to choose
OPTIONS = options_of(**QUICK)


def make_users(seed: int = 0, n_users: int = 120, n_movies: int = 60, n_tastes: int = 3) -> Interactions:
    """Return users of whom each prefers a part of the movies, with near favourites, seen movies and times."""
    random = np.random.default_rng(seed)
    user, movie = np.arange(n_users) % n_tastes, np.arange(n_movies) % n_tastes
    is_own = movie == user[:, None]
    kinds = np.array([UNSEEN, 0, 0.5, 1])
    drawn = np.where(
        is_own,
        random.choice(kinds, p=[0.35, 0.05, 0.15, 0.45], size=is_own.shape),
        random.choice(kinds, p=[0.87, 0.05, 0.04, 0.04], size=is_own.shape),
    )
    n = np.count_nonzero(~np.isnan(drawn))
    return interactions_of(drawn, random.integers(1, 10**6, n))
