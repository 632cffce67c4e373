"""The number of clusters at the elbow: from samples of users with several seeds, against fits on all users."""

import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.learning import read_users
from flows.config import RetrainOptions
from tasks.model.elbow import find_elbow, measure_wcss
from tasks.model.embedding import embed
from tasks.model.types import ModelOptions, Points

SEEDS = range(10)


def main(source: str) -> None:
    """Print the number picked from all users, and those picked from samples, with the seconds of each."""
    options = RetrainOptions().model
    users, movies = read_users(Path(source))
    points = embed(users, movies, options)[1]
    wcss, seconds = measure(points, options._replace(elbow_users=None))
    print(f"all {len(users.user_ids):,} users: {find_elbow(wcss, options)} clusters, {seconds:.1f} s", flush=True)
    for seed in SEEDS:
        sampled, seconds = measure(points, options._replace(seed=seed))
        off = np.abs(sampled / wcss - 1).max()
        n_clusters = find_elbow(sampled, options)
        print(f"sample, seed {seed}: {n_clusters} clusters, {seconds:.1f} s, WCSS within {off:.2%}", flush=True)


def measure(points: Points, options: ModelOptions) -> tuple[NDArray[np.float64], float]:
    """Return the WCSS curve and its seconds."""
    started = time.monotonic()
    return measure_wcss(points, points.shape[0], options), time.monotonic() - started


if __name__ == "__main__":
    main(sys.argv[1])
