"""The picture of the movies that are favourited most in each cluster."""

import math
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from tasks.report.plots.style import STYLE, draw_sentence, dress, new_figure, put_text, save
from tasks.report.plots.text import cluster_title, fit_movie, fit_text, font_families, plural, text_width

MAX_MOVIE_CLUSTERS = 12
MAX_MOVIES = 8


def draw_top_movies(top_movies: pl.DataFrame, path: Path) -> None:
    """Draw the movies that most users of each cluster favourited, one small panel per cluster.

    Parameters
    ----------
    top_movies : one row per cluster and rank: cluster, name, n_users (of the cluster), rank, title, share
        (0 to 1).
    path : the PNG to write.
    """
    shown = largest_clusters(top_movies)
    if shown.is_empty():
        draw_sentence("No movies", "No cluster has a favourite movie, so there is nothing to list.", path)
        return
    n_shown = shown["cluster"].n_unique()
    n_columns = min(n_shown, 2 if n_shown in (2, 4) else 3)
    n_rows = math.ceil(n_shown / n_columns)
    panel = {1: 8.6, 2: 5.6, 3: 4.1}[n_columns]
    words = movie_words(shown, top_movies["cluster"].n_unique())
    figure = new_figure(*words, width=n_columns * panel + 0.4, height=1.1 + 2.65 * n_rows, gap=0.07)
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes in grid[n_shown:]:
        axes.axis("off")
    for axes, movies in zip(grid, shown.partition_by("cluster", maintain_order=True), strict=False):
        draw_movie_bars(axes, movies, panel - 0.3, max(shown["share"].fill_null(0).to_list()) or 1.0)
    save(figure, path)


def largest_clusters(top_movies: pl.DataFrame) -> pl.DataFrame:
    """The first movies of the clusters with most users, largest cluster first."""
    clusters = (
        top_movies.group_by("cluster")
        .agg(pl.col("n_users").max().alias("size"))
        .sort(["size", "cluster"], descending=[True, False])
        .head(MAX_MOVIE_CLUSTERS)
    )
    return (
        top_movies.join(clusters, on="cluster")
        .filter(pl.col("rank") <= MAX_MOVIES)
        .sort(["size", "cluster", "rank"], descending=[True, False, False])
        .drop("size")
    )


def movie_words(shown: pl.DataFrame, n_clusters: int) -> tuple[str, str]:
    """Title and subtitle of the top movies."""
    n_shown = shown["cluster"].n_unique()
    n_firsts = shown.group_by("cluster").agg(pl.col("title").first())["title"].n_unique()
    title = f"{n_shown} clusters have {plural(n_firsts, 'different number-one movie')}"
    if n_firsts == 1:
        title = f"{n_shown} clusters share one number-one movie"
    if n_shown == 1:
        title = "What the users of one cluster favourite most"
    facts = "Bar and number: share of the cluster's users who favourited the movie"
    if n_shown < n_clusters:
        facts += f"; {n_shown} of {n_clusters:,} clusters shown, largest first"
    return title, facts


def draw_movie_bars(axes: Axes, movies: pl.DataFrame, width: float, longest: float) -> None:
    """One panel: pale bars with the titles written on them and the shares in a column to the right."""
    dress(axes, grid="")
    cluster, name, n_users = movies.select("cluster", "name", "n_users").row(0)
    users = plural(n_users, "user")
    room = width - text_width(users, 9) - 0.15
    heading = axes.set_title(fit_text(cluster_title(cluster, name), room, 10.5, "bold"), loc="left", size=10.5, pad=5)
    heading.set(weight="bold", color=STYLE["ink"], parse_math=False, family=list(font_families()))
    axes.set_title(users, loc="right", size=9, color=STYLE["muted"], pad=5)
    axes.set(xlim=(0, 1.12), ylim=(MAX_MOVIES - 0.4, -0.6), xticks=[], yticks=[])
    shares = movies["share"].fill_null(0).to_numpy()
    axes.barh(np.arange(len(shares)), shares / longest, height=0.84, color=STYLE["pale"])
    axes.vlines(0, -0.5, MAX_MOVIES - 0.5, color=STYLE["main"], linewidth=1.5)
    line = {"size": 8.5, "va": "center", "in_layout": False}
    for place, (title, share) in enumerate(zip(movies["title"], shares, strict=True)):
        put_text(axes, 0.015, place, fit_movie(title, 0.88 * width - 0.05, 8.5), **line)
        put_text(axes, 1.12, place, f"{100 * share:.0f} %", ha="right", color=STYLE["muted"], **line)
