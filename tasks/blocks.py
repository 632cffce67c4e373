"""Whole users with what they rated: the form in which interactions travel between engines and the model."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

# columns of a table by name; one of shape (n, m) is a list of length m in each row, or less where it is masked
Frame = dict[str, NDArray]
Sums = Mapping[str, NDArray]  # what a function of a block adds to arrays, by name
PRODUCT_COLUMNS = 128  # of a matrix that rows are multiplied with at a time: they stay in the processor's cache
FEWEST_ENTRIES = 8  # of the rows for each row of the matrix, from which that pays


class Interactions(NamedTuple):
    """Ratings and favourites of whole users, one row a user.

    user_ids : int32, shape (n_users,), ascending.
    weights : shape (n_users, n_movies), CSR, float32, with a stored entry for every movie that the user rated or
        favourited: 1 for a favourite, less for a near favourite, 0 for what says nothing but that it was seen.
        Columns are the favourited movies, the most favourited first.
    seconds : int64, shape (nnz,), time of each entry in seconds since 1970, 0 where unknown.
    ages : float32, shape (nnz,), for each favourite and near favourite how many later ones the user has, see
        `tasks.model.recency.with_ages`; None where nobody has counted.
    """

    user_ids: NDArray[np.int32]
    weights: csr_matrix
    seconds: NDArray[np.int64]
    ages: NDArray[np.float32] | None = None


def select_users(interactions: Interactions, kept: NDArray[np.bool_]) -> Interactions:
    """Return the users for whom ``kept``, shape (n_users,), is true."""
    entries = np.repeat(kept, np.diff(interactions.weights.indptr))
    return Interactions(interactions.user_ids[kept], interactions.weights[kept], interactions.seconds[entries])


def select_entries(interactions: Interactions, kept: NDArray[np.bool_]) -> Interactions:
    """Return the interactions without the entries for which ``kept``, shape (nnz,), is false."""
    weights = interactions.weights
    indptr = np.concatenate([[0], np.cumsum(kept)])[weights.indptr].astype(np.int32)
    matrix = csr_matrix((weights.data[kept], weights.indices[kept], indptr), weights.shape)
    return Interactions(interactions.user_ids, matrix, interactions.seconds[kept])


def order_of(keys: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the order of keys, which are 0 at least; equal ones stay in theirs.

    NumPy sorts numbers of 16 bits by radix: so many at a time take less than half as long as all at once.
    """
    n_bits = int(keys.max(initial=1)).bit_length()
    return np.lexsort([(keys >> shift).astype(np.uint16) for shift in range(0, n_bits, 16)])


def with_data(matrix: csr_matrix, data: NDArray) -> csr_matrix:
    """Return the matrix with other numbers, ``data`` of shape (nnz,), in the same places, which both share."""
    return csr_matrix((data, matrix.indices, matrix.indptr), matrix.shape)


def times(rows: csr_matrix, matrix: NDArray) -> NDArray:
    """Return the product of sparse rows and a dense matrix; of many rows in half the time of ``rows @ matrix``.

    Where each row of the matrix is needed a few times only, copying its columns would take longer than it saves.
    """
    if rows.nnz < FEWEST_ENTRIES * len(matrix):
        return rows @ matrix
    product = np.empty((rows.shape[0], matrix.shape[1]), dtype=np.result_type(rows, matrix))
    for start in range(0, matrix.shape[1], PRODUCT_COLUMNS):
        columns = slice(start, start + PRODUCT_COLUMNS)
        product[:, columns] = rows @ np.ascontiguousarray(matrix[:, columns])
    return product


def add_to(matrix: NDArray, rows: csr_matrix) -> None:
    """Add sparse rows without repeated columns to a dense matrix, in its place."""
    matrix[np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), rows.indices] += rows.data


def join_users(parts: list[Interactions]) -> Interactions:
    """Return the users of several blocks, which are in ascending order, as one."""
    counts = np.concatenate([np.diff(part.weights.indptr) for part in parts])
    indptr = np.concatenate([[0], np.cumsum(counts)])
    data = np.concatenate([part.weights.data for part in parts])
    indices = np.concatenate([part.weights.indices for part in parts])
    shape = (len(counts), parts[0].weights.shape[1])
    return Interactions(
        np.concatenate([part.user_ids for part in parts]),
        csr_matrix((data, indices, indptr), shape),
        np.concatenate([part.seconds for part in parts]),
    )


def sum_parts(parts: Iterable[Sums]) -> dict[str, NDArray]:
    """Return the sums of arrays of one name; the arrays of the first part may change."""
    sums: dict[str, NDArray] = {}
    for part in parts:
        for name, array in part.items():
            if name in sums:
                sums[name] += array
            else:
                sums[name] = array
    return sums


def favourites_of(interactions: Interactions) -> csr_matrix:
    """Return the incidence: 1 where the user favourited the movie. Shape (n_users, n_movies), CSR, float32."""
    return select_entries(interactions, interactions.weights.data == 1).weights


def evidence_of(interactions: Interactions) -> Interactions:
    """Return the favourites and near favourites, without what was only seen."""
    kept, ages = interactions.weights.data > 0, interactions.ages
    return select_entries(interactions, kept)._replace(ages=None if ages is None else ages[kept])


def slice_users(interactions: Interactions, start: int, stop: int) -> Interactions:
    """Return the users in rows ``start`` to ``stop``."""
    indptr, ages = interactions.weights.indptr, interactions.ages
    entries = slice(indptr[start], indptr[min(stop, len(indptr) - 1)])
    return Interactions(
        interactions.user_ids[start:stop],
        interactions.weights[start:stop],
        interactions.seconds[entries],
        None if ages is None else ages[entries],
    )


def rank_movies(interactions: Interactions) -> tuple[Interactions, NDArray[np.intp], NDArray[np.intp]]:
    """Return the interactions with the columns of favourited movies only, the most favourited first.

    Returns
    -------
    interactions : with the columns in their new order; of equally favourited movies the former order counts.
    columns : the former column of each.
    n_fans : users who favourited each.
    """
    weights = interactions.weights
    n_fans = np.bincount(weights.indices[weights.data == 1], minlength=weights.shape[1])
    columns = np.argsort(-n_fans, kind="stable")[: np.count_nonzero(n_fans)]
    return select_movies(interactions, columns), columns, n_fans[columns]


def select_movies(interactions: Interactions, columns: NDArray[np.integer]) -> Interactions:
    """Return the interactions with the given columns only, in the given order."""
    place = np.full(interactions.weights.shape[1], -1, dtype=np.int32)
    place[columns] = np.arange(len(columns))
    kept = select_entries(interactions, place[interactions.weights.indices] >= 0)
    matrix = kept.weights
    ordered = csr_matrix((matrix.data, place[matrix.indices], matrix.indptr), (matrix.shape[0], len(columns)))
    return kept._replace(weights=ordered)
