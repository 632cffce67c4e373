"""Ratings from many files, each read by the reader of a single one; the latest rating of each pair counts."""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa

from tasks.engine import Engine
from tasks.engine.duckdb import DuckDBEngine, machine_errors, statement
from tasks.source import ingest
from tasks.source.csv_text import unchanged
from tasks.source.header import find_files, find_ratings
from tasks.source.ingest import RowCounts

BATCH_ROWS = 100_000
MEMORY, THREADS = "1GB", 1  # of the DuckDB that reads a file, of which several are at work
COLUMNS = pa.schema(
    {
        "file": pa.int32(),
        "name": pa.string(),
        "place": pa.int64(),
        "user_id": pa.int32(),
        "movie_id": pa.int32(),
        "rating": pa.float32(),
        "rated_at": pa.timestamp("us"),
        "reason": pa.string(),
        "text": pa.string(),
    }
)


def ingest_ratings(engine: Engine, source: Path, max_rejected_share: float = 0.001) -> RowCounts:
    """Build the tables ``ratings`` and ``rejected_rows`` from the ratings in ``source``.

    They are in one file, see `tasks.source.ingest.ingest_ratings`, or in the folder ``ratings``: CSV, gzipped or not,
    and Parquet, in folders of any depth. Of a user's ratings of a movie the latest is kept, of one time that of the
    last file by path, and in a file the one further down.

    Raises
    ------
    CineclusterError
        If a file cannot be read, there are no ratings, or more than ``max_rejected_share`` of all lines are bad.
    """
    files = find_files(source)
    if not files and isinstance(engine, DuckDBEngine):
        return ingest.ingest_ratings(engine, source, max_rejected_share)
    base, files = source.absolute(), files or [find_ratings(source)]
    names = [str(path.relative_to(base)) for path in files]
    engine.map_files(partial(read_file, files=files, names=names), len(files), "file_rows", COLUMNS)
    n_rows, n_rejected = check_rows(engine, base, max_rejected_share)
    engine.run("files/ratings", "files/rejected_rows", "files/drop_file_rows")
    n_kept = int(engine.arrays("files/count_ratings")["n"][0])
    return RowCounts(n_rows, n_kept, n_rows - n_rejected - n_kept, n_rejected)


def read_file(number: int, files: list[Path], names: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file in the columns ``COLUMNS``: ratings, and bad lines with the reason."""
    path = files[number]
    with tempfile.TemporaryDirectory() as folder, unchanged(path):
        engine = DuckDBEngine(Path(folder) / "file.duckdb", MEMORY, THREADS)
        with machine_errors(), engine.connect() as connection:
            ingest.read_ratings(connection, path, 1.0)
            values = {"file": number, "name": names[number]}
            found = connection.sql(statement("files/rows_of_file"), params=values)
            for batch in found.to_arrow_reader(BATCH_ROWS):
                yield batch.cast(COLUMNS)


def check_rows(engine: Engine, base: Path, max_rejected_share: float) -> tuple[int, int]:
    """Return the numbers of rows and of bad ones in the table ``file_rows``.

    Raises
    ------
    CineclusterError
        If no row is good, or more than ``max_rejected_share`` are bad.
    """
    n_rows, n_rejected = (int(values[0]) for values in engine.arrays("files/count_rows").values())
    if n_rejected > max_rejected_share * n_rows:
        name, line, reason, text = (values[0] for values in engine.arrays("files/first_rejected").values())
        counts, first = (n_rejected, n_rows), (line, reason, text)
        raise ingest.too_many_rejected(base / name, counts, max_rejected_share, first)
    if n_rows == n_rejected:
        raise ingest.no_ratings(base)
    return n_rows, n_rejected
