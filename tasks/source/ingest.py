"""Ratings and movies from the files of a source folder into the tables of a build."""

import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.engine import Engine
from tasks.engine.duckdb import DuckDBEngine, literal_path, machine_errors, run
from tasks.errors import CineclusterError, first_line
from tasks.source.csv_text import (
    count_lines,
    frame_of_rows,
    read_lines,
    read_rows,
    unchanged,
)
from tasks.source.header import COLUMNS, LONGEST_LINE, find_ratings, is_file, parquet_schema, read_columns

KINDS = {"userId": pl.Int32, "movieId": pl.Int32, "rating": pl.Float64, "timestamp": pl.Int64}
MOVIES_COLUMNS = ("movieId", "title", "genres")
LINKS_COLUMNS = ("movieId", "imdbId", "tmdbId")
METADATA_COLUMNS = ("id", "title", "release_date", "genres")


class RowCounts(NamedTuple):
    """What became of the rows of the ratings file: read = kept + superseded + rejected."""

    n_rows_read: int
    n_kept: int
    n_superseded: int
    n_rejected: int


def ingest_ratings(engine: DuckDBEngine, source: Path, max_rejected_share: float = 0.001) -> RowCounts:
    """Build the tables ``ratings`` and ``rejected_rows`` from the ratings file in ``source``.

    A clean file is read in parallel, and its lines are counted beside that. Where this shows any flaw it is read
    again line by line, so that each bad line is known by number and reason. Either way the tables are the same:

    - A line ends with LF, CRLF or CR. Blank lines are no rows. Lines over 10,000 bytes are bad.
    - Numbers are those that DuckDB casts: ``12``, ``12.0``, ``1.2e1``, ``+12``, ``1_200``, white space around.
    - Fields may be quoted; commas and line ends in them are not understood. Empty fields at the end are let pass.
    - Of a user's ratings of a movie the latest is kept, at the same time the one further down.

    Raises
    ------
    CineclusterError
        If there is no ratings file, its header is wrong, it cannot be read, it has no ratings, it changes
        meanwhile, more than ``max_rejected_share`` of its lines are bad, or memory or disk do not suffice.
    """
    path = find_ratings(source)
    with unchanged(path), machine_errors(), engine.connect() as connection:
        n_rows, n_rejected = read_ratings(connection, path, max_rejected_share)
        n_valid, _, n_out_of_order = run(connection, "source/ratings_flaws")[0]
        if n_valid == 0:
            raise no_ratings(path)
        n_kept = n_valid
        if n_out_of_order:
            run(connection, "source/ratings_latest")
            n_kept = run(connection, "source/ratings_flaws")[0][0]
    return RowCounts(n_rows, n_kept, n_valid - n_kept, n_rejected)


def read_ratings(connection: duckdb.DuckDBPyConnection, path: Path, max_rejected_share: float) -> tuple[int, int]:
    """Make the tables ``ratings``, with all good lines in their order, and ``rejected_rows`` of a file.

    Returns the numbers of lines and of rejected ones.
    """
    columns = read_columns(path)
    for name in ("rejected_rows", "valid_id", "valid_rating", "valid_time"):
        run(connection, f"source/{name}")
    n_rows = read_clean(connection, path, columns)
    return (n_rows, 0) if n_rows is not None else read_line_by_line(connection, path, columns, max_rejected_share)


def read_clean(connection: duckdb.DuckDBPyConnection, path: Path, columns: list[str]) -> int | None:
    """Read the table ``ratings`` in parallel; return its rows, None if the file has any flaw or no timestamps."""
    if sorted(columns) != sorted(COLUMNS):
        return None
    read = read_clean_parquet if path.suffix == ".parquet" else read_clean_csv
    try:
        n_rows = read(connection, path, columns)
        if n_rows is None:
            return None
        n_read, n_bad, _ = run(connection, "source/ratings_flaws")[0]
    except duckdb.OutOfMemoryException:
        raise
    except (duckdb.Error, OSError, EOFError, ValueError, zlib.error):
        return None
    return n_rows if n_read == n_rows and n_bad == 0 else None


def read_clean_csv(connection: duckdb.DuckDBPyConnection, path: Path, columns: list[str]) -> int:
    """Read a CSV file; return the number of lines below the header, counted beside the reading.

    A packed file is counted before anything else unpacks it: it may be far too large.
    """
    with ThreadPoolExecutor(1) as pool:
        counted = pool.submit(count_lines, path)
        if path.suffix == ".gz":
            counted.result()
        connection.register("rating_numbers", read_numbers(path, columns))
        run(connection, "source/ratings")
        return counted.result() - 1


def read_numbers(path: Path, columns: list[str]) -> pa.RecordBatchReader:
    """Return the lines below the header as batches of numbers; reading them fails at text that is no such number.

    Polars parses them: unlike DuckDB it refuses ``3.7`` as a whole number, and it is faster.
    """
    schema = pl.Schema({name: KINDS[name] for name in columns})
    lines = pl.scan_csv(path, has_header=False, skip_lines=1, schema=schema, quote_char=None, glob=False)
    frames = lines.collect_batches(maintain_order=True, engine="streaming")
    batches = (batch for frame in frames for batch in frame.to_arrow().to_batches())
    return pa.RecordBatchReader.from_batches(schema.to_frame().to_arrow().schema, batches)


def read_clean_parquet(connection: duckdb.DuckDBPyConnection, path: Path, columns: list[str]) -> int | None:
    """Read a Parquet file of numbers; return its number of rows, None if it has other columns."""
    schema = parquet_schema(path)
    if not all(kind.is_numeric() for kind in schema.values()):
        return None
    names = dict(zip(columns, schema, strict=True))
    run(
        connection,
        "source/ratings_from_parquet",
        source=literal_path(path),
        user=names["userId"],
        movie=names["movieId"],
        stars=names["rating"],
        time=names["timestamp"],
    )
    return int(pq.read_metadata(path).num_rows)


def read_line_by_line(
    connection: duckdb.DuckDBPyConnection, path: Path, columns: list[str], max_rejected_share: float
) -> tuple[int, int]:
    """Read ``ratings`` and ``rejected_rows`` line by line; return the numbers of lines and of rejected ones.

    Raises
    ------
    CineclusterError
        If more than ``max_rejected_share`` of the lines are bad; it shows the first one.
    """
    run(connection, "source/ratings_empty")
    n_rows = 0
    for n_lines in blocks_of_lines(connection, path):
        n_rows += n_lines
        run(
            connection,
            "source/rating_fields",
            n_columns=len(columns),
            user_place=columns.index("userId") + 1,
            movie_place=columns.index("movieId") + 1,
            rating_place=columns.index("rating") + 1,
            time_place=columns.index("timestamp") + 1 if "timestamp" in columns else 0,
            longest_line=LONGEST_LINE,
        )
        run(connection, "source/ratings_from_fields")
        run(connection, "source/rejected_ratings", file=path.name)
    return n_rows, check_rejected(connection, path, n_rows, max_rejected_share)


def blocks_of_lines(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[int]:
    """Make ``rating_lines`` of one block of lines after the other; yield the number of lines of each."""
    if path.suffix == ".parquet":
        try:
            run(connection, "source/rating_lines_from_parquet", source=literal_path(path))
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise CineclusterError(f"{path}: cannot be read: {first_line(error)}. Fetch it again.") from error
        yield len(connection.table("rating_lines"))
        return
    for lines in read_lines(path):
        below_header = lines.filter(pl.col("line") > 1)
        connection.register("lines", below_header)
        run(connection, "source/rating_lines")
        yield len(below_header)


def check_rejected(connection: duckdb.DuckDBPyConnection, path: Path, n_rows: int, max_rejected_share: float) -> int:
    """Return the number of bad lines of a file, unless they are too many of its ``n_rows``."""
    [(n_rejected, *first)] = run(connection, "source/rejected_rows_of_file", file=path.name)
    if n_rejected > max_rejected_share * n_rows:
        raise too_many_rejected(path, (n_rejected, n_rows), max_rejected_share, first)
    return n_rejected


def too_many_rejected(
    path: Path, counts: tuple[int, int], max_rejected_share: float, first: Sequence[Any]
) -> CineclusterError:
    """Return the error that says so: numbers of bad lines and of all; line, reason and text of the first bad one."""
    (n_rejected, n_rows), (line, reason, text) = counts, first
    return CineclusterError(
        f"{path}: {n_rejected:,} of {n_rows:,} lines are bad, more than --max-rejected-share {max_rejected_share:g}. "
        f"The first is line {line}: {reason}: {text!r}. Mend them, or allow more."
    )


def no_ratings(path: Path) -> CineclusterError:
    """Return the error that says that a file or folder holds none."""
    return CineclusterError(f"{path}: no ratings in it. It needs lines such as 1,296,5.0,1147880044.")


def ingest_movies(engine: Engine, source: Path, max_rejected_share: float = 0.001) -> int:
    """Build the table ``movies`` from ``movies.csv``, ``links.csv`` and ``movies_metadata.csv``, where present.

    Every movie that is rated or listed has a row; one without a title is called ``(movie <id>)``. Titles of
    ``movies.csv`` come first, then those of ``movies_metadata.csv`` through the TMDB id in ``links.csv``.
    Bad rows go to ``rejected_rows``; of two rows with one id the first good one counts.
    Returns the number of movies.

    Raises
    ------
    CineclusterError
        If a file lacks a column, cannot be read, has a quote that is never closed, changes meanwhile, or more than
        ``max_rejected_share`` of its rows are bad.
    """
    files = {"movies": MOVIES_COLUMNS, "links": LINKS_COLUMNS, "movies_metadata": METADATA_COLUMNS}
    with machine_errors(), engine.connect() as connection:
        connection.begin()
        run(connection, "source/valid_id")
        for name, columns in files.items():
            path = source / f"{name}.csv"
            connection.register(f"{name}_rows", rows := movie_rows(path, columns))
            run(connection, f"source/judged_{name}")
            run(connection, "source/rejected_judged", file=path.name, id_column=columns[0])
            check_rejected(connection, path, len(rows), max_rejected_share)
        run(connection, "source/movies")
        n_movies = len(connection.table("movies"))
        connection.commit()
    return n_movies


def movie_rows(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    """Return the rows of a file about movies, none if there is no such file."""
    if not is_file(path):
        return empty_rows(columns)
    with unchanged(path):
        return read_rows(path, columns)


def empty_rows(columns: tuple[str, ...]) -> pl.DataFrame:
    """Return what ``read_rows`` returns for a file with a header only."""
    return frame_of_rows([], columns)
