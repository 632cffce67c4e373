"""The evaluation: how good the recommendations are, against known recommenders, on held-out favourites."""

import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from prefect import flow
from prefect.artifacts import create_table_artifact

from flows.config import EvaluateOptions
from flows.notify import NOTIFIED
from flows.parameters import with_parameters_of
from flows.stations import (
    build_interactions,
    evaluate_recommenders,
    evaluate_unseen_users,
    ingest_favourites_log,
    ingest_ratings,
    load_sample,
    make_demo_source,
    publish_evaluation,
    read_movie_rules,
    select_favourites,
)
from tasks.engine.duckdb import DuckDBEngine
from tasks.quality.standings import standings
from tasks.stations.evaluation import prepare_places
from tasks.stations.rules import withheld_columns


@flow(name="evaluate", flow_run_name="preset {preset}", **NOTIFIED)
@with_parameters_of(EvaluateOptions)
def evaluate(**options: Any) -> list[dict[str, Any]]:
    """Hold out favourites, let every recommender predict them, and publish how well each did.

    Nothing of the retrain's tables is read or changed.
    """
    o = EvaluateOptions(**options)
    prepare_places(o.database, o.reports)
    rules = read_movie_rules(o.available, o.blocked)
    source = o.source or make_demo_source(o.database.parent / "demo")
    with tempfile.TemporaryDirectory(prefix="cinecluster-") as folder:
        engine = DuckDBEngine(Path(folder) / "evaluate.duckdb", o.memory_limit, o.threads)
        ingest_ratings(engine, source, o.max_rejected_share)
        ingest_favourites_log(engine, o.database)
        select_favourites(engine, o.favourites)
        movies = build_interactions(engine)
        users = load_sample(engine, o.model._replace(fit_users=o.n_users))
    withheld = withheld_columns(movies, rules)
    if o.protocol == "strong":
        measured = evaluate_unseen_users(users, movies.movie_ids, o.model, o.budget_minutes, withheld)
    else:
        measured = evaluate_recommenders(users, o.model, o.budget_minutes, withheld)
    publish_evaluation(measured, o.database, o.reports)
    create_table_artifact(
        artifact_rows(measured),
        key="evaluation",
        description="Quality of each recommender on held-out favourites.",
    )
    return measured.to_dicts()


def artifact_rows(measured: pl.DataFrame) -> list[dict[str, str]]:
    """Return the standings as rows, with what was held out in front."""
    return [
        {"held out": standing.title} | dict(zip(standing.columns, row, strict=True))
        for standing in standings(measured)
        for row in standing.rows
    ]
