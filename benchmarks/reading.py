"""Reading and filtering the CSV against DuckDB's bare count over the same filter, and look-ups in the tables."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from tasks.database import connect, run
from tasks.ingest import COLUMNS, ingest_ratings


def seconds(work: Callable[[], object], n: int = 3) -> float:
    """Return the median of n runs."""
    times = []
    for _ in range(n):
        started = time.monotonic()
        work()
        times.append(time.monotonic() - started)
    return statistics.median(times)


def main(path: str, published: str) -> None:
    """Print the seconds, and their ratio to the bare count."""
    count = "select count(*) from read_csv($path) where rating >= 4"
    bare = seconds(lambda: duckdb.connect().execute(count, {"path": path}).fetchall())
    print(f"bare count {bare:.2f}")
    print(f"typed, checked and filtered {(s := seconds(lambda: read_favourites(path))):.2f} ratio {s / bare:.2f}")
    print(f"ingest into the table ratings {(s := seconds(lambda: ingest(path))):.2f} ratio {s / bare:.2f}")
    queries = ("select * from recommendations where user_id = $id order by rank", "select * from recommend($id)")
    with duckdb.connect(published, read_only=True) as connection:
        for query in queries:
            ids = iter(range(1000, 100_000, 100))
            ms = 1000 * seconds(lambda q=query, ids=ids: connection.execute(q, {"id": next(ids)}).fetchall(), 200)
            print(f"{query} {ms:.2f} ms")


def read_favourites(path: str) -> None:
    """Read every column with its check into memory, and keep the favourites."""
    with connect(Path(":memory:")) as connection:
        for name in ("valid_id", "valid_rating", "valid_time"):
            run(connection, name)
        connection.execute(
            'create table favourites as select valid_id("userId"), valid_id("movieId"), valid_time("timestamp") '
            "from read_csv($path, header=true, auto_detect=false, quote='', escape='', store_rejects=true, "
            "columns=$columns) where valid_rating(rating) >= 4",
            {"path": path, "columns": dict.fromkeys(COLUMNS, "DOUBLE")},
        )


def ingest(path: str) -> None:
    """Do what a retrain does with the file."""
    with tempfile.TemporaryDirectory() as folder:
        ingest_ratings.fn(Path(folder) / "build.duckdb", Path(path).parent)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
