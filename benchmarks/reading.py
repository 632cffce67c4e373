"""Reading and filtering the CSV against DuckDB's bare count over the same filter, and look-ups in the tables."""

import sys
import tempfile
from pathlib import Path
from statistics import median

import duckdb

from benchmarks.measure import seconds
from tasks.engine.duckdb import DuckDBEngine, run
from tasks.source.header import COLUMNS
from tasks.source.ingest import ingest_ratings, read_numbers

ROUNDS = 5
LOOK_UPS = ("select * from recommendations where user_id = $id order by rank", "select * from recommend($id)")


def main(path: str, published: str) -> None:
    """Print the seconds of each way, and the median over the rounds of its ratio to the bare count."""
    ways = {
        "bare count": bare_count,
        "every column typed, checked and filtered": read_favourites,
        "ingest into the table ratings": ingest,
    }
    times = [{name: seconds(lambda way=way: way(path)) for name, way in ways.items()} for _ in range(ROUNDS)]
    for name in ways:
        ratio = median(run[name] / run["bare count"] for run in times)
        print(f"{name}: {median(run[name] for run in times):.2f} s, {ratio:.2f} times the bare count")
    with duckdb.connect(published, read_only=True) as connection:
        for query in LOOK_UPS:
            print(f"{query}: {1000 * median(look_up_seconds(connection, query)):.2f} ms")


def bare_count(path: str) -> None:
    """Count the favourites in the file, and nothing else."""
    with duckdb.connect() as connection:
        connection.execute("select count(*) from read_csv($path) where rating >= 4", {"path": path}).fetchall()


def read_favourites(path: str) -> None:
    """Read every column with its check into memory, and keep the favourites."""
    with DuckDBEngine(Path(":memory:")).connect() as connection:
        for name in ("valid_id", "valid_rating", "valid_time"):
            run(connection, f"source/{name}")
        connection.register("rating_numbers", read_numbers(Path(path), list(COLUMNS)))
        connection.execute(
            'create table favourites as select valid_id("userId"), valid_id("movieId"), valid_time("timestamp") '
            "from rating_numbers where valid_rating(rating) >= 4"
        )


def ingest(path: str) -> None:
    """Do what a retrain does with the file."""
    with tempfile.TemporaryDirectory() as folder:
        ingest_ratings(DuckDBEngine(Path(folder) / "build.duckdb"), Path(path).parent)


def look_up_seconds(connection: duckdb.DuckDBPyConnection, query: str) -> list[float]:
    """Return how long the query takes for each of some hundred users."""
    return [
        seconds(lambda user=user: connection.execute(query, {"id": user}).fetchall())
        for user in range(1000, 100_000, 500)
    ]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
