"""Why a movie is recommended to a user, and which movies are similar: what the model says of pairs of movies."""

import numpy as np
from numpy.typing import NDArray

from tasks.app.person import Person
from tasks.app.tables import Tables
from tasks.model.items import discounted
from tasks.model.types import Model

REASONS = 3


def because(tables: Tables, person: Person, positions: NDArray[np.int32]) -> list[list[int]]:
    """Return up to three of the person's favourites that speak most for each movie, as positions, the first most.

    In the item model that is what a favourite adds to the score; for movies that it does not know, the cosine of the
    tastes of both.
    """
    evidence = person.interactions.weights
    own = evidence.indices[evidence.data == 1]
    columns = tables.column_of[positions]
    spoken = contributions(tables.model, person, own, columns)
    best = np.argsort(-spoken, axis=0, kind="stable")[:REASONS]
    return [
        [int(tables.columns[own[row]]) for row in best[:, number] if spoken[row, number] > 0]
        for number in range(len(columns))
    ]


def contributions(
    model: Model, person: Person, own: NDArray[np.int32], columns: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Return how much each favourite, in ``own``, speaks for each movie, in ``columns``; shape (n_own, n_columns)."""
    n_items = len(model.items)
    spoken = np.zeros((len(own), len(columns)), dtype=np.float32)
    by_items = columns < n_items
    weights = discounted(person.interactions, n_items, model.scoring.item_recency).toarray()[0]
    known = own < n_items
    spoken[np.ix_(known, by_items)] = weights[own[known], None] * model.items[np.ix_(own[known], columns[by_items])]
    near = ~by_items & (columns < len(model.tastes))
    known = own < len(model.tastes)
    spoken[np.ix_(known, near)] = model.tastes[own[known]] @ model.tastes[columns[near]].T
    return spoken


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
