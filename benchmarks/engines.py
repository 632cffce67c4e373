"""The retrain on Spark beside that on DuckDB, each learned anew from the same training part, on held-out favourites.

``python -m benchmarks.engines data/demo sail 0 1 2 3 4``: a source, the URL of Spark, and the seeds of the splits.
"""

import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.compare import CINECLUSTER
from benchmarks.learning import read_users
from benchmarks.measure import measure
from tasks.blocks import Interactions
from tasks.model.types import Ranking
from tasks.quality.holdout import Split, hold_out
from tasks.quality.metrics import bootstrap_means, find_hits, ndcg, summary

DEPTH = 10
RATING = {1.0: 5.0, 0.5: 3.5, 0.0: 1.0}  # of a favourite, a near favourite, and what was only seen


def main(source: str, spark: str, *seeds: str) -> None:
    """Print a row for each split."""
    users, movies = read_users(Path(source))
    print("| seed | users | DuckDB, NDCG@10 | Spark | ratio (95 %) | equal rows | seconds, DuckDB | Spark |")
    print("|---:|---:|---:|---:|---|---:|---:|---:|")
    for seed in map(int, seeds):
        with tempfile.TemporaryDirectory() as folder:
            print_split(Path(folder), hold_out(users, "random", seed), movies.movie_ids, spark, seed)


def print_split(folder: Path, split: Split, movie_ids: NDArray[np.int32], spark: str, seed: int) -> None:
    """Retrain on both engines, and print the row."""
    write_ratings(folder, split.train, movie_ids)
    found, seconds = {}, {}
    for engine, options in {
        "duckdb": (),
        "spark": ("--engine", "spark", "--spark", spark, "--work-dir", f"{folder}/work"),
    }.items():
        database = folder / f"{engine}.duckdb"
        places = ("--source", str(folder), "--database", str(database), "--reports", f"{folder}/{engine}")
        seconds[engine] = measure(CINECLUSTER, "retrain", *places, *options, "--seed", str(seed)).seconds
        found[engine] = read_best(database, split.train.user_ids, movie_ids)
    values = [ndcg(find_hits(each, split.test, DEPTH), DEPTH) for each in found.values()]
    means = np.vstack([np.mean(values, axis=1), bootstrap_means(np.column_stack(values), seed)])
    ratio, low, high = summary(means[:, 1] / means[:, 0])
    equal = np.mean(found["duckdb"].movie == found["spark"].movie)
    cells = [seed, f"{len(values[0]):,}", *(f"{mean:.4f}" for mean in means[0])]
    cells += [f"{ratio:.4f} ({low:.4f} to {high:.4f})", f"{equal:.2%}", *(f"{each:.0f}" for each in seconds.values())]
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def write_ratings(folder: Path, train: Interactions, movie_ids: NDArray[np.int32]) -> None:
    """Write ratings.csv with what is known of the users."""
    weights = train.weights
    pl.DataFrame(
        {
            "userId": np.repeat(train.user_ids, np.diff(weights.indptr)),
            "movieId": movie_ids[weights.indices],
            "rating": [RATING[weight] for weight in weights.data.tolist()],
            "timestamp": train.seconds,
        }
    ).write_csv(folder / "ratings.csv")


def read_best(database: Path, user_ids: NDArray[np.int32], movie_ids: NDArray[np.int32]) -> Ranking:
    """Return the published recommendations in terms of rows and columns, by user and rank."""
    with duckdb.connect(database, read_only=True) as connection:
        query = "from recommendations where rank <= $depth order by user_id, rank"
        rows = connection.execute(query, {"depth": DEPTH}).fetchnumpy()
    columns = np.zeros(int(movie_ids.max()) + 1, dtype=np.int64)
    columns[movie_ids] = np.arange(len(movie_ids))
    user, movie = np.searchsorted(user_ids, rows["user_id"]), columns[rows["movie_id"]]
    return Ranking(user, np.asarray(rows["rank"]), movie, rows["score"], rows["score"], rows["score"])


if __name__ == "__main__":
    main(*sys.argv[1:])
