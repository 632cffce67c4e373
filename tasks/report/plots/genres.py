"""The picture of the genres that each cluster leans to."""

import math
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, Normalize
from numpy.typing import NDArray

from tasks.report.plots.style import (
    MARGIN,
    STYLE,
    Room,
    add_colour_bar,
    draw_sentence,
    dress,
    new_figure,
    place_axes,
    put_text,
    save,
)
from tasks.report.plots.text import cluster_title, fit_text, font_families, text_width

TIMES = "\N{MULTIPLICATION SIGN}"
MAX_GENRE_CLUSTERS = 30
MAX_GENRES = 24


def draw_genres(genres: pl.DataFrame, path: Path) -> None:
    """Draw how much more or less each cluster favourites each genre than everybody does, as a heat map.

    Parameters
    ----------
    genres : one row per cluster and genre: cluster, name, genre, share (share of the cluster's favourites in
        the genre), lift (share / overall share).
    path : the PNG to write.
    """
    genres = genres.filter(pl.col("genre").is_not_null() & pl.col("share").is_not_null())
    if genres.is_empty():
        draw_sentence("No genres", "The movies of this run carry no genres, so there is nothing to compare.", path)
        return
    rows, columns = genre_rows(genres), genre_columns(genres)
    lift = lift_table(genres, rows["cluster"].to_list(), columns)
    words = genre_words(genres.filter(pl.col("cluster").is_in(rows["cluster"].to_list())), genres["cluster"].n_unique())
    width = max(9.0, 3.4 + 0.5 * len(columns))
    figure = new_figure(*words, width=width, height=2.9 + 0.3 * rows.height)
    titles = [fit_text(cluster_title(*row), 2.5, 9) for row in rows.rows()]
    names = [fit_text(genre, 1.3, 9) for genre in columns]
    left = MARGIN + 0.1 + max(text_width(title, 9) for title in titles)
    tilted = 0.75 * max(text_width(name, 9) for name in names)  # of a slope of 45 degrees
    room = Room(left=left, right=max(MARGIN, tilted - 0.2), bottom=0.75, top=1.05 + tilted)
    axes = place_axes(figure, room)[0, 0]
    dress(axes, grid="")
    draw_heat(axes, lift)
    axes.set_yticks(range(rows.height), titles, parse_math=False, family=list(font_families()), color=STYLE["ink"])
    axes.set_xticks(
        range(len(columns)), names, parse_math=False, family=list(font_families()), color=STYLE["ink"],
        rotation=45, ha="left", rotation_mode="anchor",
    )  # fmt: skip
    axes.xaxis.tick_top()
    save(figure, path)


def genre_rows(genres: pl.DataFrame) -> pl.DataFrame:
    """The clusters of the heat map, largest (lowest number) first: cluster, name."""
    return genres.group_by("cluster").agg(pl.col("name").first()).sort("cluster").head(MAX_GENRE_CLUSTERS)


def genre_columns(genres: pl.DataFrame) -> list[str]:
    """The genres of the heat map, most favourited first."""
    ordered = genres.group_by("genre").agg(pl.col("share").sum()).sort(["share", "genre"], descending=[True, False])
    return ordered["genre"].head(MAX_GENRES).to_list()


def lift_table(genres: pl.DataFrame, clusters: list[int], columns: list[str]) -> NDArray[np.float64]:
    """Lift by cluster and genre, shape (n_clusters, n_genres), nan where there is none."""
    table = np.full((len(clusters), len(columns)), np.nan)
    row_of = {cluster: place for place, cluster in enumerate(clusters)}
    column_of = {genre: place for place, genre in enumerate(columns)}
    for cluster, genre, lift in genres.select("cluster", "genre", "lift").iter_rows():
        if cluster in row_of and genre in column_of and lift is not None and 0 <= lift < math.inf:
            table[row_of[cluster], column_of[genre]] = lift
    return table


def genre_words(shown: pl.DataFrame, n_clusters: int) -> tuple[str, str]:
    """Title and subtitle: the genre that stands out most, weighing how far by how much of the favourites."""
    strength = pl.col("share") * pl.col("lift").log(2)
    facts = "Share of the cluster's favourites in a genre, against the share among all users"
    n_rows = shown["cluster"].n_unique()
    if n_rows < n_clusters:
        facts += f"; {n_rows} of {n_clusters:,} clusters shown, largest first"
    leading = shown.filter(pl.col("lift").is_finite() & (pl.col("lift") > 1.05)).sort(strength)
    if leading.is_empty():
        return "No cluster leans towards a genre", facts
    cluster, genre, lift = leading.select("cluster", "genre", "lift").row(-1)
    genre = fit_text(genre, 2, 15, "bold")
    return f"{genre} stands out most: {lift:.1f}{TIMES} the usual share in cluster {cluster}", facts


def lift_colours() -> Colormap:
    """Purple for less, orange for more, without the near-black ends that would drown the numbers."""
    middle = colormaps["PuOr_r"](np.linspace(0.1, 0.9, 255))
    return ListedColormap(middle).with_extremes(bad=STYLE["grid"])


def draw_heat(axes: Axes, lift: NDArray[np.float64]) -> None:
    """Cells coloured by log2 of the lift, white at 1, clipped at 1/4 and 4; the lift as a number."""
    with np.errstate(divide="ignore"):
        colours = np.clip(np.log2(lift), -2, 2)
    image = axes.imshow(np.ma.masked_invalid(colours), cmap=lift_colours(), norm=Normalize(-2, 2), aspect="auto")
    edges_x, edges_y = np.arange(lift.shape[1] + 1) - 0.5, np.arange(lift.shape[0] + 1) - 0.5
    axes.hlines(edges_y, edges_x[0], edges_x[-1], color="white", linewidth=1.5)
    axes.vlines(edges_x, edges_y[0], edges_y[-1], color="white", linewidth=1.5)
    cell = {"size": 8, "ha": "center", "va": "center", "in_layout": False}
    for (row, column), value in np.ndenumerate(lift):
        if np.isfinite(value):
            ink = "white" if abs(colours[row, column]) > 1.3 else STYLE["ink"]
            put_text(axes, column, row, f"{value:.1f}", color=ink, **cell)
    bar = add_colour_bar(axes, image, [-2, -1, 0, 1, 2])
    bar.ax.set_xticklabels(
        [f"¼{TIMES} or less", f"½{TIMES}", f"1{TIMES}", f"2{TIMES}", f"4{TIMES} or more"],
        size=8.5,
        color=STYLE["muted"],
    )
