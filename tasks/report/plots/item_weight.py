"""The picture of the item model's weight: held-out quality by its share of the score."""

from pathlib import Path

import polars as pl

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
    alone = settings.filter(pl.col("item_weight") == 0)["quality"].to_list()
    title = f"{weight:.0%} of the score comes from the item model"
    facts = f"Held-out NDCG@10 is {quality:.3f}" + (f", {max(alone):.3f} with the clusters alone" if alone else "")
    figure = new_figure(title, facts, width=9.0, height=4.8)
    axes = place_axes(figure, Room(right=0.5))[0, 0]
    dress(axes, "Held-out NDCG@10")
    axes.set_xlabel("share of the score that comes from the item model; a line for each strength of regularisation")
    others = pl.col("regularisation_power", "low_rank", "rarity_power")
    lines = settings.filter(pl.all_horizontal(others == others.mode().first()))
    for (each,), line in lines.group_by("strength", maintain_order=True):
        line = line.sort("item_weight")
        is_chosen = each == strength
        colour = STYLE["main"] if is_chosen else STYLE["other"]
        axes.plot(
            line["item_weight"], line["quality"], color=colour, linewidth=2 if is_chosen else 1.2, zorder=2 + is_chosen
        )
        put_text(
            axes, line["item_weight"][-1] + 0.01, line["quality"][-1], f"{each:g}", size=8.5, color=colour, va="center"
        )
    axes.plot(weight, quality, "o", color=STYLE["accent"], markersize=8, zorder=5)
    put_text(
        axes, weight, quality, "chosen  ", size=9.5, color=STYLE["accent"], ha="right", va="bottom", path_effects=HALO
    )
    save(figure, path)
