"""The pictures of a run, kept in the table ``reports`` of its build."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from tasks.blocks import Interactions, favourites_of
from tasks.engine import Engine
from tasks.engine.duckdb import frame, run
from tasks.model.types import Groups, ModelOptions, Points
from tasks.progress import report_progress
from tasks.published.read import tables_in
from tasks.report.plots.cluster_sizes import draw_cluster_sizes
from tasks.report.plots.elbow import draw_elbow
from tasks.report.plots.evaluation import draw_evaluation
from tasks.report.plots.genres import draw_genres
from tasks.report.plots.incidence import draw_incidence
from tasks.report.plots.item_weight import draw_item_weight
from tasks.report.plots.top_movies import draw_top_movies
from tasks.report.plots.user_map import draw_user_map, project_users

SHOWN_MOVIES = 8


def draw_reports(
    engine: Engine, sample: Interactions, points: Points, groups: Groups, options: ModelOptions
) -> list[str]:
    """Draw every picture and store it in the table ``reports``; return the file names.

    Parameters
    ----------
    engine : of a build with its cluster tables.
    sample, points, groups : the users that the model was fitted to.
    options : of the model; the elbow's boundary is drawn where its rule has one.
    """
    frames = read_frames(engine)
    with threadpool_limits(1):  # threads cost more than they bring on a sample
        rows, coordinates = project_users(points, options.seed)
    sizes = (np.bincount(groups.found.labels), np.bincount(groups.clusters.labels))
    labels = groups.clusters.labels
    boundary = options.elbow_boundary if options.elbow_rule == "boundary" else None
    pictures: dict[str, Callable[..., None]] = {
        "elbow.png": partial(draw_elbow, frames["elbow"], boundary=boundary),
        "cluster_sizes.png": partial(draw_cluster_sizes, *sizes, options.min_cluster_size),
        "user_map.png": partial(draw_user_map, coordinates, labels[rows], frames["names"]["name"].to_list()),
        "top_movies.png": partial(draw_top_movies, frames["top_movies"]),
        "genres.png": partial(draw_genres, frames["genres"]),
        "incidence.png": partial(draw_incidence, favourites_of(sample), labels),
    }
    if len(frames["item_settings"]):
        pictures["item_weight.png"] = partial(draw_item_weight, frames["item_settings"])
    if "evaluation" in frames:
        pictures["evaluation.png"] = partial(draw_evaluation, frames["evaluation"])
    with tempfile.TemporaryDirectory() as folder, engine.connect() as connection:
        run(connection, "report/reports")
        for done, (name, draw) in enumerate(pictures.items(), start=1):
            path = Path(folder) / name
            draw(path=path)
            add_report(connection, name, path.read_bytes())
            report_progress(done, len(pictures))
    return list(pictures)


def add_report(connection: duckdb.DuckDBPyConnection, name: str, content: bytes) -> None:
    """Add a picture or page to the table ``reports``."""
    run(connection, "report/add_report", report=name, content=content)


def read_frames(engine: Engine) -> dict[str, pl.DataFrame]:
    """Return the rows that the pictures show, by picture."""
    with engine.connect() as connection:
        frames = {
            "elbow": frame(connection, "report/report_elbow"),
            "top_movies": frame(connection, "report/report_top_movies", n=SHOWN_MOVIES),
            "item_settings": connection.table("item_settings").pl(),
            "genres": frame(connection, "report/report_genres"),
            "names": connection.table("clusters").order("cluster").select("name").pl(),
        }
        if "evaluation" in tables_in(connection):
            frames["evaluation"] = connection.table("evaluation").pl().drop("setting")
    return frames
