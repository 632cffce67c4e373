"""The picture of an evaluation: quality of each recommender."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from tasks.report.plots.style import STYLE, dress, new_figure, put_text, save


def draw_evaluation(evaluation: pl.DataFrame, path: Path) -> None:
    """Draw NDCG@10 with its confidence interval, and coverage@10, of each recommender, a row of panels a split.

    Parameters
    ----------
    evaluation : one row per split, recommender, metric and depth: split, recommender, metric, depth, value, low,
        high (null for coverage), n_users.
    path : the PNG to write.
    """
    shown = evaluation.filter(pl.col("depth") == 10)
    splits = shown["split"].unique(maintain_order=True).to_list()
    names = shown["recommender"].unique(maintain_order=True).to_list()
    height = 1.6 + len(splits) * (0.9 + 0.34 * len(names))
    figure = new_figure(*evaluation_words(shown), width=11, height=height, gap=0.08)
    for split, row in zip(splits, figure.subplots(len(splits), 2, squeeze=False), strict=True):
        for metric, axes in zip(("NDCG", "coverage"), row, strict=True):
            values = shown.filter((pl.col("split") == split) & (pl.col("metric") == metric))
            draw_standing(axes, values, f"{metric}@10, {split} split")
        row[1].set_yticklabels([])
    save(figure, path)


def evaluation_words(shown: pl.DataFrame) -> tuple[str, str]:
    """Title and subtitle: how cinecluster stands to the best of the others on each split."""
    parts = []
    quality = shown.filter(pl.col("metric") == "NDCG")
    for (split,), rows in quality.group_by("split", maintain_order=True):
        own = rows.filter(pl.col("recommender") == "cinecluster")["value"][0]
        best = rows.filter(pl.col("recommender") != "cinecluster").sort("value").row(-1, named=True)
        parts.append(f"{own / best['value']:.2f} x {best['recommender']} ({split})")
    title = "Foretelling held-out favourites: " + ", ".join(parts)
    n_users = quality["n_users"].to_list()[0]
    return title, f"mean over {n_users:,} users with held-out favourites; bars: 95 % of bootstrap samples"


def draw_standing(axes: Axes, values: pl.DataFrame, title: str) -> None:
    """One panel: a point and a bar a recommender, the first on top, ours in the accent colour."""
    dress(axes, title, grid="x")
    places = -np.arange(len(values))
    colours = [STYLE["accent"] if name == "cinecluster" else STYLE["main"] for name in values["recommender"]]
    value = values["value"].to_numpy()
    low = values["low"].cast(pl.Float64).fill_null(values["value"]).to_numpy()
    high = values["high"].cast(pl.Float64).fill_null(values["value"]).to_numpy()
    axes.hlines(places, low, high, color=colours, linewidth=2, alpha=0.55)
    axes.scatter(value, places, color=colours, s=36, zorder=3)
    for place, number, right in zip(places.tolist(), value.tolist(), high.tolist(), strict=True):
        put_text(axes, right, place, f"  {number:.3f}", size=9, va="center")
    axes.set_yticks(places, values["recommender"].to_list())
    axes.set_ylim(places.min() - 0.6, 0.6)
    axes.set_xlim(0, 1.16 * high.max())
