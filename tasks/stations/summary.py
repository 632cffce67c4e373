"""What a run read, made and chose, kept with its tables."""

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from tasks.engine import Engine
from tasks.engine.duckdb import run
from tasks.published.publish import Build, published_runs
from tasks.source.ingest import RowCounts

SCHEMA_VERSION = "1.0"  # of what docs/tables.md calls stable; it says when which number grows
LIBRARIES = ("cinecluster", "prefect", "duckdb", "polars", "scikit-learn", "scipy", "numpy")


class RunFacts(NamedTuple):
    """What is kept of a run.

    rows : what became of the rows of the ratings file.
    config : every option of the run.
    metrics : measures of the clusters, and held-out quality.
    """

    rows: RowCounts
    config: dict[str, Any]
    metrics: dict[str, float]


def write_summary(engine: Engine, build: Build, published: Path, facts: RunFacts) -> dict[str, int]:
    """Build ``ratings_summary`` and ``runs``; return the row of the former.

    The runs before this one are taken over from the published file.
    """
    history = published_runs(published)
    with engine.connect() as connection:
        run(connection, "published/ratings_summary", run_id=build.run_id, **facts.rows._asdict())
        summary = connection.table("ratings_summary").pl().drop("run_id").to_dicts()[0]
        run(connection, "published/runs")
        connection.register("history", history)
        run(connection, "published/add_runs_before")
        insert_run(connection, build, facts.config, facts.metrics)
    return summary


def insert_run(
    connection: duckdb.DuckDBPyConnection, build: Build, config: dict[str, Any], metrics: dict[str, Any]
) -> None:
    """Add the row of this run to ``runs``."""
    versions = {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}
    finished_at = datetime.now(UTC)
    metrics = {"seconds": round((finished_at - build.started_at).total_seconds(), 1)} | metrics
    run(
        connection,
        "published/add_run",
        run_id=build.run_id,
        started_at=build.started_at.replace(tzinfo=None),
        finished_at=finished_at.replace(tzinfo=None),
        schema_version=SCHEMA_VERSION,
        config=json.dumps(config),
        versions=json.dumps(versions),
        metrics=json.dumps(metrics),
    )
