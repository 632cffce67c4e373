"""The pictures of a run, kept in the table ``reports`` of its build."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from tasks.clusters import Clustering, Points
from tasks.database import connect, run, statement
from tasks.plots.cluster_sizes import draw_cluster_sizes
from tasks.plots.elbow import draw_elbow
from tasks.plots.evaluation import draw_evaluation
from tasks.plots.genres import draw_genres
from tasks.plots.incidence import draw_incidence
from tasks.plots.top_movies import draw_top_movies
from tasks.plots.user_map import draw_user_map, project_users
from tasks.step import report_progress, step

SHOWN_MOVIES = 8


@step("Draw the reports")
def draw_reports(
    database: Path,
    incidence: csr_matrix,
    points: Points,
    before: Clustering,
    merged: Clustering,
    min_cluster_size: int,
    elbow_boundary: float | None,
    seed: int,
) -> list[str]:
    """Draw every picture and store it in the table ``reports``; return the file names.

    Parameters
    ----------
    database : build with its cluster tables.
    incidence, points, before, merged : of the same users.
    elbow_boundary : WCSS difference to mark, None for none.
    seed : of the sample of users on the map.
    """
    frames = read_frames(database)
    with threadpool_limits(1):  # threads cost more than they bring on a sample
        rows, coordinates = project_users(points, seed)
    sizes = (np.bincount(before.labels), np.bincount(merged.labels))
    pictures: dict[str, Callable[..., None]] = {
        "elbow.png": partial(draw_elbow, frames["elbow"], boundary=elbow_boundary),
        "cluster_sizes.png": partial(draw_cluster_sizes, *sizes, min_cluster_size),
        "user_map.png": partial(draw_user_map, coordinates, merged.labels[rows], frames["names"]["name"].to_list()),
        "top_movies.png": partial(draw_top_movies, frames["top_movies"]),
        "genres.png": partial(draw_genres, frames["genres"]),
        "incidence.png": partial(draw_incidence, incidence, merged.labels),
    }
    if "evaluation" in frames:
        pictures["evaluation.png"] = partial(draw_evaluation, frames["evaluation"])
    with tempfile.TemporaryDirectory() as folder, connect(database) as connection:
        run(connection, "reports")
        for done, (name, draw) in enumerate(pictures.items(), start=1):
            path = Path(folder) / name
            draw(path=path)
            connection.execute(
                "insert into reports values ($name, $content)", {"name": name, "content": path.read_bytes()}
            )
            report_progress(done, len(pictures))
    return list(pictures)


def read_frames(database: Path) -> dict[str, pl.DataFrame]:
    """Return the rows that the pictures show, by picture."""
    with connect(database) as connection:
        frames = {
            "elbow": connection.sql(statement("report_elbow")).pl(),
            "top_movies": connection.sql(statement("report_top_movies"), params={"n": SHOWN_MOVIES}).pl(),
            "genres": connection.sql(statement("report_genres")).pl(),
            "names": connection.sql("select name from clusters order by cluster").pl(),
        }
        if connection.sql("select 1 from duckdb_tables() where table_name = 'evaluation'").fetchall():
            frames["evaluation"] = connection.sql("select * exclude setting from evaluation").pl()
    return frames
