"""Columns of arrays as Arrow tables, and users with their interactions as rows of lists."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Frame, Interactions, order_of


def table_of(frame: Frame) -> pa.Table:
    """Return columns as an Arrow table; rows of two-dimensional arrays become lists.

    Arrays of shape (n, 0) become nulls. What is masked in a masked array is not in the lists.
    """
    return pa.table({name: column_of(values) for name, values in frame.items()})


def column_of(values: NDArray) -> pa.Array:
    """Return an array as an Arrow column."""
    if values.ndim == 1:
        return pa.array(values)
    if values.shape[1] == 0:
        return pa.nulls(len(values), pa.list_(pa.from_numpy_dtype(values.dtype)))
    if isinstance(values, np.ma.MaskedArray):
        ends = np.concatenate([[0], np.cumsum(values.count(axis=1))]).astype(np.int32)
        return pa.ListArray.from_arrays(ends, pa.array(values.compressed()))
    ends = np.arange(len(values) + 1, dtype=np.int32) * np.int32(values.shape[1])
    return pa.ListArray.from_arrays(ends, pa.array(np.ascontiguousarray(values).reshape(-1)))


def frame_of(table: pa.Table) -> Frame:
    """Return the columns of an Arrow table as arrays."""
    return {name: table[name].to_numpy() for name in table.column_names}


def interactions_of(users: pa.RecordBatch | pa.Table, n_movies: int) -> Interactions:
    """Return users, in any order, as a block.

    Parameters
    ----------
    users : ``user_id`` and ``entries``, lists of (movie_position, weight, seconds): as `sql/spark/users.sql` has them.
    n_movies : number of columns of the interactions.
    """
    table = pa.table(users).sort_by("user_id").combine_chunks()
    lists = table["entries"].combine_chunks()
    counts = lists.value_lengths().to_numpy()
    columns, weights, seconds = (field.to_numpy() for field in lists.flatten().flatten())
    rows = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    order = order_of(rows * n_movies + columns)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    matrix = csr_matrix((weights[order], columns[order], indptr), (len(counts), n_movies))
    return Interactions(table["user_id"].to_numpy(), matrix, seconds[order])
