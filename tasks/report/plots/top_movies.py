"""The picture of the movies that are favourited most in each cluster."""

import math
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from tasks.report.plots.style import MARGIN, STYLE, Room, draw_sentence, new_figure, place_axes, put_text, save
from tasks.report.plots.text import cluster_title, fit_movie, fit_text, text_width
from tasks.text import plural

MAX_MOVIE_CLUSTERS = 12
MAX_MOVIES = 8
PANEL_HEIGHT, LINE = 2.65, 0.27  # inches


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
    width, height = n_columns * panel + 0.1, 1.1 + PANEL_HEIGHT * n_rows
    figure = new_figure(*words, width=width, height=height)
    [[axes]] = place_axes(figure, Room(0, 0, 0, 0))  # one for all panels: each costs as much as its texts
    axes.axis("off")
    longest = max(shown["share"].fill_null(0).to_list()) or 1.0
    for place, movies in enumerate(shown.partition_by("cluster", maintain_order=True)):
        row, column = divmod(place, n_columns)
        draw_movie_bars(axes, movies, MARGIN + panel * column, 1.2 + PANEL_HEIGHT * row, panel - 0.3, longest)
    axes.set(xlim=(0, width), ylim=(height, 0))
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


def draw_movie_bars(axes: Axes, movies: pl.DataFrame, left: float, top: float, width: float, longest: float) -> None:
    """One panel, in inches: pale bars with the titles written on them and the shares in a column to the right."""
    cluster, name, n_users = movies.select("cluster", "name", "n_users").row(0)
    users = plural(n_users, "user")
    room = width - text_width(users, 9) - 0.15
    heading = fit_text(cluster_title(cluster, name), room, 10.5, "bold")
    put_text(axes, left, top, heading, size=10.5, weight="bold", va="baseline")
    put_text(axes, left + width, top, users, size=9, color=STYLE["muted"], ha="right", va="baseline")
    shares = movies["share"].fill_null(0).to_numpy()
    places = top + 0.1 + LINE * (np.arange(len(shares)) + 0.5)
    axes.barh(places, 0.89 * width * shares / longest, left=left, height=0.84 * LINE, color=STYLE["pale"])
    axes.vlines(left, top + 0.1, top + 0.1 + LINE * MAX_MOVIES, color=STYLE["main"], linewidth=1.5)
    line = {"size": 8.5, "va": "center"}
    for place, title, share in zip(places.tolist(), movies["title"], shares, strict=True):
        put_text(axes, left + 0.05, place, fit_movie(title, 0.88 * width - 0.05, 8.5), **line)
        put_text(axes, left + width, place, f"{100 * share:.0f} %", ha="right", color=STYLE["muted"], **line)
