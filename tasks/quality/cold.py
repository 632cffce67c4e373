"""New users, of whom few favourites are known, and rare movies, which few users favourited."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions, favourites_of, select_users
from tasks.model.types import NO_MOVIES, ModelOptions, Ranking
from tasks.quality.baselines import excluded_of, popular
from tasks.quality.holdout import Trial, cut_short
from tasks.quality.metrics import Measured, find_hits, measure, recall
from tasks.quality.product import Product, fit_product, recommend_to

N_KNOWN = (1, 2, 3, 4)
NEW_USERS = (("NDCG", 10), ("HitRate", 10), ("Recall", 10))
RARE = {"0 to 2 favourites": (0, 2), "0 favourites": (0, 0), "1 or 2 favourites": (1, 2)}
RARE_DEPTH = 50
RARE_USERS = 500  # every movie is ranked for each of them


def measure_cold_users(
    users: Interactions, options: ModelOptions, withheld: NDArray[np.integer] = NO_MOVIES
) -> dict[str, dict[str, Measured]]:
    """Measure this product and the overall favourites on users who are not learned from, by their known favourites."""
    results = {}
    trials = cut_short(users, N_KNOWN, options.seed, withheld)
    first = trials[N_KNOWN[0]]
    product = fit_product(first.train, options, first.withheld)
    for n, trial in trials.items():
        excluded = excluded_of(trial.known, options.exclude_seen)
        results[f"{n} favourite{'s' if n > 1 else ''}"] = {
            "cinecluster": measure(recommend_to(trial.known, product, 10), trial, NEW_USERS),
            "overall favourites": measure(popular(trial, excluded, 10), trial, NEW_USERS),
        }
    return results if any(trial.n_users for trial in trials.values()) else {}


def measure_cold_movies(trial: Trial, product: Product, options: ModelOptions) -> dict[str, dict[str, Measured]]:
    """Measure Recall@50 among the movies with few favourites in the training part, against a random order of them.

    Held-out favourites of other movies do not count; the users are those who have any of these. What is never
    recommended is not found.
    """
    n_fans = np.bincount(favourites_of(trial.train).indices, minlength=trial.test.shape[1])
    results = {}
    for name, (fewest, most) in RARE.items():
        is_rare = (n_fans >= fewest) & (n_fans <= most)
        is_rare[trial.withheld] = False
        rare = narrow(trial, is_rare, options.seed)
        if rare.n_users:
            found = keep_movies(recommend_to(rare.known, product, len(n_fans)), is_rare, RARE_DEPTH)
            hits = find_hits(found, rare.test, RARE_DEPTH)
            chance = by_chance(rare, is_rare, options.exclude_seen)
            key = ("Recall", RARE_DEPTH)
            results[name] = {
                "cinecluster": Measured({key: recall(hits, RARE_DEPTH)}, {}),
                "random order": Measured({key: chance}, {}),
            }
    return results


def narrow(trial: Trial, is_rare: NDArray[np.bool_], seed: int) -> Trial:
    """Return the trial with held-out favourites among the rare movies only, and at most `RARE_USERS` users."""
    columns = np.flatnonzero(is_rare)
    rows = np.flatnonzero(np.diff(trial.test[:, columns].indptr))
    if len(rows) > RARE_USERS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, RARE_USERS, replace=False))
    chosen = np.zeros(trial.test.shape[0], dtype=bool)
    chosen[rows] = True
    test = csr_matrix(trial.test[chosen].multiply(is_rare))
    test.eliminate_zeros()
    return trial._replace(known=select_users(trial.known, chosen), test=test)


def keep_movies(found: Ranking, kept: NDArray[np.bool_], top_n: int) -> Ranking:
    """Return the ranking of some movies, without the others."""
    chosen = np.flatnonzero(kept[found.movie])
    rank = np.arange(len(chosen)) - np.searchsorted(found.user[chosen], found.user[chosen]) + 1
    chosen, rank = chosen[rank <= top_n], rank[rank <= top_n].astype(np.int32)
    user, movie, score = found.user[chosen], found.movie[chosen], found.score[chosen]
    return Ranking(user, rank, movie, score, found.cluster_score[chosen], found.item_score[chosen])


def by_chance(trial: Trial, is_rare: NDArray[np.bool_], exclude_seen: bool) -> NDArray[np.float64]:
    """Return the Recall@50 that each user's rare movies, without the excluded ones, have on average in random order."""
    excluded = excluded_of(trial.known, exclude_seen)
    n_excluded = excluded[:, np.flatnonzero(is_rare)].getnnz(axis=1)  # stored zeros are what was only seen
    n_left = is_rare.sum() - n_excluded
    return np.minimum(1, RARE_DEPTH / n_left)
