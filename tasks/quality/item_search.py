"""The search for the settings of the item model that predict held-out favourites best."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tasks.model.items import rarity
from tasks.model.types import ItemSettings
from tasks.progress import report_progress
from tasks.quality.item_scores import Basis, ItemScores, basis_of, score_items
from tasks.quality.mixture import Mixture, head_of, ndcg_of

STRENGTHS = (2.0, 8.0, 32.0)
WEIGHTS = (0.0, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)
REGULARISATION_POWERS = (0.0, 0.25)  # beside the usual one
LOW_RANKS = (0.0, 0.15, 0.3, 0.6)
RARITY_POWERS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25)
USUAL = ItemSettings(
    strength=8.0,
    regularisation_power=0.5,
    low_rank=0.15,
    weight=0.65,
    rarity_power=0.05,
    recency=0.3,
    session_weight=1.0,
    unit=1.0,
)
THREADS = 2
STAGES = 4  # of the choice: fine clusters, strengths, powers of the regularisation, the mix
MOST_AT_ONCE = 4000  # movies up to which the matrices of several trials fit into memory side by side
FLAT = 0.997  # of settings that are this near to the best, the one most like the usual ones is taken
FLAT_RARITY = 0.995  # of rarity powers that are this near to the best, the largest is taken

Result = TypeVar("Result")
Scores = tuple[ItemScores, ...]  # one for each way of holding out


class Tried(NamedTuple):
    """How settings of the item model recommended held-out favourites.

    settings : what was tried.
    n_ranked : how many of the most favourited movies were ranked on the first way of holding out.
    by_way : NDCG@10 on each way of holding out.
    by_user : NDCG@10 of each user on the first way of holding out.
    """

    settings: ItemSettings
    n_ranked: int
    by_way: list[float]
    by_user: list[float]

    @property
    def quality(self) -> float:
        """NDCG@10, the geometric mean over the ways of holding out."""
        return float(np.exp(np.log(np.maximum(self.by_way, 1e-6)).mean()))


def search_settings(mixtures: list[Mixture], weights: tuple[float, ...] = WEIGHTS) -> tuple[Tried, list[Tried]]:
    """Return the settings to take, and all that were tried.

    The best strength for each power of the regularisation is found with the most favourited movies, the rest with all
    that are ranked.
    """
    has_times = any(mixture.users.seconds.any() for mixture in mixtures)
    start = USUAL if has_times else USUAL._replace(recency=0.0, session_weight=0.0)
    by_head = search_strength([head_of(mixture) for mixture in mixtures], start, weights)
    report_progress(2, STAGES)
    by_power, best, scores = try_powers(mixtures, by_head, start)
    report_progress(3, STAGES)
    usual = start._replace(strength=best.settings.strength, regularisation_power=best.settings.regularisation_power)
    chosen, mixed = search_mix(mixtures, scores, best, usual, weights)
    tried = by_head + by_power + mixed  # some twice where the head is all
    return chosen, list({(each.settings, each.n_ranked): each for each in tried}.values())


def search_strength(heads: list[Mixture], start: ItemSettings, weights: tuple[float, ...]) -> list[Tried]:
    """Have strength and weight tried together, then other powers of the regularisation beside the best."""
    bases = at_once(partial(basis_of, settings=start), heads)
    tried: list[Tried] = []

    def try_each(settings: list[ItemSettings], weights: tuple[float, ...]) -> None:
        """Try each of the settings with each of the weights."""
        scores = score_each(bases, settings)
        mixed = [one._replace(weight=weight) for one in settings for weight in weights]
        tried.extend(measure(heads, [one for one in scores for _ in weights], mixed))

    try_each([start._replace(strength=strength) for strength in STRENGTHS], weights)
    best = max(tried, key=lambda each: each.quality).settings
    try_each([best._replace(strength=best.strength * factor) for factor in (0.5, 2)], weights)
    chosen = most_usual(tried, start).settings
    if chosen.weight:
        others = [
            chosen._replace(regularisation_power=power, strength=factor * chosen.strength)
            for power, factor in product(REGULARISATION_POWERS, (0.5, 1))
        ]
        try_each(others, (chosen.weight,))
    return tried


def try_powers(mixtures: list[Mixture], by_head: list[Tried], start: ItemSettings) -> tuple[list[Tried], Tried, Scores]:
    """Have the best of each power tried with all movies, the usual one first; return all, the best one, its scores.

    Which power is best depends on movies with few favourites. Another one has to be better by what is not flat.
    """
    powers = dict.fromkeys(each.settings.regularisation_power for each in by_head)
    of_powers = [[each for each in by_head if each.settings.regularisation_power == power] for power in powers]
    settings = [most_usual(of_power, start).settings for of_power in of_powers]
    if len(mixtures[0].popularity) <= MOST_AT_ONCE:
        scores = score_each(at_once(partial(basis_of, settings=start), mixtures), settings)
    else:
        scores = list(zip(*(score_alone(mixture, settings) for mixture in mixtures), strict=True))
    tried = measure(mixtures, scores, settings)
    best = 0
    for number, each in enumerate(tried):
        if each.quality * FLAT > tried[best].quality:
            best = number
    return tried, tried[best], scores[best]


def search_mix(
    mixtures: list[Mixture], scores: Scores, best: Tried, usual: ItemSettings, weights: tuple[float, ...]
) -> tuple[Tried, list[Tried]]:
    """Have the weight tried, then the part of low rank and the rarity power; return what to take, and what was tried.

    ``best`` has been tried before.
    """

    def try_others(name: str, values: tuple[float, ...], settings: ItemSettings) -> list[Tried]:
        """Try settings that differ in one value alone."""
        others = [settings._replace(**{name: value}) for value in values if value != getattr(settings, name)]
        return measure(mixtures, [scores] * len(others), others)

    by_weight = try_others("weight", weights, best.settings)
    chosen = most_usual([best, *by_weight], usual)
    if not chosen.settings.weight:
        return chosen, by_weight
    by_low_rank = try_others("low_rank", LOW_RANKS, chosen.settings)
    chosen = most_usual([best, *by_weight, *by_low_rank], usual)
    by_rarity = try_others("rarity_power", RARITY_POWERS, chosen.settings)
    return rarest([chosen, *by_rarity], [mixture.kind for mixture in mixtures]), by_weight + by_low_rank + by_rarity


def at_once(function: Callable[..., Result], *arguments: Iterable[Any]) -> list[Result]:
    """Return what a function makes of each of its arguments, on two threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(function, *arguments))


def score_each(bases: list[Basis], settings: list[ItemSettings]) -> list[Scores]:
    """Return the scores of `score_items` for each of the settings."""
    pairs = list(product(bases, settings))
    scores = at_once(score_items, *zip(*pairs, strict=True))
    return [tuple(scores[number :: len(settings)]) for number in range(len(settings))]


def score_alone(mixture: Mixture, settings: list[ItemSettings]) -> list[ItemScores]:
    """Return the scores of `score_items` for each of the settings, with all threads; large matrices are given back."""
    with threadpool_limits(THREADS, "blas"):
        basis = basis_of(mixture, settings[0])
        return [score_items(basis, each) for each in settings]


def measure(mixtures: list[Mixture], scores: list[Scores], settings: list[ItemSettings]) -> list[Tried]:
    """Return the quality of each of the settings with the scores of clusters and items mixed."""
    settings = [with_unit(mixtures, *each) for each in zip(scores, settings, strict=True)]
    jobs = [
        (mixture, each, setting)
        for of_setting, setting in zip(scores, settings, strict=True)
        for mixture, each in zip(mixtures, of_setting, strict=True)
    ]
    ndcgs = at_once(measure_one, *zip(*jobs, strict=True))
    tried = []
    for number, setting in enumerate(settings):
        by_way = ndcgs[number * len(mixtures) : (number + 1) * len(mixtures)]
        means = [float(ndcg.mean()) for ndcg in by_way]
        tried.append(Tried(setting, len(mixtures[0].popularity), means, by_way[0].tolist()))
    return tried


def measure_one(mixture: Mixture, scores: ItemScores, settings: ItemSettings) -> NDArray[np.float64]:
    """Return each user's NDCG on one way of holding out."""
    lift = rarity(mixture.popularity, settings.rarity_power)

    def mixed(users: slice) -> NDArray[np.float32]:
        """Return the scores of some users."""
        by_items = scores.regression[users] + np.float32(settings.low_rank * scores.scale) * scores.low_rank[users]
        by_items *= np.float32(settings.weight * settings.unit)
        by_items += mixture.clusters[users] * np.float32(1 - settings.weight)
        return by_items * lift if settings.rarity_power else by_items

    return ndcg_of(mixture, mixed)


def with_unit(mixtures: list[Mixture], scores: Scores, settings: ItemSettings) -> ItemSettings:
    """Return the settings with the unit, the mean over the ways of holding out."""
    units = [unit_of(*each, settings.low_rank) for each in zip(mixtures, scores, strict=True)]
    return settings._replace(unit=float(f"{np.mean(units):.3g}"))  # few digits, on which all processors agree


def unit_of(mixture: Mixture, scores: ItemScores, low_rank: float) -> float:
    """Return the mean score by the clusters of held-out favourites, as a multiple of that by the item model."""
    held_out = mixture.test.nonzero()
    by_items = scores.regression[held_out] + np.float32(low_rank * scores.scale) * scores.low_rank[held_out]
    sums = (float(each.sum(dtype=np.float64)) for each in (mixture.clusters[held_out], by_items))
    of_clusters, of_items = (max(each, 1e-9) for each in sums)
    return of_clusters / of_items


def most_usual(tried: list[Tried], usual: ItemSettings) -> Tried:
    """Return what has the settings most like the ``usual`` ones, of all whose quality is near the best.

    The best is flat: else a small sample would choose noise.
    """
    best = max(each.quality for each in tried)
    return min((each for each in tried if each.quality >= FLAT * best), key=lambda each: distance(each.settings, usual))


def rarest(tried: list[Tried], kinds: list[str]) -> Tried:
    """Return what lifts movies with few favourites most, of all that are near the best in what they lose.

    Kinds of holding out may disagree: what a power loses is the part of the best quality that it loses on the kind
    that suits it least. Of two that lose as little the larger one recommends more different movies. ``kinds`` are
    those of the ways of holding out; ways of one kind count by their mean.
    """
    by_way = np.maximum([each.by_way for each in tried], 1e-6)
    of_kinds = [by_way[:, np.array(kinds) == kind].mean(axis=1) for kind in dict.fromkeys(kinds)]
    kept = np.min([quality / quality.max() for quality in of_kinds], axis=0)
    near = (each for each, share in zip(tried, kept, strict=True) if share >= FLAT_RARITY * kept.max())
    return max(near, key=lambda each: each.settings.rarity_power)


def distance(a: ItemSettings, b: ItemSettings) -> float:
    """Return how far apart two settings are."""
    return (
        abs(float(np.log2(a.strength / b.strength)))
        + 2 * abs(a.regularisation_power - b.regularisation_power)
        + 3 * abs(a.low_rank - b.low_rank)
        + 5 * abs(a.weight - b.weight)
    )
