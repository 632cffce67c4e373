"""The search for the settings of the item model that predict held-out favourites best."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tasks.model.boost import boost_of
from tasks.model.types import ItemSettings
from tasks.progress import report_progress
from tasks.quality.item_scores import Basis, ItemScores, basis_of, has_few_users, score_by_recency, score_items
from tasks.quality.mixture import Mixture, head_of, ndcg_of

STRENGTHS = (2.0, 8.0)  # tried first, then half and twice the best
WEAKEST, STRONGEST = 2.0**-8, 2.0**7
WEIGHTS = (0.0, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)
WEIGHT_OF_STRENGTHS = 0.9  # with which strengths are compared
RECENCIES = (0.0, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8)  # where times are known
LOW_RANKS = (0.0, 0.15, 0.3, 0.6)
RARITY_POWERS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25)
TREND_POWERS = (0.1, 0.15, 0.2, 0.3, 0.5, 1.0)  # and none
USUAL = ItemSettings(
    strength=8.0,
    low_rank=0.15,
    weight=0.65,
    rarity_power=0.1,
    trend_power=0.0,
    recency=0.7,
    session_weight=0.5,
    unit=1.0,
)
THREADS = 2
STAGES = 3  # of the choice: fine clusters, strengths, the mix
MOST_AT_ONCE = 4000  # movies up to which the matrices of several trials fit into memory side by side
FLAT = 0.997  # of settings that are this near to the best, the one most like the usual ones is taken
FLAT_RARITY = 0.993  # of rarity powers that are this near to the best, the largest is taken
TREND_GAIN = 1.01  # in quality, from which movies on the rise are lifted
LEAST_KEPT = 0.98  # of the quality on each way of holding out, which lifting them has to leave

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

    The strength and the recency are found with the most favourited movies, the rest with all that are ranked.
    """
    start = USUAL if have_times(mixtures) else USUAL._replace(recency=0.0, session_weight=0.0)
    usual, by_heads = search_heads(mixtures, start, weights)
    chosen, mixed = search_mix(mixtures, usual, weights)
    tried = by_heads + mixed  # some twice where the head is all
    return chosen, list({(each.settings._replace(session_weight=0.0), each.n_ranked): each for each in tried}.values())


def search_heads(
    mixtures: list[Mixture], start: ItemSettings, weights: tuple[float, ...]
) -> tuple[ItemSettings, list[Tried]]:
    """Return ``start`` with what suits the most favourited movies, and all that were tried.

    Where sessions are left out when all movies are ranked, they are here, too: with other strengths another part of low
    rank is best. A cut in time does not count: what few users favourite months later asks for a strength that costs all
    others.
    """
    heads = [head_of(mixture) for mixture in mixtures if mixture.kind != "cut"] or [head_of(mixtures[0])]
    few_users = any(has_few_users(mixture) for mixture in mixtures)
    start_of_heads = start._replace(
        weight=WEIGHT_OF_STRENGTHS if WEIGHT_OF_STRENGTHS in weights else weights[0],
        session_weight=0.0 if few_users else start.session_weight,
    )
    bases = at_once(partial(basis_of, settings=start_of_heads), heads)
    tried = search_strength(heads, bases, start_of_heads, STRENGTHS, LOW_RANKS)
    report_progress(2, STAGES)
    low_rank = most_usual(tried, start).settings.low_rank
    best = between([each for each in tried if each.settings.low_rank == low_rank])
    if have_times(heads):
        by_recency = search_recency(heads, bases, best)
        best, tried = least_regret(by_recency, [head.kind for head in heads]), tried + by_recency
    return start._replace(strength=best.strength, low_rank=best.low_rank, recency=best.recency), tried


def have_times(mixtures: list[Mixture]) -> bool:
    """Return whether times are known."""
    return any(mixture.users.seconds.any() for mixture in mixtures)


def search_strength(
    mixtures: list[Mixture],
    bases: list[Basis],
    start: ItemSettings,
    first: tuple[float, ...],
    low_ranks: tuple[float, ...],
) -> list[Tried]:
    """Have strengths tried, each with parts of low rank: the ``first``, then half and twice the best."""
    tried: list[Tried] = []
    wanted = list(first)
    while wanted:
        scores = score_each(bases, [start._replace(strength=strength) for strength in wanted])
        settings = [start._replace(strength=strength, low_rank=share) for strength, share in product(wanted, low_ranks)]
        tried += measure(mixtures, [each for each in scores for _ in low_ranks], settings)
        best = max(tried, key=lambda each: each.quality).settings.strength
        known = {each.settings.strength for each in tried}
        wanted = [each for each in (best / 2, best * 2) if WEAKEST <= each <= STRONGEST and each not in known]
    return tried


def between(tried: list[Tried]) -> ItemSettings:
    """Return the best settings, with the strength at the top of the parabola through the best and those beside it.

    They differ in the strength alone.
    """
    best = max(tried, key=lambda each: each.quality)
    quality, strength = {each.settings.strength: each.quality for each in tried}, best.settings.strength
    less, more = (quality.get(factor * strength, -np.inf) for factor in (0.5, 2.0))
    curvature = less + more - 2 * best.quality
    shift = (less - more) / (2 * curvature) if np.isfinite(curvature) and curvature else 0.0
    return best.settings._replace(strength=float(f"{strength * 2**shift:.2g}"))


def search_recency(mixtures: list[Mixture], bases: list[Basis], best: ItemSettings) -> list[Tried]:
    """Have recencies tried."""
    scores_at = score_each_by_recency(mixtures, bases, best)
    tried = []
    for recency in RECENCIES:
        tried += measure(mixtures, [scores_at(recency)], [best._replace(recency=recency)])
    return tried


def least_regret(tried: list[Tried], kinds: list[str]) -> ItemSettings:
    """Return the settings that lose least where they lose most, against what is best at random, and by time.

    By time more recency is better, and at random less: nobody knows beforehand which will count. ``kinds`` are those of
    the ways of holding out; NDCG@10 is the mean over those of one kind.
    """
    of_kind = [[kind == each for kind in kinds] for each in sorted(set(kinds))]
    quality = np.array([[np.mean(each.by_way, where=where) for where in of_kind] for each in tried]) + 1e-6
    return tried[int(np.argmax((quality / quality.max(axis=0)).min(axis=1)))].settings


def score_all(mixtures: list[Mixture], settings: ItemSettings) -> Callable[[float], Scores]:
    """Return a function of the recency that returns the scores of `score_items` for all movies that are ranked.

    Where these are many, each call learns the item model anew, one way after the other with all threads: large matrices
    are given back.
    """
    if len(mixtures[0].popularity) <= MOST_AT_ONCE:
        bases = at_once(partial(basis_of, settings=settings), mixtures)
        return score_each_by_recency(mixtures, bases, settings)

    def learn(recency: float) -> Scores:
        """Return the scores with a recency."""
        each = settings._replace(recency=recency)
        with threadpool_limits(THREADS, "blas"):
            return tuple(score_items(basis_of(mixture, each), each) for mixture in mixtures)

    return learn


def search_mix(mixtures: list[Mixture], usual: ItemSettings, weights: tuple[float, ...]) -> tuple[Tried, list[Tried]]:
    """Have the weight tried, then low rank, rarity power and trend power; return what to take, and all."""
    scores_at = score_all(mixtures, usual)
    scores = scores_at(usual.recency)

    def try_each(settings: list[ItemSettings]) -> list[Tried]:
        """Try settings with the same scores of clusters and items."""
        return measure(mixtures, [scores] * len(settings), settings)

    def try_others(name: str, values: tuple[float, ...], chosen: Tried) -> list[Tried]:
        """Try settings that differ from the chosen ones in one value alone; return them and the chosen ones."""
        others = [value for value in values if value != getattr(chosen.settings, name)]
        return [chosen, *try_each([chosen.settings._replace(**{name: value}) for value in others])]

    by_weight = try_each([usual._replace(weight=weight) for weight in weights])
    chosen = most_usual(by_weight, usual)
    if not chosen.settings.weight:
        return chosen, by_weight
    by_low_rank = try_others("low_rank", LOW_RANKS, chosen)
    by_rarity = try_others("rarity_power", RARITY_POWERS, most_usual(by_low_rank, usual))
    chosen = rarest(by_rarity)
    by_trend = search_trend(mixtures, scores_at, chosen) if have_times(mixtures) else [chosen]
    return best_trend(by_trend), by_weight + by_low_rank + by_rarity + by_trend


def search_trend(mixtures: list[Mixture], scores_at: Callable[[float], Scores], chosen: Tried) -> list[Tried]:
    """Have trend powers tried; where the best one loses too much somewhere, also with half the recency.

    Both tell of the time to come: with a trend less recency is needed, and random splits lose less.
    """

    def try_powers(settings: ItemSettings) -> list[Tried]:
        """Try settings with each of the powers."""
        each = [settings._replace(trend_power=power) for power in TREND_POWERS]
        return measure(mixtures, [scores_at(settings.recency)] * len(each), each)

    tried = [chosen, *try_powers(chosen.settings)]
    best = max(tried, key=lambda each: each.quality)
    loses_too_much = best.quality >= TREND_GAIN * chosen.quality and best is not best_trend(tried)
    if loses_too_much and chosen.settings.recency:
        tried += try_powers(chosen.settings._replace(recency=chosen.settings.recency / 2))
    return tried


def at_once(function: Callable[..., Result], *arguments: Iterable[Any]) -> list[Result]:
    """Return what a function makes of each of its arguments, on two threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(function, *arguments))


def score_each(bases: list[Basis], settings: list[ItemSettings]) -> list[Scores]:
    """Return the scores of `score_items` for each of the settings."""
    pairs = list(product(bases, settings))
    scores = at_once(score_items, *zip(*pairs, strict=True))
    return [tuple(scores[number :: len(settings)]) for number in range(len(settings))]


def score_each_by_recency(
    mixtures: list[Mixture], bases: list[Basis], settings: ItemSettings
) -> Callable[[float], Scores]:
    """Return a function of the recency that returns the scores of `score_by_recency`."""
    scores_at = at_once(partial(score_by_recency, settings=settings), mixtures, bases)
    return lambda recency: tuple(at(recency) for at in scores_at)


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
    boost = boost_of(mixture.popularity, mixture.recent, settings.rarity_power, settings.trend_power)

    def mixed(users: slice) -> NDArray[np.float32]:
        """Return the scores of some users."""
        by_items = scores.regression[users] + np.float32(settings.low_rank * scores.scale) * scores.low_rank[users]
        by_items *= np.float32(settings.weight * settings.unit)
        by_items += mixture.clusters[users] * np.float32(1 - settings.weight)
        return by_items * boost

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


def rarest(tried: list[Tried]) -> Tried:
    """Return what lifts movies with few favourites most, of all whose quality is near the best.

    So more different movies are recommended.
    """
    best = max(each.quality for each in tried)
    near = [each for each in tried if each.quality >= FLAT_RARITY * best]
    return max(near, key=lambda each: each.settings.rarity_power)


def best_trend(tried: list[Tried]) -> Tried:
    """Return what is best of settings that differ in trend power and recency, the first of which has no trend.

    What is popular now predicts what users will favourite next, and not what they favourited long ago: on no way of
    holding out may more than a fiftieth be lost.
    """
    without = tried[0]
    least = LEAST_KEPT * np.array(without.by_way)
    kept = [each for each in tried if np.all(each.by_way >= least) and each.quality >= TREND_GAIN * without.quality]
    return max(kept, key=lambda each: each.quality, default=without)


def distance(a: ItemSettings, b: ItemSettings) -> float:
    """Return how far apart two settings are."""
    return (
        abs(float(np.log2(a.strength / b.strength))) + 3 * abs(a.low_rank - b.low_rank) + 5 * abs(a.weight - b.weight)
    )
