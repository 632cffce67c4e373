"""The search for the settings of the item model that predict held-out favourites best."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tasks.model.items import rarity
from tasks.model.types import ItemSettings
from tasks.quality.item_scores import ItemScores, basis_of, score_items
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
FLAT = 0.997  # of settings that are this near to the best, the one most like the usual ones is taken
FLAT_RARITY = 0.995  # of rarity powers that are this near to the best, the largest is taken


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
    by_power, best, scores = try_powers(mixtures, by_head, start)
    usual = start._replace(strength=best.settings.strength, regularisation_power=best.settings.regularisation_power)
    chosen, mixed = search_mix(mixtures, scores, best, usual, weights)
    tried = by_head + by_power + mixed  # some twice where the head is all
    return chosen, list({(each.settings, each.n_ranked): each for each in tried}.values())


def search_strength(heads: list[Mixture], start: ItemSettings, weights: tuple[float, ...]) -> list[Tried]:
    """Have strength and weight tried together, then other powers of the regularisation beside the best."""
    with ThreadPoolExecutor(THREADS) as pool:
        bases = list(pool.map(partial(basis_of, settings=start), heads))
    tried: list[Tried] = []

    def try_each(settings: list[ItemSettings]) -> None:
        """Try settings that differ in the weight alone."""
        with ThreadPoolExecutor(THREADS) as pool:
            scores = list(pool.map(partial(score_items, settings=settings[0]), bases))
        tried.extend(measure(heads, scores, each) for each in settings)

    for strength in STRENGTHS:
        try_each([start._replace(strength=strength, weight=weight) for weight in weights])
    best = max(tried, key=lambda each: each.quality).settings
    for strength in (best.strength / 2, best.strength * 2):
        try_each([start._replace(strength=strength, weight=weight) for weight in weights])
    chosen = most_usual(tried, start).settings
    if chosen.weight:
        for power, factor in product(REGULARISATION_POWERS, (0.5, 1)):
            try_each([chosen._replace(regularisation_power=power, strength=factor * chosen.strength)])
    return tried


def try_powers(
    mixtures: list[Mixture], by_head: list[Tried], start: ItemSettings
) -> tuple[list[Tried], Tried, tuple[ItemScores, ...]]:
    """Have the best of each power tried with all movies, the usual one first; return all, the best one, its scores.

    Which power is best depends on movies with few favourites. Another one has to be better by what is not flat.
    """
    powers = dict.fromkeys(each.settings.regularisation_power for each in by_head)
    of_powers = [[each for each in by_head if each.settings.regularisation_power == power] for power in powers]
    settings = [most_usual(of_power, start).settings for of_power in of_powers]
    scores = list(zip(*(score_alone(mixture, settings) for mixture in mixtures), strict=True))
    tried = [measure(mixtures, *each) for each in zip(scores, settings, strict=True)]
    best = 0
    for number, each in enumerate(tried):
        if each.quality * FLAT > tried[best].quality:
            best = number
    return tried, tried[best], scores[best]


def search_mix(
    mixtures: list[Mixture], scores: Sequence[ItemScores], best: Tried, usual: ItemSettings, weights: tuple[float, ...]
) -> tuple[Tried, list[Tried]]:
    """Have the weight tried, then the part of low rank and the rarity power; return what to take, and what was tried.

    ``best`` has been tried before.
    """

    def try_others(name: str, values: tuple[float, ...], settings: ItemSettings) -> list[Tried]:
        """Try settings that differ in one value alone."""
        others = [value for value in values if value != getattr(settings, name)]
        return [measure(mixtures, scores, settings._replace(**{name: value})) for value in others]

    by_weight = try_others("weight", weights, best.settings)
    chosen = most_usual([best, *by_weight], usual)
    if not chosen.settings.weight:
        return chosen, by_weight
    by_low_rank = try_others("low_rank", LOW_RANKS, chosen.settings)
    chosen = most_usual([best, *by_weight, *by_low_rank], usual)
    by_rarity = try_others("rarity_power", RARITY_POWERS, chosen.settings)
    return rarest([chosen, *by_rarity], [mixture.kind for mixture in mixtures]), by_weight + by_low_rank + by_rarity


def score_alone(mixture: Mixture, settings: list[ItemSettings]) -> list[ItemScores]:
    """Return the scores of `score_items` for each of the settings, with all threads; large matrices are given back."""
    with threadpool_limits(THREADS, "blas"):
        basis = basis_of(mixture, settings[0])
        return [score_items(basis, each) for each in settings]


def measure(mixtures: list[Mixture], scores: Sequence[ItemScores], settings: ItemSettings) -> Tried:
    """Return the quality of settings with the scores of clusters and items mixed."""
    items = [each.regression + np.float32(settings.low_rank * each.scale) * each.low_rank for each in scores]
    units = [unit_of(mixture, each) for mixture, each in zip(mixtures, items, strict=True)]
    settings = settings._replace(unit=float(f"{np.mean(units):.3g}"))  # few digits, on which all processors agree

    def measure_one(mixture: Mixture, by_items: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return each user's NDCG on one way of holding out."""
        mixed = mixture.clusters * np.float32(1 - settings.weight)
        mixed += by_items * np.float32(settings.weight * settings.unit)
        if settings.rarity_power:
            mixed *= rarity(mixture.popularity, settings.rarity_power)
        return ndcg_of(mixture, mixed)

    with ThreadPoolExecutor(THREADS) as pool:
        ndcgs = list(pool.map(measure_one, mixtures, items))
    by_way = [float(ndcg.mean()) for ndcg in ndcgs]
    return Tried(settings, len(mixtures[0].popularity), by_way, ndcgs[0].tolist())


def unit_of(mixture: Mixture, items: NDArray[np.float32]) -> float:
    """Return the mean score by the clusters of held-out favourites, as a multiple of that by the item model."""
    by_clusters, by_items = (
        float(scores[mixture.test.nonzero()].sum(dtype=np.float64)) for scores in (mixture.clusters, items)
    )
    return max(by_clusters, 1e-9) / max(by_items, 1e-9)


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
