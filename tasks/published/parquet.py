"""Large tables as Parquet files beside the published file, which has views of them in their place.

A version ``data/.cinecluster/<run_id>.duckdb`` has them in ``data/.cinecluster/<run_id>.parquet/``: one file a table,
sorted by user, so that a query for one user reads one row group of it.
"""

import math
from pathlib import Path

import duckdb

from tasks.engine import Engine
from tasks.engine.duckdb import OLDEST_READER, literal_path
from tasks.files import sync, writing
from tasks.progress import report_progress
from tasks.published.publish import Build
from tasks.published.read import NO_EXTENSIONS
from tasks.published.versions import parquet_of

LARGE = {  # tables that grow with the users: their order, and the rows that take as long to read as a footer's entry
    "ratings": ("user_id, movie_id", 1000),
    "favourites": ("user_id, movie_id", 1000),
    "user_clusters": ("user_id", 100),
    "recommendations": ("user_id, rank", 1000),
}
FEWEST_ROWS = 2048  # of a row group


def move_to_parquet(engine: Engine, build: Build, database: Path) -> None:
    """Put views of Parquet files in the place of the large tables of a build, which `shrink_build` then makes small.

    The views read the files of this run beside ``database``, or in the folder that ``set variable parquet`` names.
    """
    folder = parquet_of(database, build.run_id)
    with writing(folder), engine.connect() as connection:
        folder.mkdir()
        for done, (name, (order, rows_an_entry)) in enumerate(LARGE.items(), start=1):
            rows = connection.table(name)
            write_parquet(rows.order(order), folder / f"{name}.parquet", row_group_size(len(rows), rows_an_entry))
            connection.execute(f"drop table {name}")
            connection.execute(f"create view {name} as from {parquet_reader(folder, name)}")
            report_progress(done, len(LARGE))
        sync(folder)
        sync(folder.parent)


def row_group_size(n_rows: int, rows_an_entry: int) -> int:
    """Return the rows of a row group with which a query for one user reads least.

    It reads the footer of the file, which has an entry for each row group, and the rows of one. The sum is least where
    both take the same time; ``rows_an_entry`` rows take as long as an entry.
    """
    return max(FEWEST_ROWS, math.isqrt(n_rows * rows_an_entry))


def write_parquet(rows: duckdb.DuckDBPyRelation, path: Path, n_rows: int) -> None:
    """Write rows to a file, on disk, with ``n_rows`` in a row group."""
    rows.to_parquet(str(path), compression="zstd", row_group_size=n_rows)
    sync(path)


def parquet_reader(folder: Path, name: str) -> str:
    """Return what reads a table in a view; views take no parameters, so the folder is quoted into it."""
    quoted = "'" + literal_path(folder).replace("'", "''") + "'"
    return f"read_parquet(coalesce(getvariable('parquet'), {quoted}) || '/{name}.parquet', hive_partitioning = false)"


def shrink_build(engine: Engine) -> None:
    """Write a build that is closed anew, without the room that tables took which are gone."""
    new = engine.database.with_suffix(".small.duckdb")
    config = NO_EXTENSIONS | ({"memory_limit": engine.memory_limit} if engine.memory_limit else {})
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute("attach $path as large (read_only)", {"path": str(engine.database)})
        connection.execute(f"attach $path as small (storage_version '{OLDEST_READER}')", {"path": str(new)})
        connection.execute("copy from database large to small")
        connection.execute("detach small")
    new.replace(engine.database)
