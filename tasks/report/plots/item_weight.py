"""The picture of the item model's weight: held-out quality by its share of the score."""

from pathlib import Path

import polars as pl
from matplotlib.axes import Axes

from tasks.report.plots.style import HALO, STYLE, Room, draw_sentence, dress, new_figure, place_axes, put_text, save


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
    weight, strength, quality = settled["item_weight"], settled["strength"], settled["quality"]
    whole = settings.filter(pl.col("n_ranked") == settled["n_ranked"])
    alone = whole.filter(pl.col("item_weight") == 0)["quality"].to_list()
    title = f"{weight:.0%} of the score comes from the item model"
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
    for line in head.filter(pl.col("n_ranked") == n_head).partition_by("strength"):
        draw_line(axes, line, f"{line['strength'][0]:g}", is_chosen=False)
    others = pl.col("low_rank", "rarity_power", "strength", "regularisation_power")
    draw_line(axes, whole.filter(pl.all_horizontal(others == others.mode().first())), f"{strength:g}", is_chosen=True)
    axes.plot(weight, quality, "o", color=STYLE["accent"], markersize=8, zorder=5)
    put_text(
        axes, weight, quality, "chosen  ", size=9.5, color=STYLE["accent"], ha="right", va="bottom", path_effects=HALO
    )
    save(figure, path)


def draw_line(axes: Axes, line: pl.DataFrame, strength: str, is_chosen: bool) -> None:
    """Draw the quality by the weight."""
    line = line.sort("item_weight")
    colour = STYLE["main"] if is_chosen else STYLE["other"]
    axes.plot(
        line["item_weight"], line["quality"], color=colour, linewidth=2 if is_chosen else 1.2, zorder=2 + is_chosen
    )
    place = line["item_weight"][-1] + 0.01, line["quality"][-1]
    put_text(axes, *place, strength, size=8.5, color=colour, va="center")
