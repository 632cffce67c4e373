"""implicit's ALS on the same favourites: training, and 20 recommendations for every user."""

import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # implicit has threads of its own

import numpy as np
from implicit.als import AlternatingLeastSquares

from benchmarks.incidence import read_incidence

BLOCK = 10_000


def main(path: str, factors: int) -> None:
    """Train and recommend, and print the seconds of each."""
    incidence = read_incidence(path)
    started = time.monotonic()
    model = AlternatingLeastSquares(factors=factors, regularization=10.0, alpha=8.0, random_state=0)
    model.fit(incidence, show_progress=False)
    trained = time.monotonic()
    for start in range(0, incidence.shape[0], BLOCK):
        users = np.arange(start, min(incidence.shape[0], start + BLOCK))
        model.recommend(users, incidence[users], N=20, filter_already_liked_items=True)
    print(f"Train   {trained - started:.1f} s\nRecommend to all   {time.monotonic() - trained:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
