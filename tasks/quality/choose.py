"""The number of fine clusters that predicts held-out favourites best."""

import numpy as np

from tasks.blocks import Interactions, rank_movies, select_users
from tasks.model.fit import fit_fine_clusters, fit_model, known_of
from tasks.model.neighbours import place
from tasks.model.rank import rank
from tasks.model.types import ModelOptions, Movies, Ranking
from tasks.progress import report_progress
from tasks.quality.holdout import Split, hold_out
from tasks.quality.metrics import find_hits, ndcg

DEPTH = 10
FINEST = 1000  # fine clusters; beyond, time and memory grow and quality does not
USERS_A_CLUSTER = (32, 16, 8, 4)
NEAR = 0.99


def measure_quality(sample: Interactions, options: ModelOptions) -> dict[int, float]:
    """Return the held-out NDCG@10 for several numbers of fine clusters, on a sample of users and their favourites.

    It is empty where ``options.n_fine_clusters`` is a number, so that there is nothing to choose, or where no user
    has enough favourites.
    """
    if options.n_fine_clusters != "auto":
        return {}
    n_users = len(sample.user_ids)
    random = np.random.default_rng(options.seed)
    drawn = np.zeros(n_users, dtype=bool)
    drawn[random.choice(n_users, min(n_users, options.quality_users), replace=False)] = True
    users, *_ = rank_movies(select_users(sample, drawn))
    return try_fine_clusters(hold_out(users, "random", options.seed), options)


def try_fine_clusters(split: Split, options: ModelOptions) -> dict[int, float]:
    """Return the NDCG@10 on held-out favourites for several numbers of fine clusters; empty where none is held out."""
    quality: dict[int, float] = {}
    if split.test.nnz == 0:
        return quality
    n_users = len(split.train.user_ids)
    numbers = sorted({min(FINEST, max(1, n_users // users)) for users in USERS_A_CLUSTER})
    for done, number in enumerate(numbers, start=1):
        found = recommend(split.train, options, number, DEPTH)
        quality[number] = float(ndcg(find_hits(found, split.test, DEPTH), DEPTH).mean())
        report_progress(done, len(numbers))
    return quality


def recommend(train: Interactions, options: ModelOptions, n_fine_clusters: int, top_n: int) -> Ranking:
    """Return what a retrain on the interactions would recommend to all of their users."""
    ranked, columns, n_fans = rank_movies(train)
    movies = Movies(columns.astype(np.int32), n_fans, len(train.user_ids))
    space, groups = fit_fine_clusters(ranked, movies, n_fine_clusters, options)
    model, groups = fit_model(ranked, movies, space, groups, options, lambda count: count(ranked))
    best = rank(ranked, place(ranked, model, known_of(ranked, groups)), model, top_n)
    return best._replace(movie=model.movie_ids[best.movie])


def choose_n_fine_clusters(n_fine_clusters: int | str, quality: dict[int, float], n_users: int) -> int:
    """Return the number of fine clusters that was given, or the largest one whose quality is near the best.

    Near is within a hundredth: finer clusters recommend more different movies.
    """
    if isinstance(n_fine_clusters, int):
        return n_fine_clusters
    near = [number for number, value in quality.items() if value >= NEAR * max(quality.values())]
    return max(near, default=max(1, n_users // USERS_A_CLUSTER[-1]))
