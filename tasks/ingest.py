"""Ratings and movies from the files of a source folder into the tables of a build."""

from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from tasks.csv_text import read_header, read_lines, read_rows
from tasks.database import connect, run
from tasks.errors import CineclusterError
from tasks.step import is_passing, step

RATINGS_FILES = ("ratings.csv", "ratings.csv.gz", "ratings.parquet")
TYPES = {"userId": "DOUBLE", "movieId": "DOUBLE", "rating": "DOUBLE", "timestamp": "BIGINT"}
REQUIRED = ("userId", "movieId", "rating")
MOVIES_COLUMNS = ("movieId", "title", "genres")
LINKS_COLUMNS = ("movieId", "imdbId", "tmdbId")
METADATA_COLUMNS = ("id", "title", "release_date", "genres")


class RowCounts(NamedTuple):
    """What became of the rows of the ratings file: read = kept + superseded + rejected."""

    n_rows_read: int
    n_kept: int
    n_superseded: int
    n_rejected: int


@step("Read the ratings", retries=1, retry_delay_seconds=2, retry_condition_fn=is_passing)
def ingest_ratings(
    database: Path, source: Path, max_rejected_share: float = 0.001, memory_limit: str | None = None
) -> RowCounts:
    """Build the tables ``ratings`` and ``rejected_rows`` from the ratings file in ``source``.

    A clean file is read in parallel. Where that shows any flaw it is read again line by line, so that each bad
    line is known by number and reason.

    Raises
    ------
    CineclusterError
        If there is no ratings file, its header is wrong, it cannot be read, it has no ratings, or more than
        ``max_rejected_share`` of its lines are bad.
    """
    path = find_ratings(source)
    columns = read_columns(path)
    with connect(database, memory_limit) as connection:
        for name in ("rejected_rows", "valid_id", "valid_rating", "valid_time"):
            run(connection, name)
        n_rejected = 0
        if not read_clean(connection, path, columns):
            n_rejected = read_line_by_line(connection, path, columns, max_rejected_share)
        n_valid, _, n_out_of_order = run(connection, "ratings_flaws")[0]
        if n_valid == 0:
            raise CineclusterError(f"{path}: no ratings in it. It needs lines such as 1,296,5.0,1147880044.")
        n_kept = n_valid
        if n_out_of_order:
            run(connection, "ratings_latest")
            n_kept = run(connection, "ratings_flaws")[0][0]
    return RowCounts(n_valid + n_rejected, n_kept, n_valid - n_kept, n_rejected)


def find_ratings(source: Path) -> Path:
    """Return the path of the ratings file in a source folder."""
    if not source.is_dir():
        raise CineclusterError(f"{source}: no such folder. --source is a folder with a ratings.csv.")
    for name in RATINGS_FILES:
        if (path := source / name).is_file():
            return path
    raise CineclusterError(f"{source}: holds none of {', '.join(RATINGS_FILES)}.")


def read_columns(path: Path) -> list[str]:
    """Return the columns of a ratings file in their order, spelled as in ``TYPES``.

    Raises
    ------
    CineclusterError
        If one is missing, unknown or there twice; so also for a file without a header.
    """
    spelling = {name.lower(): name for name in TYPES}
    found = parquet_columns(path) if path.suffix == ".parquet" else read_header(path)
    columns = [spelling.get(name.lower().replace("_", ""), name) for name in found]
    missing = [name for name in REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in TYPES]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    for fault, names in (("no", missing), ("unknown", unknown), ("twice the", twice)):
        if names:
            raise CineclusterError(
                f"{path} line 1: {fault} column {names[0][:80]!r}. "
                "The header is userId,movieId,rating and optionally timestamp, in any order."
            )
    return columns


def parquet_columns(path: Path) -> list[str]:
    """Return the column names of a Parquet file."""
    try:
        return list(pl.read_parquet_schema(path))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CineclusterError(f"{path}: not a Parquet file that can be read: {error}") from error


def read_clean(connection: duckdb.DuckDBPyConnection, path: Path, columns: list[str]) -> bool:
    """Read the table ``ratings`` in parallel; return False if the file has any flaw or no timestamps."""
    if sorted(columns) != sorted(TYPES):
        return False
    try:
        if path.suffix == ".parquet":
            run(connection, "ratings_from_parquet", source=literal_path(path))
        else:
            run(
                connection,
                "ratings",
                source=literal_path(path),
                columns={name: TYPES[name] for name in columns},
            )
            if connection.execute("select count(*) from reject_errors").fetchall() != [(0,)]:
                return False
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        return False
    return run(connection, "ratings_flaws")[0][1] == 0


def literal_path(path: Path) -> str:
    """Return the path as DuckDB's readers want it: with glob characters taken literally."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))


def read_line_by_line(
    connection: duckdb.DuckDBPyConnection, path: Path, columns: list[str], max_rejected_share: float
) -> int:
    """Read ``ratings`` and ``rejected_rows`` line by line; return the number of rejected lines."""
    if path.suffix == ".parquet":
        columns = [name for name in TYPES if name in columns]
        run_parquet_lines(connection, path)
    else:
        run(connection, "rating_lines")
        for lines in read_lines(path):
            connection.register("lines", lines)
            connection.execute("insert into rating_lines select line, text from lines where line > 1")
    run(
        connection,
        "rating_fields",
        n_columns=len(columns),
        user_place=columns.index("userId") + 1,
        movie_place=columns.index("movieId") + 1,
        rating_place=columns.index("rating") + 1,
        time_place=columns.index("timestamp") + 1 if "timestamp" in columns else 0,
    )
    run(connection, "ratings_from_fields")
    run(connection, "rejected_ratings", file=path.name)
    return check_rejected(connection, path, max_rejected_share)


def run_parquet_lines(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Make ``rating_lines`` from a Parquet file."""
    try:
        run(connection, "rating_lines_from_parquet", source=literal_path(path))
    except duckdb.Error as error:
        raise CineclusterError(f"{path}: cannot be read: {error}") from error


def check_rejected(connection: duckdb.DuckDBPyConnection, path: Path, max_rejected_share: float) -> int:
    """Return the number of bad lines of the ratings file.

    Raises
    ------
    CineclusterError
        If they are more than ``max_rejected_share`` of the lines; it shows the first one.
    """
    n_rejected, n_lines = connection.execute(
        "select count(*) filter (where reason is not null), count(*) from rating_fields"
    ).fetchall()[0]
    if n_rejected > max_rejected_share * n_lines:
        line, reason, text = connection.execute(
            "select line, reason, left(text, 80) from rating_fields where reason is not null order by line limit 1"
        ).fetchall()[0]
        raise CineclusterError(
            f"{path}: {n_rejected:,} of {n_lines:,} lines are bad, more than --max-rejected-share "
            f"{max_rejected_share:g}. The first is line {line}: {reason}: {text!r}"
        )
    return int(n_rejected)


@step("Read the movies", retries=1, retry_delay_seconds=2, retry_condition_fn=is_passing)
def ingest_movies(database: Path, source: Path) -> int:
    """Build the table ``movies`` from ``movies.csv``, ``links.csv`` and ``movies_metadata.csv``, where present.

    Every movie that is rated or listed has a row; one without a title is called ``(movie <id>)``. Titles of
    ``movies.csv`` come first, then those of ``movies_metadata.csv`` through the TMDB id in ``links.csv``.
    Bad rows go to ``rejected_rows``. Returns the number of movies.
    """
    files = {"movies": MOVIES_COLUMNS, "links": LINKS_COLUMNS, "movies_metadata": METADATA_COLUMNS}
    with connect(database) as connection:
        run(connection, "valid_id")
        for name, columns in files.items():
            path = source / f"{name}.csv"
            connection.register(f"{name}_rows", read_rows(path, columns) if path.is_file() else empty_rows(columns))
            run(connection, f"rejected_{name}")
        run(connection, "movies")
        return int(connection.execute("select count(*) from movies").fetchall()[0][0])


def empty_rows(columns: tuple[str, ...]) -> pl.DataFrame:
    """Return what ``read_rows`` returns for a file with a header only."""
    numbers = {"line": pl.Int64, "n_fields": pl.Int64, "width": pl.Int64}
    return pl.DataFrame(schema=numbers | dict.fromkeys(columns, pl.String))
