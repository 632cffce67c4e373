"""The picture of the item model's weight: held-out quality by its share of the score."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from tasks.report.plots.style import HALO, STYLE, Room, draw_sentence, dress, new_figure, place_axes, put_text, save

LABEL_HEIGHT = 0.045  # of the axes


def draw_item_weight(settings: pl.DataFrame, path: Path) -> None:
    """Draw the held-out quality by the item model's share of the score, a line for each strength.

    Parameters
    ----------
    settings : the table ``item_settings``.
    path : the PNG to write.
    """
    chosen = settings.filter("is_chosen")
    if chosen.is_empty():
        draw_sentence("Clusters alone", "The recommendations come from the clusters; no item model was tried.", path)
        return
    [settled] = chosen.to_dicts()
    weight, quality = settled["item_weight"], settled["quality"]
    whole = settings.filter(pl.col("n_ranked") == settled["n_ranked"])
    alone = whole.filter(pl.col("item_weight") == 0)["quality"].to_list()
    title = f"{100 * weight:.0f} % of the score comes from the item model"
    facts = f"Held-out NDCG@10 is {quality:.3f}" + (f", {max(alone):.3f} with the clusters alone" if alone else "")
    figure = new_figure(title, facts, width=9.0, height=4.8)
    axes = place_axes(figure, Room(right=0.5))[0, 0]
    dress(axes, "Held-out NDCG@10")
    head = settings.filter(pl.col("regularisation_power") == pl.col("regularisation_power").mode().first())
    n_head, n_ranked = min(settings["n_ranked"].to_list()), settled["n_ranked"]
    axes.set_xlabel(
        f"share of the score that comes from the item model, with {n_ranked:,} movies ranked;\n"
        f"grey: with the {n_head:,} most favourited alone, a line for each strength of regularisation"
    )
    lines = [(line, STYLE["other"]) for line in head.filter(pl.col("n_ranked") == n_head).partition_by("strength")]
    others = pl.col("low_rank", "rarity_power", "strength", "regularisation_power")
    lines.append((whole.filter(pl.all_horizontal(others == others.mode().first())), STYLE["main"]))
    draw_lines(axes, lines)
    axes.plot(weight, quality, "o", color=STYLE["accent"], markersize=8, zorder=5)
    put_text(
        axes, weight, quality, "chosen  ", size=9.5, color=STYLE["accent"], ha="right", va="bottom", path_effects=HALO
    )
    save(figure, path)


def draw_lines(axes: Axes, lines: list[tuple[pl.DataFrame, str]]) -> None:
    """Draw the quality by the weight in a colour, the last line the thickest, with the strength at the right end.

    Where lines end near each other their strengths are moved apart.
    """
    lines = [(line.sort("item_weight"), colour) for line, colour in lines]
    for number, (line, colour) in enumerate(lines, start=1):
        width = 2 if number == len(lines) else 1.2
        axes.plot(line["item_weight"], line["quality"], color=colour, linewidth=width, zorder=1 + width)
    lines.sort(key=lambda each: each[0]["quality"][-1])
    heights = spread([line["quality"][-1] for line, _ in lines], LABEL_HEIGHT * np.ptp(axes.get_ylim()))
    for (line, colour), height in zip(lines, heights, strict=True):
        put_text(
            axes,
            line["item_weight"][-1] + 0.01,
            height,
            f"{line['strength'][0]:g}",
            size=8.5,
            color=colour,
            va="center",
        )


def spread(heights: list[float], gap: float) -> list[float]:
    """Return ascending heights, each moved up as far as it needs to be ``gap`` above the one before."""
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + gap) if moved else height)
    return moved
