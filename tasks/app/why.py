"""Why a movie is recommended to a user."""

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
