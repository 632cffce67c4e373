"""Recommenders compared on favourites that were held out from all of them."""

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import polars as pl

from tasks.blocks import Interactions, favourites_of
from tasks.errors import CineclusterError
from tasks.model.types import CLUSTERS_ALONE, ItemSettings, ModelOptions, Ranking
from tasks.progress import report_progress
from tasks.quality.baselines import known_baselines, popular
from tasks.quality.choose import choose_settings
from tasks.quality.holdout import hold_out
from tasks.quality.metrics import DEPTHS, find_hits, measure, ndcg
from tasks.quality.trial import recommend

SPLITS = ("random", "temporal")
ARTICLE: dict[str, Any] = {
    "weighting": "none",
    "n_components": 0,
    "n_init": 10,
    "min_cluster_size": 6,
    "merge_by": "overlap",
    "n_fine_clusters": 0,
    "n_neighbours": 1,
    "smoothing": 0.0,
    "taste_weight": 0.0,
    "item_weight": 0.0,
}
ARTICLE_CLUSTERS = 15


def evaluate_recommenders(users: Interactions, options: ModelOptions) -> pl.DataFrame:
    """Measure this product, the article's way, overall favourites and known recommenders on two splits.

    Every recommender learns from the same users, leaves out the same movies, and is tuned, where it has settings to
    tune, on favourites held out from the training part.

    Returns
    -------
    One row a split, recommender, metric and depth: split, recommender, setting (JSON), seconds, and the columns of
    `tasks.quality.metrics.measure`.

    Raises
    ------
    CineclusterError
        If no user has five favourites.
    """
    splits = SPLITS if users.seconds.any() else SPLITS[:1]
    contest = list(recommenders(options, users.weights.shape[1]))
    frames = []
    for done, kind in enumerate(splits):
        train, test = hold_out(users, kind, options.seed)
        if test.nnz == 0:
            raise CineclusterError("Nothing to hold out: no user has five favourites.")
        for place, (name, tune, recommended) in enumerate(contest):
            started = time.monotonic()
            setting = tune(train, kind)
            found = recommended(train, max(DEPTHS), **setting)
            measured = measure(found, favourites_of(train), test, options.seed)
            frames.append(label(measured, kind, name, setting, time.monotonic() - started))
            report_progress(done * len(contest) + place + 1, len(splits) * len(contest))
    return pl.concat(frames)


def standings(measured: pl.DataFrame, depth: int = 10) -> pl.DataFrame:
    """Return one row a split and recommender, with its measures at one depth as text, means with their intervals."""
    text = (
        pl.when(pl.col("low").is_null())
        .then(pl.format("{}", pl.col("value").round(3)))
        .otherwise(pl.format("{} ({}-{})", *(pl.col(name).round(3) for name in ("value", "low", "high"))))
    )
    chosen = measured.filter((pl.col("depth") == depth) & ~pl.col("metric").is_in(["novelty"]))
    named = chosen.select(
        "split", "recommender", pl.format("{}@{}", "metric", "depth").alias("metric"), text.alias("text")
    )
    return named.pivot("metric", index=["split", "recommender"], values="text", maintain_order=True)


def label(measured: pl.DataFrame, split: str, name: str, setting: dict[str, Any], seconds: float) -> pl.DataFrame:
    """Return the measures with the columns that say what they were measured on."""
    return measured.select(
        pl.lit(split).alias("split"),
        pl.lit(name).alias("recommender"),
        pl.lit(json.dumps(setting)).alias("setting"),
        pl.lit(seconds).alias("seconds"),
        pl.all(),
    )


def recommenders(
    options: ModelOptions, n_movies: int
) -> Iterator[tuple[str, Callable[..., dict[str, Any]], Callable[..., Ranking]]]:
    """Yield the name of each recommender, how its setting is found, and how it recommends."""
    yield "cinecluster", partial(chosen_settings, options), partial(by_clusters, options)
    yield "article", no_setting, partial(by_article, options._replace(**ARTICLE))
    yield "overall favourites", no_setting, popular
    for baseline in known_baselines(n_movies):
        yield baseline.name, partial(best_setting, baseline.recommend, baseline.grid, options.seed), baseline.recommend


def no_setting(train: Interactions, kind: str) -> dict[str, Any]:
    """Return no setting: there is nothing to tune."""
    return {}


def chosen_settings(options: ModelOptions, train: Interactions, kind: str) -> dict[str, Any]:
    """Return what a retrain on the training part would choose."""
    choice = choose_settings(train, options)
    return {"n_fine_clusters": choice.n_fine_clusters, **choice.items._asdict()}


def best_setting(
    recommended: Callable[..., Ranking], grid: tuple[dict[str, Any], ...], seed: int, train: Interactions, kind: str
) -> dict[str, Any]:
    """Return the setting with the highest NDCG@10 on favourites held out from the training part."""
    fit, validation = hold_out(train, kind, seed + 1)

    def quality(setting: dict[str, Any]) -> float:
        return float(ndcg(find_hits(recommended(fit, DEPTHS[0], **setting), validation), DEPTHS[0]).mean())

    return max(grid, key=quality)


def by_clusters(
    options: ModelOptions, train: Interactions, top_n: int, n_fine_clusters: int, **settings: float
) -> Ranking:
    """Recommend as a retrain does."""
    return recommend(train, options, n_fine_clusters, ItemSettings(**settings), top_n)


def by_article(options: ModelOptions, train: Interactions, top_n: int) -> Ranking:
    """Recommend as the article does: what the own of 15 clusters of the incidence, small ones merged, likes most."""
    return recommend(train, options, ARTICLE_CLUSTERS, CLUSTERS_ALONE, top_n)
