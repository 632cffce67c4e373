"""The picture of an evaluation: how good each recommender is, who is better, and whether that may be chance."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from tasks.quality.standings import OURS, main_rows, strongest
from tasks.report.plots.style import STYLE, Room, draw_sentence, dress, new_figure, place_axes, put_text, save
from tasks.report.plots.text import text_width

COMPARED = ("known users", "strong")  # protocols with a row of panels for each split
APART = ("new users", "rare movies")  # protocols with a panel for all splits
ROW = 0.3  # inches a recommender
SHORT = {"random": "at random", "temporal": "latest of each user", "cut": "after one moment"}


def draw_evaluation(evaluation: pl.DataFrame, path: Path) -> None:
    """Draw the quality of each recommender, and that of cinecluster as a multiple of it.

    Parameters
    ----------
    evaluation : the rows of the table ``evaluation``.
    path : the PNG to write.
    """
    measured = evaluation.filter(pl.col("value").is_not_null())
    splits = [rows for _, rows in measured.group_by("protocol", "split", maintain_order=True)]
    compared = [rows for rows in splits if rows["protocol"][0] in COMPARED]
    apart = [name for name in APART if name in measured["protocol"].unique()]
    heights = [0.75 + ROW * main_of(rows).height for rows in compared]
    if apart:
        n_rows = max(measured.filter(pl.col("protocol") == name)["split"].n_unique() for name in apart)
        heights.append(0.75 + 1.6 * ROW * n_rows)
    if not heights:
        return draw_sentence("No evaluation", "Nothing could be measured.", path)
    title, subtitle = words_of(evaluation, compared)
    height = 1.1 + sum(heights)
    figure = new_figure(title, subtitle, width=12, height=height)
    names = measured.select(pl.col("recommender", "split")).unpivot()["value"].unique()
    left = 0.35 + max(text_width(f"{name} *", 9) for name in names)
    tops = 0.9 + np.cumsum([0, *heights])
    rooms = [Room(left, 0.3, height - bottom + 0.35, top + 0.4, 0.5) for top, bottom in pairwise(tops)]
    for room, rows in zip(rooms, compared, strict=False):
        draw_split(list(place_axes(figure, room, 1, 3, width_ratios=(5, 5, 3))[0]), rows)
    if apart:
        panels = place_axes(figure, rooms[-1]._replace(across=left), 1, len(apart))[0]
        for axes, protocol in zip(panels, apart, strict=True):
            draw_pairs(axes, measured.filter(pl.col("protocol") == protocol))
    return save(figure, path)


def main_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the measure that counts most, the best recommender first."""
    return main_rows(rows, rows["protocol"][0]).sort("value", descending=True)


def words_of(evaluation: pl.DataFrame, compared: list[pl.DataFrame]) -> tuple[str, str]:
    """Return title and subtitle: how cinecluster stands to the baseline that is best on validation."""
    parts = []
    for rows in compared:
        rival = strongest(main_of(rows))
        if rival and rival["ratio"] is not None:
            parts.append(f"{rival['ratio']:.2f}x {rival['recommender']} ({rows['split'][0]})")
    skipped = [f"{rows['split'][0]} {rows['note'][0]}" for rows in without_measures(evaluation)]
    n_users = main_of(compared[0])["n_users"][0] if compared else 0
    facts = f"{n_users:,} users; bars: 95 % of bootstrap samples; * best on validation"
    ran = evaluation.filter(pl.col("value").is_not_null())["recommender"].unique()
    missing = evaluation.filter(~pl.col("recommender").is_in(ran.to_list()))["recommender"].unique(maintain_order=True)
    facts += f"; did not run: {', '.join(missing)}" if len(missing) else ""
    return "cinecluster is " + (", ".join(parts) or "alone"), ". ".join([facts, *skipped])


def without_measures(evaluation: pl.DataFrame) -> list[pl.DataFrame]:
    """Return the rows of the splits that were skipped."""
    splits = [rows for _, rows in evaluation.group_by("protocol", "split", maintain_order=True)]
    return [rows for rows in splits if rows["value"].is_null().all()]


def draw_split(panels: list[Axes], rows: pl.DataFrame) -> None:
    """Draw quality, cinecluster as a multiple of it, and coverage, a line a recommender."""
    main = main_of(rows)
    rival = strongest(main)
    names = main["recommender"].to_list()
    metric, depth, split = main["metric"][0], main["depth"][0], rows["split"][0]
    labels = [f"{name} *" if rival and name == rival["recommender"] and rival["validation"] else name for name in names]
    covered = rows.filter((pl.col("metric") == "coverage") & (pl.col("depth") == depth))
    coverage = pl.DataFrame({"recommender": names}).join(covered, on="recommender", how="left", maintain_order="left")
    quality, ratio, breadth = panels
    draw_points(quality, main, ("value", "low", "high"), "{:.3f}", [colour_of(name) for name in names])
    draw_points(
        ratio, main, ("ratio", "ratio_low", "ratio_high"), "{:.2f}x", [verdict_colour(r) for r in main.to_dicts()]
    )
    draw_points(breadth, coverage, ("value", "low", "high"), "{:.3f}", [colour_of(name) for name in names])
    ratio.axvline(1, color=STYLE["ink"], linewidth=1)
    quality.set_yticks(-np.arange(len(names)), labels)
    dress(quality, f"{metric}@{depth}, {SHORT.get(split, split)}", grid="x")
    dress(ratio, "cinecluster / it (grey: may be chance)", grid="x")
    dress(breadth, f"coverage@{depth}", grid="x")
    for axes in (ratio, breadth):
        axes.set_yticks([])


def draw_points(
    axes: Axes, rows: pl.DataFrame, columns: tuple[str, str, str], text: str, colours: list[str], beside: float = 0
) -> None:
    """Draw a point, its interval and its value a row, from the top; rows without a value stay empty.

    The text stays right of ``beside``.
    """
    value, low, high = (rows[name].cast(pl.Float64).to_numpy() for name in columns)
    low, high = np.where(np.isnan(low), value, low), np.where(np.isnan(high), value, high)
    places = -np.arange(len(value))
    axes.hlines(places, low, high, color=colours, linewidth=2.4, alpha=0.55)
    axes.scatter(value, places, color=colours, s=34, zorder=3)
    for place, number, right in zip(places.tolist(), value.tolist(), high.tolist(), strict=True):
        if not np.isnan(number):
            put_text(axes, max(right, beside), place, "  " + text.format(number), size=9, va="center")
    axes.set_ylim(-len(value) + 0.4, 0.6)
    axes.set_xlim(0, 1.25 * max(np.nanmax(high, initial=0), 1e-9))


def draw_pairs(axes: Axes, rows: pl.DataFrame) -> None:
    """Draw cinecluster and what it is compared with, a pair of points a split."""
    main = main_rows(rows, rows["protocol"][0])
    splits = main["split"].unique(maintain_order=True).to_list()
    names = main["recommender"].unique(maintain_order=True).to_list()
    for shift, name in zip((0.17, -0.17), names, strict=False):
        mine = main.filter(pl.col("recommender") == name)
        places = np.array([shift - splits.index(split) for split in mine["split"]])
        colour = colour_of(name)
        axes.hlines(places, mine["low"].to_numpy(), mine["high"].to_numpy(), color=colour, linewidth=2.4, alpha=0.55)
        axes.scatter(mine["value"].to_numpy(), places, color=colour, s=34, zorder=3)
        for place, row in zip(places.tolist(), mine.to_dicts(), strict=True):
            put_text(axes, row["high"], place, f"  {row['value']:.3f} {name}", size=9, va="center")
    metric, depth = main["metric"][0], main["depth"][0]
    dress(axes, f"{metric}@{depth}, {rows['protocol'][0]}", grid="x")
    axes.set_yticks(-np.arange(len(splits)), splits)
    axes.set_ylim(-len(splits) + 0.5, 0.5)
    axes.set_xlim(0, 1.6 * max(main["high"].to_numpy().max(), 1e-9))


def colour_of(name: str) -> str:
    """Return the colour of a recommender: ours stands out."""
    return STYLE["accent"] if name == OURS else STYLE["main"]


def verdict_colour(row: dict[str, float | None]) -> str:
    """Return the colour of a comparison: green for better, red for worse, grey where it may be chance."""
    low, high = row["ratio_low"], row["ratio_high"]
    if low is None or high is None or low <= 1 <= high:
        return STYLE["muted"]
    return "#009E73" if low > 1 else "#B3261E"
