"""What workers of Spark do with blocks of users; it imports neither Spark nor DuckDB nor Prefect."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.blocks import sum_parts
from tasks.engine.arrow import interactions_of, table_of
from tasks.engine.shipping import unpack

Batches = Iterable[pa.RecordBatch]
CHUNK_BYTES = 4 << 20  # of an array in one row
CHUNK = "name string, place int, dtype string, shape array<int>, content binary"


def map_users(
    batches: Batches, package: bytes, n_movies: int, place: int, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Yield rows of ``schema``, of each block the frame at ``place`` that the function in ``package`` makes."""
    function: Any = unpack(package)
    for batch in batches:
        if batch.num_rows:
            frame = next(islice(function(interactions_of(batch, n_movies)), place, None))
            yield from table_of(frame).cast(schema).to_batches()


def map_numbers(batches: Batches, package: bytes) -> Iterator[pa.RecordBatch]:
    """Yield what the function in ``package`` makes of each number in the first column."""
    function: Any = unpack(package)
    for batch in batches:
        for number in batch.column(0).to_pylist():
            yield from function(number)


def keep_users(batches: Batches, package: bytes) -> Iterator[pa.RecordBatch]:
    """Yield those users of each batch for whom the function in ``package`` says so."""
    is_kept: Any = unpack(package)
    for batch in batches:
        yield batch.filter(pa.array(is_kept(batch["user_id"].to_numpy())))


def sum_users(batches: Batches, package: bytes, n_movies: int) -> Iterator[pa.RecordBatch]:
    """Yield chunks of the sums of what the function in ``package`` makes of each block."""
    function: Any = unpack(package)
    sums = sum_parts(function(interactions_of(batch, n_movies)) for batch in batches if batch.num_rows)
    for name, array in sums.items():
        content = np.ascontiguousarray(array).tobytes()
        for place, start in enumerate(range(0, len(content), CHUNK_BYTES)):
            yield chunk(name, place, str(array.dtype), list(array.shape), content[start : start + CHUNK_BYTES])


def chunk(name: str, place: int, dtype: str, shape: list[int], content: bytes) -> pa.RecordBatch:
    """Return a row of the columns ``CHUNK``."""
    shapes = pa.array([shape], pa.list_(pa.int32()))
    columns = [pa.array([name]), pa.array([place], pa.int32()), pa.array([dtype]), shapes, pa.array([content])]
    return pa.RecordBatch.from_arrays(columns, ["name", "place", "dtype", "shape", "content"])


def add_chunks(chunks: pa.Table) -> pa.Table:
    """Return one row, the sum of the chunks of one name and place."""
    first = chunks.slice(0, 1).to_pylist()[0]
    contents = (np.frombuffer(content.as_buffer(), dtype=first["dtype"]) for content in chunks["content"])
    total = next(contents).copy()
    for content in contents:
        total += content
    return pa.Table.from_batches([chunk(**first | {"content": total.tobytes()})])


def arrays_of(chunks: pa.Table) -> dict[str, Any]:
    """Return the arrays that were cut into chunks."""
    rows = chunks.sort_by([("name", "ascending"), ("place", "ascending")]).to_pylist()
    arrays = {}
    for name in {row["name"]: None for row in rows}:
        mine = [row for row in rows if row["name"] == name]
        content = b"".join(row["content"] for row in mine)
        arrays[name] = np.frombuffer(bytearray(content), dtype=mine[0]["dtype"]).reshape(mine[0]["shape"])
    return arrays
