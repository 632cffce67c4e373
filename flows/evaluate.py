"""The evaluation: how good the recommendations are, against known recommenders, on held-out favourites."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_table_artifact

from flows.config import EvaluateConfig, with_parameters_of
from flows.notify import notify_webhook
from tasks.evaluate import evaluate_recommenders, prepare_places, publish_evaluation, standings
from tasks.favourites_log import ingest_favourites_log
from tasks.incidence import load_disliked, load_evidence, load_incidence, select_favourites
from tasks.ingest import ingest_ratings
from tasks.source import make_demo_source


@flow(
    name="evaluate",
    flow_run_name="preset {preset}",
    on_failure=[notify_webhook],
    on_crashed=[notify_webhook],
)
@with_parameters_of(EvaluateConfig)
def evaluate(**options: Any) -> list[dict[str, Any]]:
    """Hold out favourites, let every recommender foretell them, and publish how well each did.

    Nothing of the retrain's tables is read or changed.
    """
    c = EvaluateConfig(**options)
    prepare_places(c.database, c.reports)
    source = c.source or make_demo_source(c.database.parent / "demo")
    with tempfile.TemporaryDirectory(prefix="cinecluster-") as folder:
        database = Path(folder) / "evaluate.duckdb"
        ingest_ratings(database, source, c.max_rejected_share, c.memory_limit)
        ingest_favourites_log(database, c.database)
        select_favourites(database, c.min_rating, c.first_movies, c.first_users, c.memory_limit)
        incidence = load_incidence(database, c.memory_limit)
        shape = incidence.matrix.shape
        disliked = load_disliked(database, shape, c.min_rating, c.exclude_seen, c.memory_limit)
        evidence = load_evidence(database, shape, c.min_rating, c.watched_weight, c.memory_limit)
    measured = evaluate_recommenders(evidence, disliked, c.method, c.evaluate_users, c.seed)
    publish_evaluation(measured, c.database, c.reports)
    create_table_artifact(
        standings(measured).to_dicts(),
        key="evaluation",
        description="Quality of each recommender on held-out favourites.",
    )
    return measured.to_dicts()


if __name__ == "__main__":
    from flows.cli import main

    main(["evaluate", *sys.argv[1:]])
