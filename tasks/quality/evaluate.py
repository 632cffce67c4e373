"""Recommenders compared on favourites that were held out from all of them."""

import json
import time
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.blocks import Interactions
from tasks.errors import CineclusterError
from tasks.model.types import NO_MOVIES, ModelOptions
from tasks.progress import report_progress
from tasks.quality.baselines import BASELINES, Baseline, excluded_of, popular, reason_to_leave_out
from tasks.quality.cold import measure_cold_movies, measure_cold_users
from tasks.quality.holdout import Trial, as_trial, hold_out, hold_out_users
from tasks.quality.metrics import COMPARED, HELD_OUT, STRONG, Measure, Measured, compare, measure
from tasks.quality.product import Product, fit_article, fit_product, recommend_to
from tasks.quality.standings import OURS
from tasks.quality.tune import MIN_RETURNING, Tuned, recommend, tune, validation_trials

SPLITS = ("random", "temporal", "cut")
BUDGET_MINUTES = 10.0
FACTS: dict[str, Any] = {
    "setting": pl.String,
    "at_edge": pl.String,
    "validation": pl.Float64,
    "n_tried": pl.Int64,
    "n_settings": pl.Int64,
    "note": pl.String,
    "seconds": pl.Float64,
}
SCHEMA = dict.fromkeys(("protocol", "split", "recommender"), pl.String) | FACTS | COMPARED


class Entry(NamedTuple):
    """A recommender in a trial: the values of the columns `FACTS`, and its measures, None if it did not run."""

    facts: dict[str, Any]
    measured: Measured | None


class Terms(NamedTuple):
    """What holds for every recommender in a trial.

    validation : trials within the training part, to choose settings by.
    wanted : the measures; the first NDCG among them is what settings are chosen by.
    seconds : how long the baselines may be tuned.
    """

    trial: Trial
    validation: list[Trial]
    wanted: tuple[Measure, ...]
    options: ModelOptions
    seconds: float


def evaluate_recommenders(
    users: Interactions,
    options: ModelOptions,
    budget_minutes: float = BUDGET_MINUTES,
    withheld: NDArray[np.integer] = NO_MOVIES,
) -> pl.DataFrame:
    """Measure this product, the article's way, overall favourites and known recommenders on held-out favourites.

    Every recommender learns from the same interactions and leaves out the same movies. The baselines are tuned on
    favourites held out from the training part. New users and rare movies are measured apart.

    Parameters
    ----------
    users : whole users.
    options : of the product.
    budget_minutes : how long the baselines may be tuned, over all splits.
    withheld : columns that nobody recommends; favourites of them are not held out to be predicted.

    Returns
    -------
    One row a protocol, split, recommender, metric and depth, and one without a metric, but with a note, for whatever
    was not measured: the columns of the table ``evaluation``.

    Raises
    ------
    CineclusterError
        If no user has five favourites.
    """
    if hold_out(users, "random", options.seed).test.nnz == 0:
        raise CineclusterError("Nothing to hold out: no user has five favourites.")
    frames, left = [], 60 * budget_minutes
    for done, kind in enumerate(SPLITS):
        trial = as_trial(hold_out(users, kind, options.seed), options.seed, withheld)
        if reason := reason_to_skip(users, kind, trial):
            frames.append(as_rows({OURS: without_measures(reason)}, "known users", kind, options.seed))
            continue
        validation = validation_trials(trial, kind, options.seed)
        terms = Terms(trial, validation, HELD_OUT, options, left / (len(SPLITS) - done))
        product = fit_product(trial.train, options, trial.withheld)
        entries = compete(terms, product, done, len(SPLITS))
        left -= sum(entries[baseline.name].facts["seconds"] or 0 for baseline in BASELINES)
        frames.append(as_rows(entries, "known users", kind, options.seed))
        if kind == "random":
            frames += as_frames(measure_cold_movies(trial, product, options), "rare movies", options.seed)
    frames += as_frames(measure_cold_users(users, options, withheld), "new users", options.seed)
    return pl.concat(frames)


def evaluate_unseen_users(
    users: Interactions,
    movie_ids: NDArray[np.integer],
    options: ModelOptions,
    budget_minutes: float = BUDGET_MINUTES,
    withheld: NDArray[np.integer] = NO_MOVIES,
) -> pl.DataFrame:
    """Measure every recommender on users whom none of them learned from: strong generalisation.

    The rules are those of `tasks.quality.holdout.hold_out_users`, ``movie_ids`` are the ids of the columns. Parameters
    and result are else as for `evaluate_recommenders`.
    """
    validation, test = hold_out_users(users, movie_ids, withheld)
    terms = Terms(test, [validation], STRONG, options._replace(near_weight=0.0), 60 * budget_minutes)
    entries = compete(terms, fit_product(test.train, terms.options, test.withheld))
    rows = as_rows(entries, "strong", "unseen users", options.seed)
    return rows.with_columns(pl.col("metric").replace("published Recall", "Recall"))


def reason_to_skip(users: Interactions, kind: str, trial: Trial) -> str | None:
    """Return why a split says nothing, or None."""
    if kind != "random" and not users.seconds.any():
        return "skipped: the ratings have no times"
    if kind == "cut" and trial.n_users < MIN_RETURNING:
        return f"skipped: {trial.n_users} users return after the moment, {MIN_RETURNING} are needed"
    return None


def compete(terms: Terms, product: Product, n_before: int = 0, n_trials: int = 1) -> dict[str, Entry]:
    """Return how each recommender does in a trial, by its name.

    ``n_before`` of ``n_trials`` are done; it is for the progress that is reported.
    """
    entries = {
        OURS: enter_product(product, terms),
        "article": enter_product(fit_article(terms.trial.train, terms.options, terms.trial.withheld), terms),
        "overall favourites": enter_popular(terms),
    }
    spent = 0.0
    for place, baseline in enumerate(BASELINES):
        report_progress(n_before * len(BASELINES) + place, n_trials * len(BASELINES))
        reason = reason_to_leave_out(baseline, terms.trial.train.weights.shape[1])
        seconds = (terms.seconds - spent) / (len(BASELINES) - place)
        entries[baseline.name] = without_measures(reason) if reason else enter_baseline(baseline, terms, seconds)
        spent += entries[baseline.name].facts["seconds"] or 0.0
    return entries


def enter_product(product: Product, terms: Terms) -> Entry:
    """Return how a model of this product does."""
    started = time.monotonic()
    found = recommend_to(terms.trial.known, product, depth_of(terms.wanted))
    facts = {"setting": json.dumps(product.setting), "seconds": product.seconds + time.monotonic() - started}
    return Entry(dict.fromkeys(FACTS) | facts, measure(found, terms.trial, terms.wanted))


def enter_popular(terms: Terms) -> Entry:
    """Return how the overall favourites do."""
    started = time.monotonic()
    excluded = excluded_of(terms.trial.known, terms.options.exclude_seen)
    found = popular(terms.trial, excluded, depth_of(terms.wanted))
    facts = {"setting": "{}", "seconds": time.monotonic() - started}
    return Entry(dict.fromkeys(FACTS) | facts, measure(found, terms.trial, terms.wanted))


def enter_baseline(baseline: Baseline, terms: Terms, seconds: float) -> Entry:
    """Return how a baseline does with the setting that is best on validation."""
    started = time.monotonic()
    depth = next(depth for metric, depth in terms.wanted if metric == "NDCG")
    tuned = tune(baseline, terms.validation, depth, terms.options, seconds)
    top_n, exclude_seen = depth_of(terms.wanted), terms.options.exclude_seen
    found = recommend(baseline, terms.trial, tuned.variant, tuned.setting, top_n, exclude_seen)
    facts = facts_of(tuned) | {"seconds": time.monotonic() - started}
    return Entry(dict.fromkeys(FACTS) | facts, measure(found, terms.trial, terms.wanted))


def facts_of(tuned: Tuned) -> dict[str, Any]:
    """Return what the table says of the tuning of a baseline."""
    return {
        "setting": json.dumps(tuned.variant._asdict() | tuned.setting),
        "at_edge": ", ".join(tuned.at_edge) or None,
        "validation": tuned.validation,
        "n_tried": tuned.n_tried,
        "n_settings": tuned.n_settings,
        "note": "not all settings near the best were tried: the budget of time ended" if tuned.is_cut_off else None,
    }


def without_measures(note: str) -> Entry:
    """Return the entry of a recommender that did not run, or of a split that was skipped."""
    return Entry(dict.fromkeys(FACTS) | {"note": note}, None)


def depth_of(wanted: tuple[Measure, ...]) -> int:
    """Return the number of recommendations that the measures look at."""
    return max(depth for _, depth in wanted)


def as_frames(trials: dict[str, dict[str, Measured]], protocol: str, seed: int) -> list[pl.DataFrame]:
    """Return the rows of recommenders that were measured without tuning, a frame a split."""
    nothing = dict.fromkeys(FACTS)
    return [
        as_rows({name: Entry(nothing, one) for name, one in measured.items()}, protocol, split, seed)
        for split, measured in trials.items()
    ]


def as_rows(entries: dict[str, Entry], protocol: str, split: str, seed: int) -> pl.DataFrame:
    """Return the rows of the table ``evaluation``."""
    facts = pl.DataFrame(
        [{"recommender": name} | entry.facts for name, entry in entries.items()],
        schema={"recommender": pl.String} | FACTS,
    )
    measured = {name: entry.measured for name, entry in entries.items() if entry.measured}
    compared = compare(measured, seed) if measured else pl.DataFrame(schema=COMPARED)
    joined = facts.join(compared, on="recommender", how="left", maintain_order="left_right")
    return joined.with_columns(protocol=pl.lit(protocol), split=pl.lit(split)).select(*SCHEMA)
