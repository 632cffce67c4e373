"""The number of clusters at the elbow: from samples of users with several seeds, against fits on all users."""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.config import RetrainConfig
from tasks.favourites.log import ingest_favourites_log
from tasks.model.clusters import Points, embedding
from tasks.model.elbow import choose_n_clusters, measure_wcss
from tasks.source.ingest import ingest_ratings
from tasks.stations.incidence import load_evidence, load_incidence, select_favourites

SEEDS = range(10)


def main(source: str) -> None:
    """Print the number picked from all users, and those picked from samples, with the seconds of each."""
    c = RetrainConfig(source=Path(source))
    points = embed(c)
    wcss, seconds = measure(points, c, None, c.seed)
    full = choose_n_clusters(wcss, c.elbow_rule, c.elbow_boundary)
    print(f"all {points.shape[0]:,} users: {full} clusters, {seconds:.1f} s", flush=True)
    for seed in SEEDS:
        sampled, seconds = measure(points, c, c.elbow_users, seed)
        n_clusters = choose_n_clusters(sampled, c.elbow_rule, c.elbow_boundary)
        off = np.abs(sampled / wcss - 1).max()
        print(f"sample, seed {seed}: {n_clusters} clusters, {seconds:.1f} s, WCSS within {off:.2%}", flush=True)


def embed(c: RetrainConfig) -> Points:
    """Return the points that a retrain clusters."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "build.duckdb"
        ingest_ratings.fn(database, c.source)
        ingest_favourites_log.fn(database, Path(folder) / "none.duckdb")
        select_favourites.fn(database, c.min_rating)
        incidence = load_incidence.fn(database)
        evidence = load_evidence.fn(database, incidence.matrix.shape, c.min_rating, c.watched_weight)
    return embedding(incidence.matrix, evidence, c.weighting, c.n_components, c.recency, c.seed)


def measure(points: Points, c: RetrainConfig, n_users: int | None, seed: int) -> tuple[NDArray[np.float64], float]:
    """Return the WCSS curve of ``n_users`` users, all of them if None, and its seconds."""
    started = time.monotonic()
    wcss = measure_wcss.fn(points, c.max_clusters, c.n_init, c.max_iter, n_users, seed)
    return wcss, time.monotonic() - started


if __name__ == "__main__":
    main(sys.argv[1])
