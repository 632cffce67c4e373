"""What a retrain chooses by held-out favourites: the number of fine clusters, and the settings of the item model."""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from tasks.blocks import Interactions, select_movies
from tasks.model.draw import draw_users
from tasks.model.items import count_items
from tasks.model.types import CLUSTERS_ALONE, ItemSettings, ModelOptions, Movies
from tasks.progress import report_progress
from tasks.quality.holdout import Split, hold_out
from tasks.quality.item_search import STAGES, WEIGHTS, Tried, at_once, search_settings
from tasks.quality.mixture import Mixture, make_mixture, ndcg_of_clusters, train_on

FINEST = 1000  # fine clusters; beyond, time and memory grow and quality does not
USERS_A_CLUSTER = (16, 8, 4)
NEAR = 0.97
MANY_RETURNING = 100  # users with favourites before and after a moment, from which a cut there tells something
FEW_USERS, FEW_EACH = 3_000, 20  # users, or favourites of each, for which one split is too much of a chance
FEWEST_FAVOURITES = 4  # of a user of a trial: what one with five, of whom an evaluation holds one out, has left
MOST_ENTRIES = 400_000  # interactions that are learned from to choose


class Choice(NamedTuple):
    """What was chosen, and the held-out NDCG@10 of all that was tried.

    n_fine_clusters : 0 for none.
    items : settings of the item model.
    by_n_fine_clusters : quality of the clusters alone; empty where there was nothing to choose.
    tried : settings of the item model that were tried, and their quality.
    by_user : NDCG@10 of what was chosen, by user id, of a fifth of their favourites held out by chance; the users are
        those with the lowest hashes, so that two runs share most of them. Empty where nothing was tried.
    """

    n_fine_clusters: int
    items: ItemSettings
    by_n_fine_clusters: dict[int, float]
    tried: list[Tried]
    by_user: dict[int, float]


def choose_settings(sample: Interactions, movies: Movies, options: ModelOptions) -> Choice:
    """Return the number of fine clusters and the settings of the item model that predict held-out favourites best.

    They are learned from the training part of some users, and measured on ``quality_users`` of them. Most matrices are
    small: more threads of BLAS would wait for each other, on a busy machine for minutes.

    Parameters
    ----------
    sample : users; columns are ``movies``.
    movies : the movies of all users, of which the item model will know the most favourited.
    options : with the seed, and what is given instead of chosen.
    """
    with threadpool_limits(1, "blas"):
        return choose_by_trials(sample, count_items(movies.n_fans, movies.n_users), options)


def choose_by_trials(sample: Interactions, n_items: int, options: ModelOptions) -> Choice:
    """Return what is best on held-out favourites."""
    users = in_no_order(users_to_try(sample, options.seed), options.seed)
    splits = [split for split in ways_to_hold_out(users, options.seed) if split.test.nnz]
    trained = at_once(partial(train_on, options=options), splits)
    trained = [each for each in trained if each.test.nnz]  # held-out favourites that nobody else has are gone
    mixture_of = cache(lambda number, n_fine_clusters: make_mixture(trained[number], options, n_fine_clusters, n_items))
    quality: dict[int, float] = {}
    if options.n_fine_clusters == "auto" and trained:
        quality = try_fine_clusters(len(users.user_ids), partial(mixture_of, 0))
    report_progress(1, STAGES)
    n_fine_clusters = choose_n_fine_clusters(options.n_fine_clusters, quality, len(sample.user_ids))
    n_tried = choose_n_fine_clusters(options.n_fine_clusters, quality, len(users.user_ids)) or 15
    if not trained or options.weighting == "none":
        return Choice(n_fine_clusters, CLUSTERS_ALONE, quality, [], {})
    if options.item_weight == 0:
        first = mixture_of(0, n_tried)
        by_user = ndcg_of_clusters(first).tolist()
        return Choice(n_fine_clusters, CLUSTERS_ALONE, quality, [], named(first, by_user))
    mixtures = at_once(lambda number: mixture_of(number, n_tried), range(len(trained)))
    weights = WEIGHTS if options.item_weight == "auto" else (float(options.item_weight),)
    best, tried = search_settings(mixtures, weights)
    return Choice(n_fine_clusters, best.settings, quality, tried, named(mixtures[0], best.by_user))


def named(mixture: Mixture, ndcg: list[float]) -> dict[int, float]:
    """Return the NDCG by the id of the user, of those who have held-out favourites among the movies that are ranked."""
    user_ids = mixture.users.user_ids[np.diff(mixture.test.indptr) > 0]
    return dict(zip(user_ids.tolist(), ndcg, strict=True))


def users_to_try(sample: Interactions, seed: int) -> Interactions:
    """Return users with about ``MOST_ENTRIES`` interactions at most."""
    return draw_users(sample, MOST_ENTRIES * len(sample.user_ids) // max(1, sample.weights.nnz), seed + 1)


def in_no_order(users: Interactions, seed: int) -> Interactions:
    """Return users with their movies in an order that tells nothing."""
    return select_movies(users, np.random.default_rng(seed).permutation(users.weights.shape[1]))


def ways_to_hold_out(users: Interactions, seed: int) -> list[Split]:
    """Return splits by chance, two of few users or favourites, and where times are known one by the time of each user.

    Where many users come back after one moment, there is one by that moment, too.
    """
    n_users, n_favourites = len(users.user_ids), np.count_nonzero(users.weights.data == 1)
    kinds = ["random", "random"] if n_users < FEW_USERS or n_favourites < FEW_EACH * n_users else ["random"]
    if users.seconds.any():
        kinds += ["temporal", "cut"]
    splits = [hold_out(users, kind, seed + number, FEWEST_FAVOURITES) for number, kind in enumerate(kinds)]
    if kinds[-1] == "cut" and np.count_nonzero(np.diff(splits[-1].test.indptr)) < MANY_RETURNING:
        splits.pop()
    return splits


def try_fine_clusters(n_users: int, mixture_of: Callable[[int], Mixture]) -> dict[int, float]:
    """Return the NDCG@10 of the clusters alone on held-out favourites, for several numbers of fine clusters."""
    numbers = sorted({min(FINEST, max(1, n_users // users)) for users in USERS_A_CLUSTER})
    qualities = at_once(lambda number: float(ndcg_of_clusters(mixture_of(number)).mean()), numbers)
    return dict(zip(numbers, qualities, strict=True))


def choose_n_fine_clusters(n_fine_clusters: int | str, quality: dict[int, float], n_users: int) -> int:
    """Return the number of fine clusters that was given, or the largest one whose quality is near the best.

    Near is within three hundredths: with the item model such differences vanish, and finer clusters recommend more
    different movies.
    """
    if isinstance(n_fine_clusters, int):
        return n_fine_clusters
    near = [number for number, value in quality.items() if value >= NEAR * max(quality.values())]
    return max(near, default=max(1, n_users // USERS_A_CLUSTER[-1]))
