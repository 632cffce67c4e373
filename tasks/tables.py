"""The results of the clustering written into the tables of a build."""

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.clusters import Clustering, Nearness, Tastes
from tasks.database import connect, run
from tasks.incidence import Incidence
from tasks.ingest import RowCounts
from tasks.method import Method
from tasks.publish import Build, published_runs
from tasks.recommend import Recommendations
from tasks.step import step

LIBRARIES = ("cinecluster", "prefect", "duckdb", "polars", "scikit-learn", "scipy", "numpy")


@step("Write the clusters")
def write_clusters(
    database: Path,
    incidence: Incidence,
    found: Clustering,
    clusters: Clustering,
    min_cluster_size: int,
    fine: Clustering,
    nearness: Nearness,
    tastes: Tastes | None,
    min_rating: float,
    memory_limit: str | None = None,
) -> None:
    """Build the tables of the clusters and of what their users like.

    Parameters
    ----------
    database : build with ``favourites`` and ``movies``.
    incidence, found, clusters, fine, nearness, tastes : of the same users; ``found`` are the clusters before small
        ones were merged.
    min_cluster_size : users.
    min_rating : stars of a favourite.
    """
    users = pl.DataFrame(
        {
            "user_id": incidence.user_ids,
            "cluster": clusters.labels,
            "cluster_before_merge": found.labels,
            "was_moved": np.bincount(found.labels)[found.labels] < min_cluster_size,
            "fine_cluster": fine.labels,
            "nearest_clusters": nearness.clusters,
            "weights": nearness.weights,
            "taste": tastes.users if tastes else None,
        }
    )
    movies = pl.DataFrame({"movie_id": incidence.movie_ids, "taste": tastes.movies if tastes else None})
    with connect(database, memory_limit) as connection:
        connection.register("user_cluster_rows", users)
        connection.register("movie_taste_rows", movies)
        for name in ("user_clusters", "fine_clusters", "watched"):
            run(connection, name)
        for name in ("overall_favourites", "fine_cluster_movies"):
            run(connection, name, min_rating=min_rating)
        for name in ("fine_cluster_tastes", "cluster_movies", "cluster_genres", "clusters"):
            run(connection, name)


@step("Write the recommendations")
def write_recommendations(
    database: Path,
    incidence: Incidence,
    labels: NDArray[np.int32],
    recommendations: Recommendations,
    exclude_seen: bool,
    method: Method,
    memory_limit: str | None = None,
) -> int:
    """Build ``recommendations``, ``scoring`` and the view ``seen``.

    ``labels`` are the users' clusters, shape (n_users,). Returns the number of recommendations.
    """
    with connect(database, memory_limit) as connection:
        titles = connection.sql("select movie_id, title from movies").pl()
        known = pl.DataFrame({"movie_id": incidence.movie_ids}).join(titles, on="movie_id", maintain_order="left")
        frame = pl.DataFrame(
            {
                "user_id": incidence.user_ids[recommendations.user],
                "rank": recommendations.rank,
                "movie_id": incidence.movie_ids[recommendations.movie],
                "title": known["title"].gather(recommendations.movie),
                "cluster": labels[recommendations.user],
                "score": recommendations.score,
            }
        )
        connection.register("recommendation_rows", frame)
        run(
            connection,
            "scoring",
            **{name: getattr(method, name) for name in ("smoothing", "watched_weight", "taste_weight")},
        )
        for name in ("recommendations", "seen" if exclude_seen else "seen_favourites"):
            run(connection, name)
    return len(frame)


@step("Write the elbow")
def write_elbow(
    database: Path,
    wcss: NDArray[np.float64],
    elbow: int,
    n_clusters: int,
    quality: dict[int, float],
    n_fine_clusters: int,
) -> None:
    """Build the table ``elbow``.

    Parameters
    ----------
    wcss : WCSS of 1, 2, ... clusters.
    elbow : number that the elbow rule suggests.
    n_clusters : number that was chosen.
    quality : held-out NDCG@10 by number of fine clusters; empty where it was not measured.
    n_fine_clusters : number of fine clusters that was chosen; 0 if the clusters serve as such.
    """
    numbers = sorted({*range(1, len(wcss) + 1), *quality, n_clusters, n_fine_clusters or n_clusters})
    frame = pl.DataFrame(
        {
            "n_clusters": numbers,
            "wcss": [float(wcss[k - 1]) if k <= len(wcss) else None for k in numbers],
            "quality": [quality.get(k) for k in numbers],
            "is_elbow": [k == elbow for k in numbers],
            "is_chosen": [k == n_clusters for k in numbers],
            "is_fine": [k == (n_fine_clusters or n_clusters) for k in numbers],
        },
        schema_overrides={"n_clusters": pl.Int32, "wcss": pl.Float64, "quality": pl.Float64},
    )
    with connect(database) as connection:
        connection.register("elbow_rows", frame)
        run(connection, "elbow")


@step("Write the summary")
def write_summary(
    build: Build, published: Path, rows: RowCounts, config: dict[str, Any], metrics: dict[str, Any]
) -> dict[str, int]:
    """Build ``ratings_summary`` and ``runs``; return the row of the former.

    The runs before this one are taken over from the published file.
    """
    history = published_runs(published)
    with connect(build.database) as connection:
        run(
            connection,
            "ratings_summary",
            run_id=build.run_id,
            n_rows_read=rows.n_rows_read,
            n_rejected=rows.n_rejected,
            n_superseded=rows.n_superseded,
        )
        summary = connection.sql("select * exclude run_id from ratings_summary").pl().to_dicts()[0]
        run(connection, "runs")
        connection.register("history", history)
        connection.execute("insert into runs from history")
        insert_run(connection, build, config, metrics)
    return summary


def insert_run(
    connection: duckdb.DuckDBPyConnection, build: Build, config: dict[str, Any], metrics: dict[str, Any]
) -> None:
    """Add the row of this run to ``runs``."""
    versions = {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}
    finished_at = datetime.now(UTC)
    metrics = {"seconds": round((finished_at - build.started_at).total_seconds(), 1)} | metrics
    connection.execute(
        "insert into runs values ($run_id, $started_at, $finished_at, $config, $versions, $metrics)",
        {
            "run_id": build.run_id,
            "started_at": build.started_at.replace(tzinfo=None),
            "finished_at": finished_at.replace(tzinfo=None),
            "config": json.dumps(config),
            "versions": json.dumps(versions),
            "metrics": json.dumps(metrics),
        },
    )
