"""The picture of the elbow: WCSS, its differences and held-out quality by number of clusters."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray

from tasks.report.plots.style import (
    HALO,
    STYLE,
    Room,
    draw_level,
    draw_sentence,
    dress,
    new_figure,
    place_axes,
    put_text,
    save,
    whole_numbers,
)
from tasks.text import plural

ELBOW_PANELS = {
    "wcss": "WCSS",
    "difference": "What one more cluster takes off WCSS",
    "quality": "Held-out NDCG@10",
}


def draw_elbow(elbow: pl.DataFrame, path: Path, boundary: float | None) -> None:
    """Draw WCSS, its differences and, where measured, held-out quality by number of clusters.

    Parameters
    ----------
    elbow : one row per number of clusters tried: n_clusters, wcss, difference (``wcss[k-1] - wcss[k]``),
        quality (held-out NDCG@10 with this number of fine clusters), is_chosen, is_elbow, is_fine. wcss,
        difference and quality may be null.
    path : the PNG to write.
    boundary : the difference that the article's rule compares with, or None.
    """
    elbow = elbow.sort("n_clusters").with_columns(
        pl.col("wcss", "difference", "quality").cast(pl.Float64).fill_nan(None)
    )
    curves = [column for column in ELBOW_PANELS if elbow[column].is_not_null().any()]
    if not curves:
        draw_sentence("No elbow", "No number of clusters was tried, so there is no curve to draw.", path)
        return
    figure = new_figure(*elbow_words(elbow), width=max(9.0, 5 * len(curves)), height=4.8)
    room = Room(right=1.1, across=1.4) if boundary is not None else Room()
    for axes, column in zip(place_axes(figure, room, 1, len(curves))[0], curves, strict=True):
        dress(axes, ELBOW_PANELS[column])
        axes.set_xlabel("fine clusters" if column == "quality" else "clusters")
        draw_curve(axes, elbow.filter(pl.col(column).is_not_null()), column, boundary)
        mark_numbers(axes, elbow, column)
    save(figure, path)


def elbow_words(elbow: pl.DataFrame) -> tuple[str, str]:
    """Title and subtitle: what was chosen, and the numbers behind it."""
    chosen, rule = marked_number(elbow, "is_chosen"), marked_number(elbow, "is_elbow")
    if chosen is None:
        title = "No number of clusters was chosen"
    elif rule is None:
        title = f"{plural(chosen, 'cluster')} chosen"
    elif chosen == rule:
        title = f"{plural(chosen, 'cluster')} chosen, at the elbow of the curve"
    else:
        title = f"{plural(chosen, 'cluster')} chosen; the elbow rule would take {rule:,}"
    facts = []
    curve = elbow.filter(pl.col("wcss").is_not_null()).select("n_clusters", "wcss").rows()
    if curve:
        facts.append(f"WCSS is {short_number(curve[0][1])} with {plural(curve[0][0], 'cluster')}")
    if len(curve) > 1:
        facts[0] += f" and {short_number(curve[-1][1])} with {curve[-1][0]:,}"
    if elbow["quality"].is_not_null().any():
        best, quality = elbow.sort("quality", nulls_last=False).select("n_clusters", "quality").row(-1)
        facts.append(f"held-out quality is best with {best:,} fine clusters (NDCG@10 {quality:.3f})")
    return title, "; ".join(facts)


def short_number(value: float) -> str:
    """A measured value for reading: one decimal below a thousand, none above."""
    return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def marked_number(elbow: pl.DataFrame, mark: str) -> int | None:
    """The number of clusters whose row carries the mark, or None."""
    marked = elbow.filter(pl.col(mark).fill_null(False))
    return None if marked.is_empty() else int(marked["n_clusters"][0])


def draw_curve(axes: Axes, curve: pl.DataFrame, column: str, boundary: float | None) -> None:
    """One panel: bars for differences, a line with points for the others; logarithmic when k spans a lot."""
    numbers, values = curve["n_clusters"].to_numpy(), curve[column].to_numpy()
    if column == "difference":
        above = values > (-math.inf if boundary is None else boundary)
        axes.bar(numbers, values, width=0.72, color=np.where(above, STYLE["main"], STYLE["other"]))
        if boundary is not None:
            draw_level(axes, boundary, f"boundary\n{boundary:,.6g}")
    else:
        axes.plot(numbers, values, color=STYLE["main"], linewidth=1.8, marker="o", markersize=3.6)
    if column == "quality" and numbers.max() > 12 * numbers.min() > 0:
        axes.set_xscale("log")
        axes.set_xticks(*spread_ticks(numbers))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(whole_numbers())
        axes.set_xlim(numbers.min() - 0.8, max(numbers.max(), numbers.min() + 4) + 0.8)
    bottom, top = axes.get_ylim()
    if column != "quality":
        bottom = min(0.0, float(values.min()))
    axes.set_ylim(bottom, top + 0.2 * (top - bottom))


def spread_ticks(numbers: NDArray[np.integer[Any]], ratio: float = 1.45) -> tuple[list[int], list[str]]:
    """Those of the numbers tried that stand apart enough on a logarithmic axis to be labelled."""
    ticks: list[int] = []
    for number in sorted(numbers.tolist(), reverse=True):
        if not ticks or ratio * number <= ticks[-1]:
            ticks.append(number)
    return ticks, [f"{tick:,}" for tick in ticks]


def mark_numbers(axes: Axes, elbow: pl.DataFrame, column: str) -> None:
    """Mark the chosen number and the elbow: a ring on the value, a thin line, a name in the band on top."""
    chosen, rule = marked_number(elbow, "is_chosen"), marked_number(elbow, "is_elbow")
    marks = [(chosen, "chosen", STYLE["accent"], 0.98), (rule, "elbow rule", STYLE["ink"], 0.91)]
    if chosen == rule:
        marks = [(chosen, "chosen, at the elbow:", STYLE["accent"], 0.98)]
    if column == "quality":
        marks = [(marked_number(elbow, "is_fine"), "chosen", STYLE["accent"], 0.98)]
    left, right = axes.get_xlim()
    for number, word, colour, height in marks:
        if number is None or not left <= number <= right:
            continue
        value = elbow.filter(pl.col("n_clusters") == number)[column][0]
        axes.vlines(number, value or axes.get_ylim()[0], axes.get_ylim()[1], color=colour, linewidth=1, zorder=1.5)
        if value is not None:
            axes.plot(number, value, "o", markersize=9, markerfacecolor="none", markeredgecolor=colour, mew=2)
        put_text(
            axes, number, height, f" {word} {number:,} ", transform=axes.get_xaxis_transform(), size=9,
            color=colour, weight="bold", va="top", path_effects=HALO,
            ha=label_side(axes, number, [mark[0] for mark in marks if mark[0] is not None]),
        )  # fmt: skip


def label_side(axes: Axes, number: float, marked: list[int]) -> str:
    """Text alignment beside a marked number: away from another mark, and towards the room that there is."""
    place = axes.transAxes.inverted().transform(axes.transData.transform((number, 0)))[0]
    enough = 0.22 if number < max(marked) else 0.7
    return "right" if place > enough else "left"
