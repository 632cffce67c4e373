"""The picture of the cluster sizes, before and after small ones were merged."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray

from tasks.report.plots.style import (
    STYLE,
    Room,
    draw_level,
    draw_sentence,
    dress,
    new_figure,
    place_axes,
    save,
    whole_numbers,
)
from tasks.report.plots.text import text_width
from tasks.text import plural


def draw_cluster_sizes(
    sizes_before: NDArray[np.integer[Any]],
    sizes_after: NDArray[np.integer[Any]],
    min_cluster_size: int,
    path: Path,
) -> None:
    """Draw the users of each cluster before and after small clusters were merged, side by side.

    Parameters
    ----------
    sizes_before, sizes_after : shape (n_clusters,), users of each cluster, in any order.
    min_cluster_size : users; smaller clusters were dissolved.
    path : the PNG to write.
    """
    before, after = (np.sort(np.asarray(sizes)[np.asarray(sizes) > 0])[::-1] for sizes in (sizes_before, sizes_after))
    if not len(before) or not len(after):
        draw_sentence("No clusters", "There are no users in any cluster, so there are no sizes to draw.", path)
        return
    figure = new_figure(*size_words(before, after, min_cluster_size), width=11, height=4.8)
    beside = max(0.95, text_width(f"{min_cluster_size:,}", 8.5) + 0.4)
    room = Room(left=1.05, right=beside, across=beside)
    left, right = place_axes(figure, room, 1, 2, sharey=True)[0]
    largest, smallest = max(before[0], after[0]), min(before[-1], after[-1])
    if largest > 60 * smallest:
        left.set_yscale("log")
        left.set_ylim(0.7 * min(smallest, min_cluster_size) if smallest > 1 else 0.7, 1.6 * largest)
        left.yaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}" if size >= 1 else ""))
        left.yaxis.set_minor_locator(NullLocator())
    else:
        left.set_ylim(0, 1.1 * max(largest, min_cluster_size))
        left.yaxis.set_major_locator(whole_numbers())
    left.set_ylabel("users in the cluster")
    draw_size_bars(left, before, min_cluster_size, "Before merging")
    draw_size_bars(right, after, min_cluster_size, "After merging")
    save(figure, path)


def size_words(
    before: NDArray[np.integer[Any]], after: NDArray[np.integer[Any]], min_cluster_size: int
) -> tuple[str, str]:
    """Title and subtitle of the cluster sizes."""
    n_small = int((before < min_cluster_size).sum())
    if n_small and len(before) == len(after):
        title = f"{n_small:,} of {plural(len(before), 'cluster')} too small, none merged"
    elif n_small:
        title = f"{n_small:,} of {plural(len(before), 'cluster')} too small: {len(after):,} left after merging"
    elif len(before) == len(after):
        title = f"No cluster is too small: {plural(len(after), 'cluster')} before and after"
    else:
        title = f"{plural(len(before), 'cluster')} became {len(after):,}"
    largest = 100 * after[0] / after.sum()
    return title, (
        f"{plural(int(after.sum()), 'user')}; a cluster needs {min_cluster_size:,} or more; "
        f"after merging, the largest holds {largest:.0f} % of the users"
    )


def draw_size_bars(axes: Axes, sizes: NDArray[np.integer[Any]], min_cluster_size: int, title: str) -> None:
    """Bars from the largest to the smallest cluster, each with its size if the figures find room."""
    dress(axes, f"{title}: {plural(len(sizes), 'cluster')}")
    colours = np.where(sizes < min_cluster_size, STYLE["accent"], STYLE["main"])
    axes.bar(np.arange(1, len(sizes) + 1), sizes, width=0.8 if len(sizes) <= 60 else 1.0, color=colours)
    span = max(len(sizes), 5)
    axes.set_xlim(0.4, span + 0.6)
    axes.xaxis.set_major_locator(whole_numbers())
    axes.set_xlabel(f"clusters, largest first   (sizes: {sizes[0]:,} to {sizes[-1]:,}, median {np.median(sizes):,.0f})")
    if text_width(f"{sizes[0]:,}", 8.5) < 4.3 / span:
        for place, size in enumerate(sizes, start=1):
            axes.annotate(
                f"{size:,}", (place, size), (0, 2), textcoords="offset points",
                ha="center", va="bottom", size=8.5, color=STYLE["ink"],
            )  # fmt: skip
    if min_cluster_size > 1:
        draw_level(axes, min_cluster_size, f"minimum\n{min_cluster_size:,}")
