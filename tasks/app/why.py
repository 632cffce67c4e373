"""Why a movie is recommended to a user, and which movies are similar."""

import numpy as np
from numpy.typing import NDArray

from tasks.app.person import Person
from tasks.app.tables import Tables
from tasks.model.reasons import reasons
from tasks.model.types import Ranking


def because(tables: Tables, person: Person, positions: NDArray[np.int32]) -> list[list[int]]:
    """Return up to three of the person's favourites that add most to each movie's score, as positions."""
    n = len(positions)
    places, unused = np.arange(1, n + 1, dtype=np.int32), np.zeros(n, dtype=np.float32)
    best = Ranking(np.zeros(n, dtype=np.int32), places, tables.column_of[positions], unused, unused, unused)
    found = reasons(person.interactions, best, tables.model)
    return [[int(tables.columns[column]) for column in row if column >= 0] for row in found]


def similar(tables: Tables, position: int, n: int) -> list[tuple[int, float]]:
    """Return up to ``n`` movies that a movie speaks for, as positions, with how much it does; the first most."""
    model, column = tables.model, int(tables.column_of[position])
    if 0 <= column < len(model.items):
        spoken = model.items[column].copy()
    elif 0 <= column < len(model.tastes) and model.tastes.shape[1]:
        spoken = model.tastes @ model.tastes[column]
    else:
        return []
    spoken[column] = 0
    best = np.argsort(-spoken, kind="stable")[:n]
    return [(int(tables.columns[other]), float(spoken[other])) for other in best if spoken[other] > 0]
