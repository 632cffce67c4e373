"""Draw the pictures of a run: small frames and arrays in, one PNG out.

Only matplotlib's object interface on the Agg canvas is used, and no global setting is touched, so that
pictures can be drawn in threads. Titles and names come from data files: they are drawn as plain text,
whatever they hold.
"""

import bisect
import math
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from matplotlib import colormaps, font_manager, patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ft2font import LoadFlags
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.manifold import TSNE

DPI = 130
MARGIN = 0.2  # inches
TIMES = "\N{MULTIPLICATION SIGN}"
STYLE = {
    "ink": "#1f2328",
    "muted": "#666d75",
    "grid": "#e7e9ec",
    "pale": "#cfe1ee",
    "main": "#0072B2",
    "other": "#c3c8ce",
    "accent": "#D55E00",
    "paper": "#ffffff",
}
# Okabe-Ito without black, its yellow darkened to be seen on white.
CLUSTER_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#B8A800")
MARKERS = ("o", "^", "s")
# DejaVu Sans comes with matplotlib; the others serve titles in other scripts where a machine has them.
FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans Devanagari", "Noto Sans Thai")
HALO = (patheffects.withStroke(linewidth=2.6, foreground="white"),)

ELBOW_PANELS = {
    "wcss": "WCSS",
    "difference": "What one more cluster takes off WCSS",
    "quality": "Held-out NDCG@10",
}
MAX_NAMED_CLUSTERS = 20
MAX_MOVIE_CLUSTERS = 12
MAX_MOVIES = 8
MAX_GENRE_CLUSTERS = 30
MAX_GENRES = 24
MAX_DOTS = (160, 240)  # users and movies of an incidence whose every entry is drawn
IMAGE_BINS = (640, 900)

DENSITY_COLOURS = LinearSegmentedColormap.from_list("density", ["#b5d3ea", "#3c8dc5", "#0b4f8a", "#041f40"])

Incidence = sparse.csr_matrix | sparse.csr_array
Embedding = NDArray[np.floating[Any]] | Incidence


# --- text that is safe and fits ----------------------------------------------------------------------------


@lru_cache(maxsize=1)
def font_families() -> tuple[str, ...]:
    """Names from `FONTS` that this machine has, so that matplotlib never warns about one that is missing."""
    installed = set(font_manager.get_font_names())
    return tuple(name for name in FONTS if name in installed)


@lru_cache(maxsize=1)
def drawable_characters() -> frozenset[int]:
    """Code points that at least one of the fonts has a glyph for."""
    points: set[int] = set()
    for file in font_files("normal"):
        points.update(font_manager.get_font(file).get_charmap())
    return frozenset(points)


def clean_text(text: str | None, max_length: int = 160) -> str:
    """Text on one line without control characters; what no font can draw becomes a small box."""
    composed = unicodedata.normalize("NFC", str(text or "")[: 4 * max_length])
    spaced = re.sub(r"\s+", " ", composed)
    visible = "".join(sign for sign in spaced if unicodedata.category(sign)[0] != "C").strip()
    drawable = drawable_characters()
    return "".join(sign if ord(sign) in drawable else "▯" for sign in visible[:max_length])


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width in inches of a line of plain text."""
    font = font_manager.get_font(font_files(weight))
    font.set_size(size, DPI)
    font.set_text(text, flags=LoadFlags.NO_HINTING)
    return font.get_width_height()[0] / 64 / DPI


@lru_cache
def font_files(weight: str) -> tuple[str, ...]:
    """The files of `font_families` in a weight."""
    fonts = (font_manager.FontProperties(family=name, weight=weight) for name in font_families())
    return tuple(str(font_manager.findfont(font)) for font in fonts)


def fit_text(text: str | None, width: float, size: float, weight: str = "normal", tail: str = "") -> str:
    """Cleaned text and its tail, the text shortened with an ellipsis to fit in ``width`` inches."""
    line = clean_text(text)
    if text_width(line + tail, size, weight) <= width:
        return line + tail

    def width_of_first(n: int) -> float:
        return text_width(line[:n].rstrip() + "…" + tail, size, weight)

    keep = bisect.bisect_right(range(len(line) + 1), width, key=width_of_first) - 1
    return line[: max(keep, 1)].rstrip(" ,:;-(") + "…" + tail


def fit_movie(title: str | None, width: float, size: float) -> str:
    """A movie title that fits and keeps the year at its end."""
    title = clean_text(title)
    year = re.search(r" \(\d{4}\)$", title)
    return fit_text(title[: year.start()], width, size, tail=year.group()) if year else fit_text(title, width, size)


def plural(count: int, word: str) -> str:
    """A count with its noun: ``1 cluster``, ``1,200 clusters``."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def percent(part: float) -> str:
    """A part of one as a percentage with two digits that count: ``100 %``, ``1.3 %``, ``0.0024 %``."""
    return f"{100 * part:.0f} %" if part >= 0.1 else f"{100 * part:.2g} %"


def cluster_title(cluster: int, name: str | None) -> str:
    """``3 · Horror``, or ``Cluster 3`` where the cluster has no name."""
    name = clean_text(name)
    return f"{cluster} · {name}" if name else f"Cluster {cluster}"


# --- the common look ---------------------------------------------------------------------------------------


def new_figure(title: str, subtitle: str, width: float, height: float, gap: float = 0.05) -> Figure:
    """A white figure with a title that says the finding and a line of facts; the axes go below them."""
    layout = ConstrainedLayoutEngine(
        rect=(MARGIN / width, MARGIN / height, 1 - 2 * MARGIN / width, 1 - (MARGIN + 0.9) / height),
        w_pad=0, h_pad=0.03, wspace=gap, hspace=gap,
    )  # fmt: skip
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=STYLE["paper"], layout=layout)
    FigureCanvasAgg(figure)
    for line, top, size, colour, weight in (
        (title, 0.2, 15, STYLE["ink"], "bold"),
        (subtitle, 0.54, 10, STYLE["muted"], "normal"),
    ):
        put_text(
            figure, MARGIN / width, 1 - top / height, fit_text(line, width - 2 * MARGIN, size, weight),
            size=size, color=colour, weight=weight, va="top",
        )  # fmt: skip
    return figure


def put_text(on: Figure | Axes, x: float, y: float, text: str, **properties: Any) -> Any:
    """Plain text (never mathtext) in the house fonts."""
    properties.setdefault("color", STYLE["ink"])
    return on.text(x, y, text, parse_math=False, family=list(font_families()), **properties)


def dress(axes: Axes, title: str = "", grid: str = "y") -> None:
    """Give axes the common look: no box, light grid lines along one axis, quiet ticks."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=9, colors=STYLE["muted"])
    axes.xaxis.label.set(color=STYLE["muted"], size=9.5)
    axes.yaxis.label.set(color=STYLE["muted"], size=9.5)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=STYLE["grid"], linewidth=0.8)  # type: ignore[arg-type]
    axes.set_title(title, loc="left", size=10.5, weight="bold", color=STYLE["ink"], pad=8)


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG, whatever the ending of ``path``."""
    figure.savefig(path, format="png", dpi=DPI)


def draw_sentence(title: str, sentence: str, path: Path) -> None:
    """The picture for when there is nothing to draw: it says why."""
    figure = new_figure(title, "", 9, 3)
    put_text(figure, 0.5, 0.42, sentence, size=11, color=STYLE["muted"], ha="center", va="center")
    save(figure, path)


# --- elbow -------------------------------------------------------------------------------------------------


def draw_elbow(elbow: pl.DataFrame, path: Path, boundary: float | None) -> None:
    """Draw WCSS, its differences and, where measured, held-out quality by number of clusters.

    Parameters
    ----------
    elbow : one row per number of clusters tried: n_clusters, wcss, difference (``wcss[k-1] - wcss[k]``),
        quality (held-out NDCG@10 with so many fine clusters), is_chosen, is_elbow, is_fine. wcss,
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
    for axes, column in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves, strict=True):
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


def whole_numbers() -> MaxNLocator:
    """Ticks at few whole numbers."""
    return MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1)


def spread_ticks(numbers: NDArray[np.integer[Any]], ratio: float = 1.45) -> tuple[list[int], list[str]]:
    """Those of the numbers tried that stand apart enough on a logarithmic axis to be labelled."""
    ticks: list[int] = []
    for number in sorted(numbers.tolist(), reverse=True):
        if not ticks or ratio * number <= ticks[-1]:
            ticks.append(number)
    return ticks, [f"{tick:,}" for tick in ticks]


def draw_level(axes: Axes, level: float, label: str) -> None:
    """A dashed horizontal line, named in the right margin where no data can be."""
    axes.axhline(level, color=STYLE["accent"], linewidth=1.2, linestyle=(0, (4, 3)), zorder=3)
    put_text(
        axes, 1.01, level, label,
        transform=axes.get_yaxis_transform(), size=8.5, color=STYLE["accent"], va="center", linespacing=1.1,
    )  # fmt: skip


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


# --- cluster sizes -----------------------------------------------------------------------------------------


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
    left, right = figure.subplots(1, 2, sharey=True)
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
                ha="center", va="bottom", size=8.5, color=STYLE["ink"], path_effects=HALO,
            )  # fmt: skip
    if min_cluster_size > 1:
        draw_level(axes, min_cluster_size, f"minimum\n{min_cluster_size:,}")


# --- user map ----------------------------------------------------------------------------------------------


def project_users(
    embedding: Embedding, seed: int, max_users: int = 2000
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Sample users and lay them out in two dimensions, neighbours in taste near each other.

    t-SNE, started from the two principal components, keeps clusters apart that a plain PCA draws on top of
    each other; where there are too few different users for it, the principal components are what is left.

    Parameters
    ----------
    embedding : shape (n_users, n_components), dense, or a sparse incidence.
    seed : of the sample and of the layout.
    max_users : size of the sample.

    Returns
    -------
    rows : shape (min(n_users, max_users),), the sampled rows of the embedding, ascending.
    coordinates : shape (len(rows), 2).
    """
    n_users = embedding.shape[0]
    rows = np.sort(np.random.default_rng(seed).permutation(n_users)[:max_users]).astype(np.int64)
    points = narrow(embedding[rows], seed)
    if len(rows) < 12 or len(np.unique(points, axis=0)) < 12:
        return rows, principal_components(points)
    layout = TSNE(
        init=principal_components(points, spread=1e-4),
        perplexity=min(30.0, (len(rows) - 1) / 3),
        max_iter=350,
        angle=0.7,
        random_state=seed,
    )
    return rows, np.asarray(layout.fit_transform(points), dtype=np.float64)


def narrow(points: Embedding, seed: int, max_components: int = 50) -> NDArray[np.float32]:
    """The points as a dense array of at most ``max_components`` columns."""
    wide = points.shape[1] > max_components
    if wide and points.shape[0] > 1:
        with np.errstate(divide="ignore", invalid="ignore"):  # rows that are all the same explain 0 of 0 variance
            return np.asarray(TruncatedSVD(32, random_state=seed).fit_transform(points), dtype=np.float32)
    dense = points.toarray() if sparse.issparse(points) else points
    return np.nan_to_num(np.asarray(dense, dtype=np.float32))


def principal_components(points: NDArray[np.float32], spread: float | None = None) -> NDArray[np.float64]:
    """First two principal components, zeros where there are none; scaled to a standard deviation if given."""
    coordinates = np.zeros((len(points), 2))
    n_components = min(2, *points.shape)
    if len(points) > 1 and np.ptp(points, axis=0).any():
        coordinates[:, :n_components] = PCA(n_components, svd_solver="full").fit_transform(points)
    if spread is not None and coordinates[:, 0].std() > 0:
        coordinates *= spread / coordinates[:, 0].std()
    return coordinates


def draw_user_map(
    coordinates: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    names: Sequence[str],
    path: Path,
) -> None:
    """Draw users as points, coloured by cluster, with each cluster's name at its middle.

    The largest clusters are coloured and named, the others are grey.

    Parameters
    ----------
    coordinates : shape (n_users, 2), from `project_users`.
    labels : shape (n_users,), cluster of each user; clusters are numbered by size, largest first.
    names : name of each cluster, by cluster.
    path : the PNG to write.
    """
    if not len(labels):
        draw_sentence("No users", "No user is in a cluster, so there is no map to draw.", path)
        return
    clusters, sizes = np.unique(labels, return_counts=True)
    named = clusters[:MAX_NAMED_CLUSTERS]
    figure = new_figure(*map_words(clusters, sizes, named), width=11, height=8.6)
    axes = figure.subplots()
    axes.axis("off")
    axes.margins(0.04)
    draw_points(axes, coordinates, labels, named)
    middles = np.array([np.median(coordinates[labels == cluster], axis=0) for cluster in named])
    titles = [cluster_title(c, names[c] if 0 <= c < len(names) else None) for c in named.tolist()]
    room = 3.2 if len(named) <= 8 else 2.1
    place_labels(axes, middles, [fit_text(title, room, 9) for title in titles])
    save(figure, path)


def map_words(
    clusters: NDArray[np.integer[Any]], sizes: NDArray[np.int64], named: NDArray[np.integer[Any]]
) -> tuple[str, str]:
    """Title and subtitle of the user map."""
    n_users = int(sizes.sum())
    if len(clusters) == 1:
        title = "All users are in one cluster" if n_users > 1 else "One user, one cluster"
    else:
        largest = 100 * sizes.max() / n_users
        title = f"{len(clusters):,} clusters of users; the largest holds {largest:.0f} % of them"
    facts = f"One point is one user ({n_users:,} drawn); users near each other have similar taste"
    if len(named) < len(clusters):
        facts += f"; the {len(named)} largest clusters are coloured, the others grey"
    return title, facts


def draw_points(
    axes: Axes,
    coordinates: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    named: NDArray[np.integer[Any]],
) -> None:
    """Scatter the users; clusters with the same colour have another marker."""
    area = float(np.clip(24_000 / len(labels), 9, 60))
    x, y = coordinates[~np.isin(labels, named)].T
    axes.scatter(x, y, s=0.6 * area, color=STYLE["other"], linewidths=0)
    for place, cluster in enumerate(named):
        x, y = coordinates[labels == cluster].T
        axes.scatter(x, y, s=area, alpha=0.75, linewidths=0.3, edgecolors="white", **look(place))


def look(place: int) -> dict[str, Any]:
    """Colour and marker of the cluster at a place: clusters that share a colour have different markers."""
    turn, colour = divmod(place, len(CLUSTER_COLOURS))
    return {"color": CLUSTER_COLOURS[colour], "marker": MARKERS[turn % len(MARKERS)]}


def place_labels(axes: Axes, middles: NDArray[np.float64], titles: list[str]) -> None:
    """Write each title just above its middle, moved until no two overlap; a thin line leads back."""
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()  # fixes where the axes are
    anchors = axes.transData.transform(middles)
    widths = np.array([(text_width(title, 9) + 0.29) * DPI for title in titles])
    centres = spread_boxes(anchors + 0.22 * DPI * np.array([0, 1]), widths, 0.23 * DPI, axes.bbox.extents)
    tags = zip(titles, anchors, centres, widths, strict=True)
    for place, (title, anchor, centre, width) in enumerate(tags):
        if np.abs(centre - anchor).max() > 0.36 * DPI:
            (x, y), colour = np.stack([anchor, centre]).T, STYLE["ink"]
            axes.plot(x, y, transform=None, color=colour, linewidth=0.7, zorder=4)
        draw_tag(axes, title, centre[0] - width / 2, centre[1], width, look(place))


def draw_tag(axes: Axes, title: str, left: float, middle: float, width: float, key: dict[str, Any]) -> None:
    """A title in a white tag, framed in the colour of its cluster, with the cluster's marker; in pixels."""
    height = 0.2 * DPI
    box = Rectangle(
        (left, middle - height / 2), width, height, transform=None, zorder=5, clip_on=False,
        facecolor="white", alpha=0.88, edgecolor=key["color"], linewidth=0.9,
    )  # fmt: skip
    axes.add_artist(box)
    axes.scatter(left + 0.11 * DPI, middle, transform=None, s=36, zorder=6, linewidths=0, **key)
    put_text(axes, left + 0.21 * DPI, middle, title, transform=None, size=9, va="center_baseline", zorder=6)


def spread_boxes(
    centres: NDArray[np.float64], widths: NDArray[np.float64], height: float, frame: Sequence[float]
) -> NDArray[np.float64]:
    """Move boxes of one height as little as they need so that none overlaps another.

    Parameters
    ----------
    centres : shape (n, 2), pixels.
    widths : shape (n,), pixels.
    height : pixels.
    frame : left, bottom, right, top that the boxes stay within.

    Returns
    -------
    shape (n, 2), the new centres.
    """
    left, bottom, right, top = frame
    places = np.empty_like(centres)
    for i, (x, y) in enumerate(centres):
        x = np.clip(x, left + widths[i] / 2, max(right - widths[i] / 2, left + widths[i] / 2))
        taken = places[:i][np.abs(places[:i, 0] - x) < (widths[:i] + widths[i]) / 2, 1]
        steps = np.arange(math.ceil((top - bottom) / height * 4)) * height / 4
        tries = np.concatenate([y + steps, y - steps])
        tries = tries[(tries >= bottom + height / 2) & (tries <= top - height / 2)]
        free = tries[(np.abs(tries[:, None] - taken) >= height).all(axis=1)]
        places[i] = x, free[np.abs(free - y).argmin()] if len(free) else y
    return places


# --- top movies --------------------------------------------------------------------------------------------


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
    figure = new_figure(*words, width=n_columns * panel + 0.4, height=1.1 + 2.65 * n_rows, gap=0.07)
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes in grid[n_shown:]:
        axes.axis("off")
    for axes, movies in zip(grid, shown.partition_by("cluster", maintain_order=True), strict=False):
        draw_movie_bars(axes, movies, panel - 0.3, max(shown["share"].fill_null(0).to_list()) or 1.0)
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
        title = "What the users of one cluster like most"
    facts = "Bar and number: share of the cluster's users who favourited the movie"
    if n_shown < n_clusters:
        facts += f"; {n_shown} of {n_clusters:,} clusters shown, largest first"
    return title, facts


def draw_movie_bars(axes: Axes, movies: pl.DataFrame, width: float, longest: float) -> None:
    """One panel: pale bars with the titles written on them and the shares in a column to the right."""
    dress(axes, grid="")
    cluster, name, n_users = movies.select("cluster", "name", "n_users").row(0)
    users = plural(n_users, "user")
    room = width - text_width(users, 9) - 0.15
    heading = axes.set_title(fit_text(cluster_title(cluster, name), room, 10.5, "bold"), loc="left", size=10.5, pad=5)
    heading.set(weight="bold", color=STYLE["ink"], parse_math=False, family=list(font_families()))
    axes.set_title(users, loc="right", size=9, color=STYLE["muted"], pad=5)
    axes.set(xlim=(0, 1.12), ylim=(MAX_MOVIES - 0.4, -0.6), xticks=[], yticks=[])
    shares = movies["share"].fill_null(0).to_numpy()
    axes.barh(np.arange(len(shares)), shares / longest, height=0.84, color=STYLE["pale"])
    axes.vlines(0, -0.5, MAX_MOVIES - 0.5, color=STYLE["main"], linewidth=1.5)
    line = {"size": 8.5, "va": "center", "in_layout": False}
    for place, (title, share) in enumerate(zip(movies["title"], shares, strict=True)):
        put_text(axes, 0.015, place, fit_movie(title, 0.88 * width - 0.05, 8.5), **line)
        put_text(axes, 1.12, place, f"{100 * share:.0f} %", ha="right", color=STYLE["muted"], **line)


# --- genres ------------------------------------------------------------------------------------------------


def draw_genres(genres: pl.DataFrame, path: Path) -> None:
    """Draw by how much each cluster likes each genre more or less than everybody does, as a heat map.

    Parameters
    ----------
    genres : one row per cluster and genre: cluster, name, genre, share (part of the cluster's favourites in
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
    axes = figure.subplots()
    dress(axes, grid="")
    draw_heat(axes, lift)
    titles = [fit_text(cluster_title(*row), 2.5, 9) for row in rows.rows()]
    axes.set_yticks(range(rows.height), titles, parse_math=False, family=list(font_families()), color=STYLE["ink"])
    names = [fit_text(genre, 1.3, 9) for genre in columns]
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
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(image, ax=axes, location="bottom", shrink=0.45, aspect=36, pad=0.03, ticks=[-2, -1, 0, 1, 2])
    bar.ax.set_xticklabels(
        [f"¼{TIMES} or less", f"½{TIMES}", f"1{TIMES}", f"2{TIMES}", f"4{TIMES} or more"],
        size=8.5,
        color=STYLE["muted"],
    )
    bar.ax.tick_params(length=0)
    bar.outline.set_visible(False)


# --- incidence ---------------------------------------------------------------------------------------------


def draw_incidence(incidence: Incidence, labels: NDArray[np.integer[Any]], path: Path) -> None:
    """Draw the favourites as a picture of the matrix, users sorted by cluster, movies by popularity.

    A small incidence is drawn entry by entry; a large one as the density of favourites in small cells, with
    more room for the popular movies.

    Parameters
    ----------
    incidence : shape (n_users, n_movies).
    labels : shape (n_users,), cluster of each user.
    path : the PNG to write.
    """
    if incidence.nnz == 0:
        draw_sentence("No favourites", "The incidence is empty, so there is nothing to draw.", path)
        return
    n_users, n_movies = incidence.shape
    figure = new_figure(*incidence_words(incidence), width=11, height=8)
    axes = figure.subplots()
    dress(axes, grid="")
    axes.set_xlabel("movies, most favourited first")
    axes.set_ylabel("users, by cluster")
    places = matrix_places(incidence, labels)
    axes.set(xlim=(0, n_movies), ylim=(n_users, 0))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(whole_numbers())
    if n_users <= MAX_DOTS[0] and n_movies <= MAX_DOTS[1]:
        draw_dots(axes, incidence, *places)
    else:
        widen_head(axes, n_movies)
        draw_density(axes, *bin_density(incidence, *places))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:,.0f}"))
    draw_cluster_bounds(axes, labels)
    save(figure, path)


def incidence_words(incidence: Incidence) -> tuple[str, str]:
    """Title and subtitle: on how few movies half of the favourites fall."""
    n_users, n_movies = incidence.shape
    popularity = np.sort(np.bincount(incidence.indices, minlength=n_movies))[::-1].cumsum()
    n_half = int(np.searchsorted(popularity, incidence.nnz / 2)) + 1
    title = f"Half of all favourites fall on {n_half:,} of {plural(n_movies, 'movie')}"
    if n_movies == 1:
        title = "All favourites are of one movie"
    filled, count = percent(incidence.nnz / (n_users * n_movies)), plural(int(incidence.nnz), "favourite")
    return title, (
        f"{count} of {plural(n_users, 'user')}: {filled} of all pairs; "
        "a row is a user, a column a movie, lines part the clusters"
    )


def matrix_places(
    incidence: Incidence, labels: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Row of each user and column of each movie: users by cluster and activity, movies by popularity.

    Equally popular movies are shuffled: by id, they would show when they came out.
    """
    n_users, n_movies = incidence.shape
    popularity = np.bincount(incidence.indices, minlength=n_movies)
    users = np.lexsort((-np.diff(incidence.indptr), labels))
    movies = np.lexsort((np.random.default_rng(0).permutation(n_movies), -popularity))
    user_place, movie_place = np.empty(n_users, np.int32), np.empty(n_movies, np.int32)
    user_place[users] = np.arange(n_users, dtype=np.int32)
    movie_place[movies] = np.arange(n_movies, dtype=np.int32)
    return user_place, movie_place


def widen_head(axes: Axes, n_movies: int) -> None:
    """Square-root axis for movies, so that the popular ones are more than a stripe."""
    axes.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    axes.set_xlim(0, n_movies)
    wanted = n_movies * np.array([0, 0.01, 0.05, 0.15, 0.3, 0.5, 0.75])
    ticks = np.unique([float(f"{tick:.0e}") for tick in wanted])
    axes.set_xticks(ticks)
    axes.set_xlabel("movies, most favourited first (square-root scale)")


def bin_edges(n: int, n_bins: int, power: int) -> NDArray[np.int64]:
    """Whole numbers from 0 to ``n`` that bound at most ``n_bins`` bins, even after the ``power``-th root."""
    return np.unique(np.rint(n * np.linspace(0, 1, n_bins + 1) ** power).astype(np.int64))


def bin_density(
    incidence: Incidence,
    user_place: NDArray[np.int32],
    movie_place: NDArray[np.int32],
    bins: tuple[int, int] = IMAGE_BINS,
    users_at_once: int = 20_000,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Part of the user and movie pairs in each cell of a coarse grid that are favourites.

    Returns
    -------
    density : shape (n_rows, n_columns), 0 to 1.
    user_edges : shape (n_rows + 1,), evenly spaced places.
    movie_edges : shape (n_columns + 1,), places evenly spaced on a square-root axis.
    """
    n_users, n_movies = incidence.shape
    user_edges, movie_edges = bin_edges(n_users, bins[0], 1), bin_edges(n_movies, bins[1], 2)
    n_rows, n_columns = len(user_edges) - 1, len(movie_edges) - 1
    first_cell = (np.searchsorted(user_edges, user_place, side="right") - 1) * n_columns
    column = np.searchsorted(movie_edges, movie_place, side="right") - 1
    counts = np.zeros(n_rows * n_columns)
    for first in range(0, n_users, users_at_once):
        bounds = incidence.indptr[first : first + users_at_once + 1]
        cells = np.repeat(first_cell[first : first + users_at_once], np.diff(bounds))
        cells += column[incidence.indices[bounds[0] : bounds[-1]]]
        counts += np.bincount(cells, minlength=len(counts))
    pairs = np.outer(np.diff(user_edges), np.diff(movie_edges))
    return counts.reshape(n_rows, n_columns) / pairs, user_edges, movie_edges


def draw_dots(axes: Axes, incidence: Incidence, user_place: NDArray[np.int32], movie_place: NDArray[np.int32]) -> None:
    """One rectangle for each favourite."""
    filled = np.zeros(incidence.shape)
    filled[np.repeat(user_place, np.diff(incidence.indptr)), movie_place[incidence.indices]] = 1
    n_users, n_movies = incidence.shape
    one_colour = ListedColormap([STYLE["main"]])
    axes.pcolormesh(np.arange(n_movies + 1), np.arange(n_users + 1), np.ma.masked_equal(filled, 0), cmap=one_colour)


def draw_density(
    axes: Axes, density: NDArray[np.float64], user_edges: NDArray[np.int64], movie_edges: NDArray[np.int64]
) -> None:
    """The density with logarithmic colours, empty cells white, and its colour bar."""
    low, high = float(density[density > 0].min()), float(density.max())
    mesh = axes.pcolormesh(
        movie_edges,
        user_edges,
        np.ma.masked_equal(density, 0),
        norm=LogNorm(low, max(high, 1.01 * low)),
        cmap=DENSITY_COLOURS,
        rasterized=True,
    )
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(mesh, ax=axes, location="bottom", shrink=0.4, aspect=40, pad=0.02)
    bar.ax.xaxis.set_minor_locator(NullLocator())
    bar.set_ticks(np.unique([low, math.sqrt(low * high), high]).tolist())
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda part, _: percent(part)))
    bar.ax.tick_params(length=0, labelsize=8.5, colors=STYLE["muted"])
    bar.set_label("part of the pairs that are favourites", size=8.5, color=STYLE["muted"])
    bar.outline.set_visible(False)


def draw_cluster_bounds(axes: Axes, labels: NDArray[np.integer[Any]], min_part: float = 0.022) -> None:
    """Thin lines between the clusters tall enough to be named, with their numbers in the right margin."""
    clusters, sizes = np.unique(labels, return_counts=True)
    ends = sizes.cumsum()
    tall = sizes >= min_part * len(labels)
    inner = ends[tall & (ends < len(labels))]
    axes.hlines(inner, 0, 1, transform=axes.get_yaxis_transform(), color=STYLE["accent"], linewidth=0.7)
    margin = {"transform": axes.get_yaxis_transform(), "size": 8.5, "color": STYLE["accent"], "va": "center"}
    put_text(axes, 1.008, -0.018 * len(labels), "cluster", **margin)
    for cluster, size, end in zip(clusters[tall], sizes[tall], ends[tall], strict=True):
        put_text(axes, 1.008, end - size / 2, f"{cluster}", **margin)
    if not tall.all():
        rest, n_rest = sizes[~tall].sum() / len(labels), int((~tall).sum())
        middle = (ends[~tall] - sizes[~tall] / 2).mean()
        note, turn = (plural(n_rest, "smaller cluster"), 270) if rest > 0.25 else (f"+ {n_rest}", 0)
        put_text(axes, 1.008, middle, note, rotation=turn, **margin)


# --- evaluation --------------------------------------------------------------------------------------------


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
