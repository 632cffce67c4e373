"""Baselines tuned on validation splits of the training part, within a budget of time."""

import time
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions, evidence_of, select_entries, with_data
from tasks.model.recency import discount
from tasks.model.types import ModelOptions, Ranking
from tasks.quality.baselines import Baseline, best_of_scores, excluded_of
from tasks.quality.holdout import Split, Trial, as_trial, hold_out
from tasks.quality.metrics import find_hits, ndcg

MIN_RETURNING = 100  # users with favourites before and after a cut in time
FEW_USERS = 3000  # below, validation is the mean over two splits
RECENCIES = (0.6, 0.75, 0.9)  # discounts that baselines get a try with, beside that of the options
REACH = 2  # steps in the grid around the best setting within which everything is tried


class Variant(NamedTuple):
    """What a baseline learns from.

    evidence : ``"favourites"``, or ``"all"`` for near favourites too, by their weight.
    recency : how much more a user's later entries count.
    """

    evidence: str
    recency: float


class Tuned(NamedTuple):
    """The variant and setting of a baseline that are best on validation.

    validation : NDCG on validation.
    n_tried, n_settings : settings tried, and of the whole grid, over all variants.
    at_edge : the names of settings at the edge of their grid.
    is_cut_off : whether time ended before all settings near the best were tried.
    """

    variant: Variant
    setting: dict[str, float]
    validation: float
    n_tried: int
    n_settings: int
    at_edge: list[str]
    is_cut_off: bool


def validation_trials(trial: Trial, kind: str, seed: int) -> list[Trial]:
    """Return trials within the training part of a trial, of the kind of the split that it is from.

    Where few users return after a cut in time within it, they are by time for each user.
    """
    train = trial.train
    if kind == "cut" and count_returning(hold_out(train, kind, seed)) < MIN_RETURNING:
        kind = "temporal"
    n_trials = 2 if kind == "random" and len(train.user_ids) < FEW_USERS else 1
    return [as_trial(hold_out(train, kind, seed + 1 + i), seed, trial.withheld) for i in range(n_trials)]


def count_returning(split: Split) -> int:
    """Return the number of users with held-out favourites."""
    return int(np.count_nonzero(np.diff(split.test.indptr)))


def tune(baseline: Baseline, trials: list[Trial], depth: int, options: ModelOptions, seconds: float) -> Tuned:
    """Return the variant and setting with the highest NDCG on validation.

    For each evidence the grid is walked without a discount for age; then the best setting is tried with several.

    Parameters
    ----------
    trials : for validation, see `validation_trials`.
    depth : of the NDCG.
    options : ``near_weight`` 0 leaves favourites alone, ``recency`` 0 no discount.
    seconds : after which no further setting is tried; the first one of each evidence always is.
    """
    started = time.monotonic()
    kinds = evidences(trials)
    best: list[Tuned] = []
    n_tried, is_cut_off = 0, False
    for done, evidence in enumerate(kinds):
        left = (seconds - (time.monotonic() - started)) / (len(kinds) - done)
        tried, was_cut_off = walk_grid(baseline, trials, Variant(evidence, 0.0), depth, options, left)
        n_tried, is_cut_off = n_tried + len(tried), is_cut_off or was_cut_off
        values, plain = max(tried.items(), key=lambda pair: pair[1])
        setting = dict(zip(baseline.grid, values, strict=True))
        for recency in recencies(trials, options):
            variant = Variant(evidence, recency)
            value = quality(baseline, trials, variant, setting, depth, options) if recency else plain
            best.append(Tuned(variant, setting, value, 0, 0, edges(baseline, setting), False))
    n_settings = len(kinds) * int(np.prod([len(values) for values in baseline.grid.values()]))
    return max(best, key=lambda one: one.validation)._replace(
        n_tried=n_tried, n_settings=n_settings, is_cut_off=is_cut_off
    )


def evidences(trials: list[Trial]) -> tuple[str, ...]:
    """Return the kinds of evidence that there are."""
    has_near = any(((trial.train.weights.data > 0) & (trial.train.weights.data < 1)).any() for trial in trials)
    return ("favourites", "all") if has_near else ("favourites",)


def recencies(trials: list[Trial], options: ModelOptions) -> tuple[float, ...]:
    """Return no discount and, where times are known and the product discounts, several."""
    has_times = any(trial.known.seconds.any() for trial in trials)
    return (0.0, *sorted({options.recency, *RECENCIES})) if has_times and options.recency else (0.0,)


def walk_grid(
    baseline: Baseline, trials: list[Trial], variant: Variant, depth: int, options: ModelOptions, seconds: float
) -> tuple[dict[tuple[float, ...], float], bool]:
    """Try settings, always next the one nearest to the best so far, until all within two steps of it are tried.

    It ends earlier if the next setting would likely end after ``seconds``, by how long those before took.

    Returns
    -------
    The NDCG on validation of the settings tried, and whether time ended it.
    """
    started = time.monotonic()
    tried: dict[tuple[float, ...], float] = {}
    seconds_a_unit = 0.0
    while (values := nearest_untried(baseline, tried)) is not None:
        spent = time.monotonic() - started
        if tried and spent + seconds_a_unit * cost(baseline, values) > seconds:
            return tried, True
        setting = dict(zip(baseline.grid, values, strict=True))
        tried[values] = quality(baseline, trials, variant, setting, depth, options)
        seconds_a_unit = max(seconds_a_unit, (time.monotonic() - started - spent) / cost(baseline, values))
    return tried, False


def nearest_untried(baseline: Baseline, tried: dict[tuple[float, ...], float]) -> tuple[float, ...] | None:
    """Return the untried setting with fewest steps from the best, of equal ones the quickest; None if too far."""
    if not tried:
        return tuple(baseline.start[name] for name in baseline.grid)
    best = max(tried, key=lambda values: tried[values])
    steps = {
        values: sum(
            abs(grid.index(a) - grid.index(b)) for grid, a, b in zip(baseline.grid.values(), values, best, strict=True)
        )
        for values in product(*baseline.grid.values())
        if values not in tried
    }
    near = [values for values, n in steps.items() if n <= REACH]
    return min(near, key=lambda values: (steps[values], cost(baseline, values), values), default=None)


def cost(baseline: Baseline, values: tuple[float, ...]) -> float:
    """Return about how long a setting takes, in units that are the same for all settings of a baseline."""
    return dict(zip(baseline.grid, values, strict=True)).get("factors", 1.0)


def edges(baseline: Baseline, setting: dict[str, float]) -> list[str]:
    """Return the names of the settings at the edge of their grid, where there are more than two values."""
    return [
        name for name, values in baseline.grid.items() if len(values) > 2 and setting[name] in (values[0], values[-1])
    ]


def quality(
    baseline: Baseline,
    trials: list[Trial],
    variant: Variant,
    setting: dict[str, float],
    depth: int,
    options: ModelOptions,
) -> float:
    """Return the mean NDCG over trials."""
    values = []
    for trial in trials:
        found = recommend(baseline, trial, variant, setting, depth, options.exclude_seen)
        values.append(ndcg(find_hits(found, trial.test, depth), depth).mean())
    return float(np.mean(values))


def recommend(
    baseline: Baseline, trial: Trial, variant: Variant, setting: dict[str, Any], top_n: int, exclude_seen: bool
) -> Ranking:
    """Return the recommendations of a baseline to the users of a trial."""
    learned = matrix_of(trial.train, variant.evidence, 0.0)
    users = learned
    if variant.recency or trial.known is not trial.train:
        users = matrix_of(trial.known, variant.evidence, variant.recency)
    score = baseline.fit(learned, users, **setting)
    return best_of_scores(score, excluded_of(trial.known, exclude_seen), top_n, trial.withheld)


def matrix_of(users: Interactions, evidence: str, recency: float) -> csr_matrix:
    """Return what a baseline learns from, shape (n_users, n_movies), CSR, float32.

    Favourites are 1 and near favourites their weight, times the `discount` by the recency.
    """
    known = evidence_of(users) if evidence == "all" else select_entries(users, users.weights.data == 1)
    weights = known.weights
    return with_data(weights, weights.data * discount(known, recency))
