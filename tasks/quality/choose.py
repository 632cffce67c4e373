"""What a retrain chooses by held-out favourites: the number of fine clusters, and the settings of the item model."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache, partial
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from tasks.blocks import Interactions, select_movies
from tasks.model.draw import draw_users
from tasks.model.items import add_low_rank, discounted, gram_of, low_rank_weights, rarity, regression_weights
from tasks.model.types import CLUSTERS_ALONE, ItemSettings, ModelOptions
from tasks.progress import report_progress
from tasks.quality.holdout import Split, hold_out
from tasks.quality.mixture import Mixture, make_mixture, ndcg_of, train_on

FINEST = 1000  # fine clusters; beyond, time and memory grow and quality does not
USERS_A_CLUSTER = (16, 8, 4)
NEAR = 0.97
MANY_RETURNING = 300  # users with favourites before and after a moment, from which a cut there tells something
FEW_USERS = 3_000  # for whom one split is too much of a chance
MOST_ENTRIES = 400_000  # interactions that are learned from to choose
STRENGTHS = (2.0, 8.0, 32.0)
WEIGHTS = (0.0, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)
REGULARISATION_POWERS = (0.0, 0.25)  # beside the usual one
LOW_RANKS = (0.0, 0.15, 0.3, 0.6)
RARITY_POWERS = (0.0, 0.05, 0.1, 0.15)
USUAL = ItemSettings(
    strength=8.0, regularisation_power=0.5, low_rank=0.15, weight=0.65, rarity_power=0.05, recency=0.3, unit=1.0
)
THREADS = 2
FLAT = 0.997  # of settings that are this near to the best, the one most like the usual ones is taken


class Choice(NamedTuple):
    """What was chosen, and the held-out NDCG@10 of all that was tried.

    n_fine_clusters : 0 for none.
    items : settings of the item model.
    by_n_fine_clusters : quality of the clusters alone; empty where there was nothing to choose.
    by_items : quality of settings of the item model: the geometric mean over the ways of holding out.
    by_user : NDCG@10 of what was chosen, by user id, of a fifth of their favourites held out by chance; the users are
        those with the lowest hashes, so that two runs share most of them. Empty where nothing was tried.
    """

    n_fine_clusters: int
    items: ItemSettings
    by_n_fine_clusters: dict[int, float]
    by_items: dict[ItemSettings, float]
    by_user: dict[int, float]


def choose_settings(sample: Interactions, options: ModelOptions) -> Choice:
    """Return the number of fine clusters and the settings of the item model that predict held-out favourites best.

    They are learned from the training part of some users, and measured on ``quality_users`` of them. The matrices are
    small: more threads of BLAS would wait for each other, on a busy machine for minutes.
    """
    with threadpool_limits(1, "blas"):
        return choose_by_trials(sample, options)


def choose_by_trials(sample: Interactions, options: ModelOptions) -> Choice:
    """Return what is best on held-out favourites."""
    users = users_to_try(sample, options.seed)
    trained = [train_on(split, options) for split in ways_to_hold_out(users, options.seed) if split.test.nnz]
    trained = [each for each in trained if each.test.nnz]  # held-out favourites that nobody else has are gone
    mixture_of = cache(lambda number, n_fine_clusters: make_mixture(trained[number], options, n_fine_clusters))
    quality: dict[int, float] = {}
    if options.n_fine_clusters == "auto" and trained:
        quality = try_fine_clusters(len(users.user_ids), partial(mixture_of, 0))
    n_fine_clusters = choose_n_fine_clusters(options.n_fine_clusters, quality, len(sample.user_ids))
    n_tried = choose_n_fine_clusters(options.n_fine_clusters, quality, len(users.user_ids)) or 15
    if not trained or options.weighting == "none":
        return Choice(n_fine_clusters, CLUSTERS_ALONE, quality, {}, {})
    if options.item_weight == 0:
        first = mixture_of(0, n_tried)
        return Choice(n_fine_clusters, CLUSTERS_ALONE, quality, {}, named(first, ndcg_of(first, first.clusters.copy())))
    mixtures = [mixture_of(number, n_tried) for number in range(len(trained))]
    grams = [gram_of(each.train, mixture.clusters.shape[1]) for each, mixture in zip(trained, mixtures, strict=True)]
    tried, ndcgs = try_items(mixtures, grams, options)
    items = most_usual(tried, USUAL)
    return Choice(n_fine_clusters, items, quality, tried, named(mixtures[0], ndcgs[items]))


def named(mixture: Mixture, ndcg: NDArray[np.float64]) -> dict[int, float]:
    """Return the NDCG by the id of the user, of those who have held-out favourites among the movies that are ranked."""
    user_ids = mixture.users.user_ids[np.diff(mixture.test.indptr) > 0]
    return dict(zip(user_ids.tolist(), ndcg.tolist(), strict=True))


def users_to_try(sample: Interactions, seed: int) -> Interactions:
    """Return users with about ``MOST_ENTRIES`` interactions at most, and movies in an order that tells nothing."""
    n_users = MOST_ENTRIES * len(sample.user_ids) // max(1, sample.weights.nnz)
    users = draw_users(sample, n_users, seed + 1)
    return select_movies(users, np.random.default_rng(seed).permutation(users.weights.shape[1]))


def ways_to_hold_out(users: Interactions, seed: int) -> list[Split]:
    """Return splits by chance, two of few users, and where times are known one by the time of each user.

    Where many users come back after one moment, there is one by that moment, too.
    """
    kinds = ["random", "random"] if len(users.user_ids) < FEW_USERS else ["random"]
    if users.seconds.any():
        kinds += ["temporal", "cut"]
    splits = [hold_out(users, kind, seed + number) for number, kind in enumerate(kinds)]
    if kinds[-1] == "cut" and np.count_nonzero(np.diff(splits[-1].test.indptr)) < MANY_RETURNING:
        splits.pop()
    return splits


def try_fine_clusters(n_users: int, mixture_of: Callable[[int], Mixture]) -> dict[int, float]:
    """Return the NDCG@10 of the clusters alone on held-out favourites, for several numbers of fine clusters."""
    quality: dict[int, float] = {}
    numbers = sorted({min(FINEST, max(1, n_users // users)) for users in USERS_A_CLUSTER})
    for done, number in enumerate(numbers, start=1):
        mixture = mixture_of(number)
        quality[number] = float(ndcg_of(mixture, mixture.clusters.copy()).mean())
        report_progress(done, len(numbers))
    return quality


def choose_n_fine_clusters(n_fine_clusters: int | str, quality: dict[int, float], n_users: int) -> int:
    """Return the number of fine clusters that was given, or the largest one whose quality is near the best.

    Near is within three hundredths: with the item model such differences vanish, and finer clusters recommend more
    different movies.
    """
    if isinstance(n_fine_clusters, int):
        return n_fine_clusters
    near = [number for number, value in quality.items() if value >= NEAR * max(quality.values())]
    return max(near, default=max(1, n_users // USERS_A_CLUSTER[-1]))


def try_items(
    mixtures: list[Mixture], grams: list[NDArray[np.float64]], options: ModelOptions
) -> tuple[dict[ItemSettings, float], dict[ItemSettings, NDArray[np.float64]]]:
    """Return the quality of settings of the item model that were tried.

    Beside it stands each user's NDCG@10 on the first way of holding out.
    """
    tried: dict[ItemSettings, float] = {}
    ndcgs: dict[ItemSettings, NDArray[np.float64]] = {}
    weights = WEIGHTS if options.item_weight == "auto" else (float(options.item_weight),)
    has_times = any(mixture.users.seconds.any() for mixture in mixtures)
    start = USUAL._replace(recency=USUAL.recency if has_times else 0.0)
    items_of = items_by_settings(grams)

    def try_each(settings: list[ItemSettings]) -> None:
        """Add the quality of settings that differ in weight and rarity alone to ``tried``."""
        scores = [
            np.asarray(discounted(mixture.users, len(items), settings[0].recency) @ items)
            for mixture, items in zip(mixtures, items_of(settings[0]), strict=True)
        ]
        units = [unit_of(mixture, items) for mixture, items in zip(mixtures, scores, strict=True)]
        unit = float(f"{np.mean(units):.3g}")  # few digits, on which all processors agree
        for mixed in (each._replace(unit=unit) for each in settings):
            tried[mixed], ndcgs[mixed] = measure_mixed(mixtures, scores, mixed)

    search(tried, try_each, start, weights)
    return tried, ndcgs


def search(
    tried: dict[ItemSettings, float],
    try_each: Callable[[list[ItemSettings]], None],
    start: ItemSettings,
    weights: tuple[float, ...],
) -> None:
    """Have strength and weight tried together, then the other settings one after the other, each beside the best."""
    for strength in STRENGTHS:
        try_each([start._replace(strength=strength, weight=weight) for weight in weights])
    best = max(tried, key=lambda settings: tried[settings])
    for strength in (best.strength / 2, best.strength * 2):
        try_each([start._replace(strength=strength, weight=weight) for weight in weights])
    chosen = most_usual(tried, start)
    if not chosen.weight:
        return
    for power, factor in product(REGULARISATION_POWERS, (1, 2)):
        try_each([chosen._replace(regularisation_power=power, strength=factor * chosen.strength)])
    chosen = most_usual(tried, start)
    for low_rank in LOW_RANKS:
        try_each([chosen._replace(low_rank=low_rank)])
    chosen = most_usual(tried, start)
    try_each([chosen._replace(rarity_power=power) for power in RARITY_POWERS])


def items_by_settings(grams: list[NDArray[np.float64]]) -> Callable[[ItemSettings], list[NDArray[np.float32]]]:
    """Return a function that returns the item model of each Gram matrix for some settings.

    It keeps the last regressions, which are asked for in a row, and no more, for they are large.
    """

    def on_each(make: Callable[[NDArray[np.float64]], NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(make, grams))

    parts = cache(lambda: on_each(low_rank_weights))
    regressions = lru_cache(maxsize=1)(
        lambda strength, power: on_each(partial(regression_weights, strength=strength, power=power))
    )

    def items_of(settings: ItemSettings) -> list[NDArray[np.float32]]:
        weights = regressions(settings.strength, settings.regularisation_power)
        return [
            add_low_rank(regression, part, settings.low_rank, gram)
            for regression, part, gram in zip(weights, parts(), grams, strict=True)
        ]

    return items_of


def unit_of(mixture: Mixture, items: NDArray[np.float32]) -> float:
    """Return the mean score by the clusters of held-out favourites, as a multiple of that by the item model."""
    by_clusters, by_items = (sum_of(mixture.test, scores) for scores in (mixture.clusters, items))
    return max(by_clusters, 1e-9) / max(by_items, 1e-9)


def sum_of(test: csr_matrix, scores: NDArray[np.float32]) -> float:
    """Return the sum of the scores of held-out favourites; they are 0 beyond the columns."""
    rows, columns = test.nonzero()
    known = columns < scores.shape[1]
    return float(scores[rows[known], columns[known]].sum(dtype=np.float64))


def measure_mixed(
    mixtures: list[Mixture], items: list[NDArray[np.float32]], settings: ItemSettings
) -> tuple[float, NDArray[np.float64]]:
    """Return the geometric mean of the quality with the scores of clusters and items mixed.

    Beside it stands each user's NDCG@10 on the first way of holding out.
    """

    def measure(mixture: Mixture, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return each user's NDCG on one way of holding out."""
        mixed = mixture.clusters * np.float32(1 - settings.weight)
        mixed[:, : scores.shape[1]] += scores * np.float32(settings.weight * settings.unit)
        if settings.rarity_power:
            mixed *= rarity(mixture.popularity, settings.rarity_power)
        return ndcg_of(mixture, mixed)

    with ThreadPoolExecutor(THREADS) as pool:
        ndcgs = list(pool.map(measure, mixtures, items))
    values = [ndcg.mean() for ndcg in ndcgs]
    return float(np.exp(np.log(np.maximum(values, 1e-6)).mean())), ndcgs[0]


def most_usual(tried: dict[ItemSettings, float], usual: ItemSettings) -> ItemSettings:
    """Return the settings most like the ``usual`` ones, of those whose quality is near the best.

    The best is flat: else a small sample would choose noise.
    """
    good = [settings for settings, value in tried.items() if value >= FLAT * max(tried.values())]
    return min(good, key=lambda settings: distance(settings, usual))


def distance(a: ItemSettings, b: ItemSettings) -> float:
    """Return how far apart two settings are."""
    return (
        abs(float(np.log2(a.strength / b.strength)))
        + 2 * abs(a.regularisation_power - b.regularisation_power)
        + 3 * abs(a.low_rank - b.low_rank)
        + 5 * abs(a.weight - b.weight)
        + 10 * abs(a.rarity_power - b.rarity_power)
    )
