"""The model as rows of a table, and back: arrays as bytes, numbers as JSON, nothing that could run."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.blocks import Frame
from tasks.model.types import Model, Scoring, TasteSpace

DTYPES = ("float32", "int32")


def pack(model: Model) -> Frame:
    """Return a row for each array of the model but ``items``, and one for the numbers of its formula.

    Columns: name, dtype (NumPy's name, or ``json``), n_rows, n_columns, is_matrix, content (bytes, little
    endian, row by row).
    """
    arrays = {**model._asdict(), **{f"space.{name}": array for name, array in model.space._asdict().items()}}
    del arrays["space"], arrays["scoring"], arrays["items"]
    shapes = [(*array.shape, 0)[:2] for array in arrays.values()]
    scoring = json.dumps(model.scoring._asdict()).encode()
    contents = [np.ascontiguousarray(array).tobytes() for array in arrays.values()]
    return {
        "name": np.array([*arrays, "scoring"], dtype=object),
        "dtype": np.array([*(str(array.dtype) for array in arrays.values()), "json"], dtype=object),
        "n_rows": np.array([*(rows for rows, _ in shapes), 1], dtype=np.int32),
        "n_columns": np.array([*(columns for _, columns in shapes), 0], dtype=np.int32),
        "is_matrix": np.array([*(array.ndim == 2 for array in arrays.values()), False]),
        "content": np.array([*contents, scoring], dtype=object),
    }


def unpack(rows: Iterable[tuple[str, str, int, int, bool, bytes]]) -> Model:
    """Return the model that `pack` made the rows of, without items; its arrays cannot be written to.

    Raises
    ------
    ValueError
        If they are rows of something else.
    """
    rows = list(rows)
    found: dict[str, Any] = {row[0]: read_array(*row[1:]) for row in rows if row[1] != "json"}
    [content] = [row[-1] for row in rows if row[1] == "json"]
    space = TasteSpace(*(found.pop(f"space.{name}") for name in TasteSpace._fields))
    nothing = np.zeros((0, 0), dtype=np.float32)
    return Model(**found, space=space, items=nothing, scoring=Scoring(**json.loads(content)))


def read_array(dtype: str, n_rows: int, n_columns: int, is_matrix: bool, content: bytes) -> NDArray:
    """Return an array of the given shape that shares the memory of its bytes."""
    if dtype not in DTYPES:
        raise ValueError(f"An array of {dtype[:20]!r} is no part of a model.")
    return np.frombuffer(content, dtype=dtype).reshape((n_rows, n_columns) if is_matrix else (n_rows,))
