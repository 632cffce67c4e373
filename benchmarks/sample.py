"""What the number of users that the clusters are learned from does to quality, on held-out favourites.

``python -m benchmarks.sample data/ml-latest-small 3 100 200 400 610``: a source, how often to split it at random, and
the sizes of the sample, the one that the others are compared with last. Counts, shares and the Gram matrix of the item
model come from all users, whatever the sample, as in a retrain.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.learning import read_users
from flows.config import RetrainOptions
from tasks.blocks import Interactions, favourites_of, select_users
from tasks.model.draw import draw_users
from tasks.model.fit import fit_fine_clusters, known_of, with_movies
from tasks.quality.choose import choose_settings
from tasks.quality.holdout import draw_tested, hold_out
from tasks.quality.metrics import bootstrap_means, coverage, find_hits, ndcg, summary
from tasks.quality.product import Product, recommend_to
from tasks.quality.strength import fit_for_all

MOST_TESTED = 25_000
DEPTH = 10


def main(source: str, n_seeds: str, *sizes: str) -> None:
    """Print a row for each size of the sample."""
    users, _ = read_users(Path(source))
    found = [[measure(users, int(size), seed) for size in sizes] for seed in range(int(n_seeds))]
    values = np.concatenate([np.column_stack([each[0] for each in row]) for row in found])
    means = np.vstack([values.mean(axis=0), bootstrap_means(values, 0)])
    print("| users in the sample | NDCG@10 | of that of the last row | coverage@10 |\n|---:|---:|---:|---:|")
    for column, size in enumerate(sizes):
        ratio, low, high = summary(means[:, column] / means[:, -1])
        covered = np.mean([row[column][1] for row in found])
        print(f"| {size} | {means[0, column]:.4f} | {ratio:.3f} ({low:.3f} to {high:.3f}) | {covered:.3f} |")


def measure(users: Interactions, n_users: int, seed: int) -> tuple[NDArray[np.float64], float]:
    """Return each tested user's NDCG, and the coverage, of what is recommended from a sample of ``n_users``."""
    split = hold_out(users, "random", seed)
    product = learn(split.train, n_users, seed)
    tested = draw_tested(split.test, users.user_ids, MOST_TESTED, seed + 1)
    best = recommend_to(select_users(split.train, tested), product, DEPTH)
    hits = find_hits(best, split.test[tested], DEPTH)
    return ndcg(hits, DEPTH), coverage(hits, DEPTH, favourites_of(split.train))


def learn(train: Interactions, n_users: int, seed: int) -> Product:
    """Return what a retrain with ``--fit-users`` would learn."""
    options = RetrainOptions(seed=seed).model
    ranked, movies = with_movies(train)
    sample = draw_users(ranked, n_users, seed)
    choice = choose_settings(sample, movies, options)
    fit = fit_fine_clusters(sample, movies, choice.n_fine_clusters, options)
    model, fit, settings = fit_for_all(fit, options, choice.items, lambda count: count(ranked))
    setting = {"n_fine_clusters": choice.n_fine_clusters, **settings._asdict()}
    print(f"seed {seed}, {n_users} users: {setting}", file=sys.stderr, flush=True)
    return Product(model, movies.movie_ids, known_of(fit), setting, 0.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
