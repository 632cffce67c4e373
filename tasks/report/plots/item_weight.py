"""The picture of the item model's settings: held-out quality by its share of the score, and by its strength."""

from pathlib import Path

import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from tasks.report.plots.style import STYLE, Room, draw_sentence, dress, new_figure, place_axes, save

SETTINGS = ("item_weight", "strength", "low_rank", "rarity_power", "trend_power", "item_recency")


def draw_item_weight(settings: pl.DataFrame, path: Path) -> None:
    """Draw the held-out quality by the item model's share of the score, and by the strength of its regularisation.

    Parameters
    ----------
    settings : the table ``item_settings``.
    path : the PNG to write.
    """
    chosen = settings.filter("is_chosen")
    if chosen.is_empty():
        draw_sentence("Clusters alone", "The recommendations come from the clusters; no item model was tried.", path)
        return
    n_ranked, n_head = chosen["n_ranked"][0], min(settings["n_ranked"].to_list())
    whole, head = (settings.filter(pl.col("n_ranked") == number) for number in (n_ranked, n_head))
    alone = whole.filter(pl.col("item_weight") == 0)["quality"].to_list()
    facts = f"Held-out NDCG@10 is {chosen['quality'][0]:.3f}"
    facts += f", {max(alone):.3f} with the clusters alone" if alone else ""
    title = f"{100 * chosen['item_weight'][0]:.0f} % of the score comes from the item model"
    figure = new_figure(title, facts, width=11, height=4.8)
    left, right = place_axes(figure, Room(bottom=0.9), 1, 2)[0]
    draw_setting(left, whole, "item_weight", chosen)
    left.set_xlabel(f"share of the score that comes from the item model\n({n_ranked:,} movies ranked)")
    draw_setting(right, head, "strength", chosen)
    right.set_xlabel(f"strength of the regularisation\n(the {n_head:,} most favourited movies ranked)")
    right.set_xscale("log", base=2)
    right.xaxis.set_major_formatter(FuncFormatter(lambda strength, _: f"{strength:g}"))
    right.xaxis.set_minor_locator(NullLocator())
    save(figure, path)


def draw_setting(axes: Axes, tried: pl.DataFrame, name: str, chosen: pl.DataFrame) -> None:
    """Draw the quality of settings that differ in one of them alone, and the chosen value, which may lie between."""
    dress(axes, f"Held-out NDCG@10 by {name.replace('_', ' ')}; red: chosen")
    different = tried.filter(pl.col(name) != chosen[name][0])  # tried for this comparison, as others were not
    alike = different.filter(pl.col("low_rank") == chosen["low_rank"][0])
    one = next(each for each in (alike, different, chosen) if len(each)).row(0, named=True)
    line = tried.filter(pl.col(each) == one[each] for each in SETTINGS if each != name).sort(name)
    axes.axvline(chosen[name][0], color=STYLE["accent"], linewidth=2)
    axes.plot(line[name], line["quality"], color=STYLE["main"], linewidth=2, marker="o", markersize=4)
