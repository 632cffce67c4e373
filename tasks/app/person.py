"""One user as of now: what the tables say, and the log since."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.app.changes import Words
from tasks.app.known import FAVOURITE, NEAR, SEEN, Known, known_with
from tasks.app.tables import Tables
from tasks.blocks import Interactions
from tasks.engine.duckdb import block_of
from tasks.model.types import Placement


class Judged(NamedTuple):
    """What a user says of a movie.

    weight : 1 for a favourite, less for a near favourite, 0 for what was only seen.
    seconds : since when, from 1970 on; 0 where that is unknown.
    """

    weight: float
    seconds: int


class Person(NamedTuple):
    """A user.

    judged : what was rated or favourited, by movie_id.
    placement : where the user is among the clusters; None without favourites.
    """

    user_id: int
    judged: dict[int, Judged]
    interactions: Interactions
    placement: Placement | None

    @property
    def cluster(self) -> int | None:
        """The user's cluster."""
        return None if self.placement is None else int(self.placement.clusters[0])

    @property
    def favourites(self) -> dict[int, int]:
        """Since when each favourite is one, in seconds, by movie_id."""
        return {movie_id: judged.seconds for movie_id, judged in self.judged.items() if judged.weight == 1}


def find_person(tables: Tables, user_id: int, words: Words) -> Person:
    """Return a user, who may be unknown."""
    known = known_with(tables, user_id)
    judged = judged_now(tables, known, user_id, words)
    interactions = interactions_of(tables, user_id, judged)
    has_favourites = any(word.weight == 1 for word in judged.values())
    return Person(user_id, judged, interactions, find_place(tables, known, interactions) if has_favourites else None)


def judged_now(tables: Tables, known: Known, user_id: int, words: Words) -> dict[int, Judged]:
    """Return what a user says of movies now; what the log says counts as in ``sql/changes/net_changes.sql``."""
    rated: dict[int, Judged] = {}
    favourites: dict[int, Judged] = {}
    weights = {SEEN: 0.0, NEAR: tables.rules["near_weight"], FAVOURITE: 1.0}
    for movie_id, seconds, kind in known.judged(user_id):
        (favourites if kind == FAVOURITE else rated)[movie_id] = Judged(weights[kind], seconds)
    for movie_id, word in words.items() if within(tables.limits[0], user_id) else ():
        if word.is_favourite and within(tables.limits[1], movie_id) and tables.movies.position(movie_id) is not None:
            favourites.setdefault(movie_id, Judged(1.0, word.seconds))
        elif not word.is_favourite:
            favourites.pop(movie_id, None)
    for movie_id, found in favourites.items():
        if not found.seconds and movie_id in rated:
            favourites[movie_id] = rated[movie_id]._replace(weight=1.0)
    return rated | favourites


def within(last: int | None, number: int) -> bool:
    """Return whether a retrain that kept ids up to ``last`` kept this one."""
    return last is None or number <= last


def interactions_of(tables: Tables, user_id: int, judged: dict[int, Judged]) -> Interactions:
    """Return what a user says of the movies that the model knows."""
    movie_ids = np.array(list(judged), dtype=np.int32)
    columns = tables.column_of[tables.movies.positions(movie_ids)]
    known = columns >= 0
    entries: dict[str, NDArray] = {
        "user_id": np.full(int(known.sum()), user_id, dtype=np.int32),
        "movie_position": columns[known],
        "weight": np.array([word.weight for word in judged.values()], dtype=np.float32)[known],
        "seconds": np.array([word.seconds for word in judged.values()], dtype=np.int64)[known],
    }
    return block_of(np.array([user_id], dtype=np.int32), len(tables.columns), entries)


def find_place(tables: Tables, known: Known, interactions: Interactions) -> Placement:
    """Return where the retrain has placed a user, or where somebody new belongs."""
    placement = known.place(int(interactions.user_ids[0]))
    if placement is not None:
        return placement
    from tasks.model.neighbours import place  # scikit-learn takes a second to import

    return place(interactions, tables.model)
