"""Movies that are similar to each other: favourited by the same users, and by users of the same taste.

What was compared with it, and how: docs/research/README.md.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from tasks.blocks import Interactions, favourites_of
from tasks.model.draw import draw_users
from tasks.model.embedding import place_in_space
from tasks.model.items import balanced_evidence
from tasks.model.rank import pick_best, withhold
from tasks.model.types import Model
from tasks.progress import report_progress

N_SIMILAR = 20
LEAST_FANS = 2  # of the users looked at, from which a movie has similar ones and is one
TASTE_WEIGHT = 2.5
MOST_ENTRIES = 2_000_000  # interactions looked at; their products grow faster than their number
MOST_OTHERS = 10_000  # movies that others may be similar to, the most favourited ones
BLOCK_CELLS = 4_000_000
THREADS = 2


class Similar(NamedTuple):
    """The most similar movies of each movie, by movie and rank; arrays of one length.

    movie, other : int32, columns of the interactions.
    rank : int32, 1 is most similar.
    similarity : float32, above 0, 1 at most.
    """

    movie: NDArray[np.int32]
    rank: NDArray[np.int32]
    other: NDArray[np.int32]
    similarity: NDArray[np.float32]


class Looks(NamedTuple):
    """What movies are compared by.

    columns : of the interactions, ascending: the movies that are compared.
    rows : evidence of users for these, shape (n_users, n), users with much of it counting less.
    others : its first `MOST_OTHERS` columns.
    sizes : float32, shape (n,), the squared length of each column, plus their mean.
    tastes : float64, shape (n, n_components), directions; without columns where there are no tastes.
    """

    columns: NDArray[np.intp]
    rows: csr_matrix
    others: csr_matrix
    sizes: NDArray[np.float32]
    tastes: NDArray[np.float64]


def find_similar(users: Interactions, model: Model, seed: int) -> Similar:
    """Return up to `N_SIMILAR` movies for each movie, the most similar first; of equal ones the more favourited.

    The similarity of i and j is G_ij / ((G_ii + m) (G_jj + m)) ** 0.5 * exp(2.5 (cos - 1)): G as in
    `tasks.model.items.gram_of`, m the mean of its diagonal, which keeps movies of few users from being like each other
    by chance, cos the cosine of the tastes of those who favourited them. Movies that nobody has both of are not
    similar; movies in ``Model.withheld`` are similar to none, nor are those beyond the `MOST_OTHERS` most favourited.

    Parameters
    ----------
    users : those that the model was fitted to; of many, some are drawn.
    model : where they are placed.
    seed : of the draw.
    """
    n_users = MOST_ENTRIES * len(users.user_ids) // max(1, users.weights.nnz)
    looks = look_at(draw_users(users, n_users, seed) if n_users < len(users.user_ids) else users, model)
    n = len(looks.columns)
    by_movie = looks.rows.T.tocsr()
    withheld = np.flatnonzero(np.isin(looks.columns, model.withheld))
    size = max(1, BLOCK_CELLS // max(1, looks.others.shape[1]))

    def find_block(start: int) -> Similar:
        """Return the similar movies of some movies."""
        block = slice(start, start + size)
        values = similarities(looks, by_movie[block], block)
        withhold(values, withheld)
        row, rank, other, value = pick_best(values, N_SIMILAR)
        movie, other = (looks.columns[found].astype(np.int32) for found in (row + start, other))
        return Similar(movie, rank, other, value)

    none = np.zeros(0, dtype=np.int32)
    parts = [Similar(none, none, none, none.astype(np.float32))]
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(THREADS) as pool:
        for part in pool.map(find_block, range(0, n, size)):
            parts.append(part)
            report_progress(min(n, size * (len(parts) - 1)), n)
    return Similar(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def look_at(users: Interactions, model: Model) -> Looks:
    """Return what the movies with enough fans among the users are compared by."""
    favourites = favourites_of(users)
    columns = np.flatnonzero(favourites.getnnz(axis=0) >= LEAST_FANS)
    rows = balanced_evidence(users)[:, columns]
    squares = np.asarray(rows.multiply(rows).sum(axis=0), dtype=np.float32).ravel()
    points = place_in_space(users, model.space, model.scoring)
    tastes = np.zeros((len(columns), 0))
    if len(columns) and not issparse(points):
        tastes = normalize(favourites[:, columns].T.astype(np.float64) @ points)
    sizes = squares + squares.mean() if len(columns) else squares
    return Looks(columns, rows, rows[:, :MOST_OTHERS], sizes, tastes)


def similarities(looks: Looks, few: csr_matrix, block: slice) -> NDArray[np.float32]:
    """Return how similar the movies of a block, ``few`` of shape (n_block, n_users), are to others; else -inf."""
    values = (few @ looks.others).toarray()
    values[values == 0] = -np.inf
    n_others = values.shape[1]
    own = np.arange(block.start, min(block.start + len(values), n_others))
    values[own - block.start, own] = -np.inf
    values /= np.sqrt(looks.sizes[block])[:, None] * np.sqrt(looks.sizes[:n_others])
    if looks.tastes.shape[1]:
        cosines = (looks.tastes[block] @ looks.tastes[:n_others].T).astype(np.float32)
        values *= np.exp(np.float32(TASTE_WEIGHT) * (cosines - 1))
    return values
