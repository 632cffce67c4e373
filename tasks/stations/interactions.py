"""The favourites, and the interactions that the model learns from."""

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.blocks import Interactions, join_users
from tasks.engine import Engine
from tasks.errors import CineclusterError
from tasks.model.draw import limit_of, user_key
from tasks.model.types import ModelOptions, Movies


class FavouriteOptions(NamedTuple):
    """What counts as a favourite, and whose favourites are kept.

    min_rating : stars from which a rating is a favourite.
    near_weight : how much of a favourite a near favourite is.
    exclude_seen : whether movies rated low are never recommended to the user.
    first_movies, first_users : number of movies with the lowest ids, and then of users among them; None for all.
    """

    min_rating: float
    near_weight: float
    exclude_seen: bool
    first_movies: int | None
    first_users: int | None


def select_favourites(engine: Engine, options: FavouriteOptions) -> int:
    """Build the tables ``favourites`` and ``interaction_rules``; return the number of favourites.

    Raises
    ------
    CineclusterError
        If nobody rated any movie ``min_rating`` or more.
    """
    engine.run("model/interaction_rules", "model/favourites", **options._asdict())
    n_favourites = int(engine.arrays("model/count_favourites")["n"][0])
    if n_favourites == 0:
        raise CineclusterError(f"No favourites: no rating is {options.min_rating:g} or more. Lower --min-rating.")
    return n_favourites


def build_interactions(engine: Engine) -> Movies:
    """Build ``movie_positions`` and ``interactions``, and store the blocks; return the columns that they have."""
    engine.run("model/movie_positions", "model/interactions")
    engine.store_blocks()
    movies = engine.arrays("model/movies_in_order")
    n_users = len(engine.arrays("model/interaction_users")["user_id"])
    return Movies(movies["movie_id"], movies["n_users"], n_users)


def load_sample(engine: Engine, options: ModelOptions) -> Interactions:
    """Return the interactions of the users that the model is fitted to: at most ``fit_users``, by the hash of their id.

    Models that a sample would change, see `ModelOptions.is_exact`, are fitted to all users.
    """
    keys = user_key(engine.arrays("model/interaction_users")["user_id"], options.seed)
    limit = limit_of(keys, len(keys) if options.is_exact else options.fit_users)
    return join_users(list(engine.blocks(partial(is_in_sample, seed=options.seed, limit=limit))))


def is_in_sample(user_ids: NDArray[np.int32], seed: int, limit: np.uint64) -> NDArray[np.bool_]:
    """Say which users have a key of at most ``limit``."""
    return user_key(user_ids, seed) <= limit
