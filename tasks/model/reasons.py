"""Why movies are recommended: those of a user's own favourites that add most to the score of each."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions, evidence_of, select_entries, with_data
from tasks.model.rank import rounded
from tasks.model.recency import discount
from tasks.model.types import Model, Ranking

MOST_REASONS = 3
BLOCK_USERS = 256


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
        owners = np.flatnonzero(np.diff(few.indptr))
        recommended = np.repeat(movies[start : start + BLOCK_USERS], np.diff(few.indptr), axis=0)
        values = np.ascontiguousarray(contributions(few, recommended, model).T)
        found[start + owners] = largest(values, few.indices, few.indptr[owners]).swapaxes(0, 1)
    return found[best.user, best.rank - 1]


def discounted_favourites(users: Interactions, model: Model) -> csr_matrix:
    """Return the favourites among the candidates, later ones counting more, shape (n_users, n_movies)."""
    evidence = evidence_of(users)
    weights = evidence.weights
    discounted = with_data(weights, weights.data * discount(evidence, model.scoring.item_recency))
    kept = (weights.data == 1) & (weights.indices < model.shares.shape[1])
    return select_entries(evidence._replace(weights=discounted), kept).weights


def contributions(favourites: csr_matrix, recommended: NDArray[np.int32], model: Model) -> NDArray[np.float32]:
    """Return what each stored favourite adds to movies recommended to its user.

    ``recommended``, and what is returned, have shape (nnz, n_recommended); -1 is no movie.
    """
    columns, n_items = favourites.indices[:, None], len(model.items)
    known = (columns < n_items) & (recommended >= 0) & (recommended < n_items)
    values = np.zeros(recommended.shape, dtype=np.float32)
    if n_items:
        places = np.where(known, columns * np.int64(n_items) + recommended, 0)
        values = model.items.ravel().take(places) * favourites.data[:, None] * known
    if model.tastes.shape[1]:
        entry, place = np.nonzero((recommended >= n_items) & (recommended < len(model.tastes)))
        tastes = (model.tastes[movies].astype(np.float64) for movies in (columns[entry, 0], recommended[entry, place]))
        values[entry, place] = np.einsum("ij,ij->i", *tastes)
    return rounded(values)


def largest(values: NDArray[np.float32], columns: NDArray[np.int32], starts: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return the columns of the largest positive values from each start to the next, else -1.

    Parameters
    ----------
    values : shape (n_rows, nnz); they change: those that are returned become 0.
    columns : shape (nnz,).
    starts : shape (n_starts,).

    Returns
    -------
    Shape (n_rows, n_starts, 3).
    """
    n_rows, n_values = values.shape
    found = np.full((n_rows * len(starts), MOST_REASONS), -1, dtype=np.int32)
    flat = values.reshape(-1)
    starts_of_all = (np.arange(n_rows)[:, None] * n_values + starts).ravel()
    counts = np.diff(np.append(starts_of_all, len(flat)))
    for place in range(MOST_REASONS if len(found) else 0):
        highest = np.maximum.reduceat(flat, starts_of_all)
        equal = np.flatnonzero(flat == np.repeat(highest, counts))
        first = equal[np.searchsorted(equal, starts_of_all)]
        found[:, place] = np.where(highest > 0, columns[first % n_values], -1)
        flat[first] = 0
    return found.reshape(n_rows, len(starts), MOST_REASONS)
