"""Recommenders compared on favourites that were held out from all of them."""

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from tasks.clusters import k_means, nearest_clusters
from tasks.database import connect, connect_to_published, describe_tables, run
from tasks.errors import CineclusterError
from tasks.faults import told_with_remedy, written_to
from tasks.incidence import Evidence
from tasks.merge import merge_clusters
from tasks.method import Method
from tasks.metrics import DEPTHS, find_hits, measure, ndcg
from tasks.peers import known_peers, popular
from tasks.plots.evaluation import draw_evaluation
from tasks.quality import (
    choose_n_fine_clusters,
    favourites_of,
    hold_out,
    recommend_by,
    select_users,
    try_fine_clusters,
)
from tasks.recommend import Recommendations, best_movies
from tasks.step import report_progress, step

SPLITS = ("random", "temporal")
ARTICLE_CLUSTERS, ARTICLE_STARTS, ARTICLE_MINIMUM = 15, 10, 6
Tune = Callable[[Evidence, csr_matrix, str], dict[str, Any]]


@step("Evaluate")
def evaluate_recommenders(
    evidence: Evidence, excluded: csr_matrix, method: Method, sample_users: int, seed: int
) -> pl.DataFrame:
    """Measure this product, the article's way, overall favourites and known recommenders on two splits.

    Every recommender learns from the same favourites of the same users, leaves out the same movies, and is tuned,
    where it has settings to tune, on favourites held out from the training part. The last recommendation is
    never seen by any of them before.

    Parameters
    ----------
    evidence, excluded : of all users, as for `recommend_by`.
    method : how this product recommends.
    sample_users : users drawn, at most; the rest is left out.
    seed : of the draw, of the random split and of the bootstrap.

    Returns
    -------
    One row a split, recommender, metric and depth: split, recommender, setting (JSON), seconds, and the columns of
    `tasks.metrics.measure`.

    Raises
    ------
    CineclusterError
        If no user has five favourites.
    """
    random = np.random.default_rng(seed)
    drawn = np.sort(random.choice(excluded.shape[0], min(excluded.shape[0], sample_users), replace=False))
    evidence, excluded = select_users(evidence, drawn), excluded[drawn]
    splits = SPLITS if evidence.times.any() else SPLITS[:1]
    contest = list(recommenders(method, excluded.shape[1]))
    frames = []
    for done, split in enumerate(splits):
        order = evidence.times if split == "temporal" else random.random(evidence.weights.nnz)
        train, test = hold_out(evidence, order, split == "temporal")
        if test.nnz == 0:
            raise CineclusterError("Nothing to hold out: no user has five favourites.")
        for rank, (name, tune, recommend) in enumerate(contest):
            started = time.monotonic()
            setting = tune(train, excluded, split)
            found = recommend(train, excluded, max(DEPTHS), **setting)
            measured = measure(found, favourites_of(train), test, seed)
            frames.append(describe(measured, split, name, setting, time.monotonic() - started))
            report_progress(done * len(contest) + rank + 1, len(splits) * len(contest))
    return pl.concat(frames)


@step("Publish the evaluation")
def publish_evaluation(measured: pl.DataFrame, database: Path, reports: Path) -> None:
    """Replace the file ``database`` by one with the table ``evaluation``, and ``reports / "evaluation.png"``."""
    build = database.with_name(f".{database.name}.new")
    picture = reports / ".evaluation.png.new"
    with told_with_remedy(), written_to(database):
        build.unlink(missing_ok=True)
        write_evaluation(build, measured)
        draw_evaluation(measured, picture)
        build.replace(database)
        picture.replace(reports / "evaluation.png")


def prepare_places(database: Path, reports: Path) -> None:
    """Make the folders that an evaluation is written to.

    Raises
    ------
    CineclusterError
        If they cannot be made, or ``database`` is there already and holds anything else than an evaluation.
    """
    for folder in (database.parent, reports):
        with written_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
    if database.exists():
        with connect_to_published(database) as connection:
            others = connection.execute("from duckdb_tables() where table_name <> 'evaluation'").fetchall()
        if others:
            raise CineclusterError(f"{database}: holds other tables than an evaluation. Choose another --database.")


@step("Write the evaluation")
def add_evaluation(database: Path, measured: pl.DataFrame | None) -> None:
    """Build the table ``evaluation`` in a retrain's build, if there was an evaluation."""
    if measured is not None:
        write_evaluation(database, measured)


def write_evaluation(database: Path, measured: pl.DataFrame) -> None:
    """Build the table ``evaluation``."""
    with connect(database) as connection:
        connection.register("evaluation_rows", measured)
        run(connection, "evaluation")
        describe_tables(connection, "")


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


def describe(measured: pl.DataFrame, split: str, name: str, setting: dict[str, Any], seconds: float) -> pl.DataFrame:
    """Return the measures with the columns that say of what they are."""
    return measured.select(
        pl.lit(split).alias("split"),
        pl.lit(name).alias("recommender"),
        pl.lit(json.dumps(setting)).alias("setting"),
        pl.lit(seconds).alias("seconds"),
        pl.all(),
    )


def recommenders(
    method: Method, n_movies: int
) -> Iterator[tuple[str, Callable[..., dict[str, Any]], Callable[..., Any]]]:
    """Yield the name of each recommender, how its setting is found, and how it recommends."""
    yield "cinecluster", partial(best_n_fine_clusters, method), partial(by_clusters, method)
    yield "article", no_setting, partial(by_article, method)
    yield "overall favourites", no_setting, by_popularity
    for peer in known_peers(n_movies):
        recommend = partial(by_peer, peer.recommend)
        yield peer.name, partial(best_setting, recommend, peer.grid, method.seed), recommend


def no_setting(train: Evidence, excluded: csr_matrix, split: str) -> dict[str, Any]:
    """Return no setting: there is nothing to tune."""
    return {}


def best_n_fine_clusters(method: Method, train: Evidence, excluded: csr_matrix, split: str) -> dict[str, Any]:
    """Return the number of fine clusters that a retrain on the training part would choose."""
    quality = try_fine_clusters(train, excluded, method)
    return {"n_fine_clusters": choose_n_fine_clusters("auto", quality, excluded.shape[0])}


def best_setting(
    recommend: Callable[..., Recommendations],
    grid: tuple[dict[str, Any], ...],
    seed: int,
    train: Evidence,
    excluded: csr_matrix,
    split: str,
) -> dict[str, Any]:
    """Return the setting with the highest NDCG@10 on favourites held out from the training part."""
    order = train.times if split == "temporal" else np.random.default_rng(seed).random(train.weights.nnz)
    fit, validation = hold_out(train, order, split == "temporal")

    def quality(setting: dict[str, Any]) -> float:
        return float(ndcg(find_hits(recommend(fit, excluded, DEPTHS[0], **setting), validation), DEPTHS[0]).mean())

    return max(grid, key=quality)


def by_clusters(
    method: Method, train: Evidence, excluded: csr_matrix, top_n: int, n_fine_clusters: int
) -> Recommendations:
    """Recommend as a retrain does."""
    return recommend_by(method, train, excluded, n_fine_clusters, top_n)


def by_article(method: Method, train: Evidence, excluded: csr_matrix, top_n: int) -> Recommendations:
    """Recommend as the article does: what the own of 15 clusters of the incidence, small ones merged, likes most."""
    incidence = favourites_of(train)
    found = k_means(incidence, ARTICLE_CLUSTERS, ARTICLE_STARTS, method.max_iter, method.seed)
    clusters = merge_clusters(found, incidence, incidence, ARTICLE_MINIMUM, "overlap")
    own = nearest_clusters(incidence, clusters, 1, 0.0)
    plain = method._replace(smoothing=0.0, taste_weight=0.0)
    return best_movies(incidence, incidence, excluded, clusters, own, None, plain, top_n)


def by_popularity(train: Evidence, excluded: csr_matrix, top_n: int) -> Recommendations:
    """Recommend the overall favourites."""
    return popular(favourites_of(train), excluded, top_n)


def by_peer(
    recommend: Callable[..., Recommendations], train: Evidence, excluded: csr_matrix, top_n: int, **setting: Any
) -> Recommendations:
    """Recommend by a known recommender, from the favourites."""
    return recommend(favourites_of(train), excluded, top_n, **setting)
