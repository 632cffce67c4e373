"""Why movies are recommended: those of a user's own favourites that add most to the score of each."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions, evidence_of, select_entries, with_data
from tasks.model.rank import rounded
from tasks.model.recency import discount
from tasks.model.types import Model, Ranking

MOST_REASONS = 3
BLOCK_USERS = 512


def reasons(users: Interactions, best: Ranking, model: Model) -> NDArray[np.int32]:
    """Return up to three favourites for each row of ``best``, the one that contributes most first.

    Favourite j contributes to a movie i that the item model knows its evidence, discounted by age, times items[j, i];
    to another movie the cosine of the tastes of both. What is not positive is no reason. Where contributions are
    equal, to 5 digits, the favourite with the lower column comes first.

    Parameters
    ----------
    users : a block.
    best : their recommendations.
    model : what these are made with.

    Returns
    -------
    Columns of the interactions, shape (n_recommendations, 3), -1 where there are no more reasons.
    """
    favourites = discounted_favourites(users, model)
    shape = (len(users.user_ids), int(best.rank.max(initial=0)))
    movies = np.full(shape, -1, dtype=np.int32)
    movies[best.user, best.rank - 1] = best.movie
    found = np.full((*shape, MOST_REASONS), -1, dtype=np.int32)
    for start in range(0, shape[0], BLOCK_USERS):
        few = favourites[start : start + BLOCK_USERS]
        sizes = np.diff(few.indptr)
        owners = np.flatnonzero(sizes)
        for place in range(shape[1]):
            recommended = np.repeat(movies[start : start + BLOCK_USERS, place], sizes)
            values = contributions(few, recommended, model)
            found[start + owners, place] = largest(values, few.indices, few.indptr[owners])
    return found[best.user, best.rank - 1]


def discounted_favourites(users: Interactions, model: Model) -> csr_matrix:
    """Return the favourites among the candidates, later ones counting more, shape (n_users, n_movies)."""
    evidence = evidence_of(users)
    weights = evidence.weights
    discounted = with_data(weights, weights.data * discount(evidence, model.scoring.item_recency))
    kept = (weights.data == 1) & (weights.indices < model.shares.shape[1])
    return select_entries(evidence._replace(weights=discounted), kept).weights


def contributions(favourites: csr_matrix, recommended: NDArray[np.int32], model: Model) -> NDArray[np.float32]:
    """Return what each stored favourite adds to the movie in ``recommended``, shape (nnz,); -1 is no movie."""
    columns, n_items = favourites.indices, len(model.items)
    values = np.zeros(len(columns), dtype=np.float32)
    known = np.flatnonzero((columns < n_items) & (recommended >= 0) & (recommended < n_items))
    values[known] = favourites.data[known] * model.items[columns[known], recommended[known]]
    if model.tastes.shape[1]:
        other = np.flatnonzero((recommended >= n_items) & (recommended < len(model.tastes)))
        tastes = (model.tastes[movies[other]].astype(np.float64) for movies in (columns, recommended))
        values[other] = np.einsum("ij,ij->i", *tastes)
    return rounded(values)


def largest(values: NDArray[np.float32], columns: NDArray[np.int32], starts: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return the columns of the largest positive values from each start to the next, shape (n_starts, 3), else -1.

    The values change: those that are returned become 0.
    """
    found = np.full((len(starts), MOST_REASONS), -1, dtype=np.int32)
    counts = np.diff(np.append(starts, len(values)))
    for place in range(MOST_REASONS if len(starts) else 0):
        highest = np.maximum.reduceat(values, starts)
        equal = np.flatnonzero(values == np.repeat(highest, counts))
        first = equal[np.searchsorted(equal, starts)]
        found[:, place] = np.where(highest > 0, columns[first], -1)
        values[first] = 0
    return found
