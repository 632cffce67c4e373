"""The map of the users: points by cluster, projected to the plane."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.manifold import TSNE

from tasks.report.plots.incidence import Incidence
from tasks.report.plots.style import CLUSTER_COLOURS, STYLE, Room, draw_sentence, new_figure, place_axes, put_text, save
from tasks.report.plots.text import DPI, cluster_title, fit_text, text_width

MARKERS = ("o", "^", "s")
MAX_NAMED_CLUSTERS = 20
Embedding = NDArray[np.floating[Any]] | Incidence


def project_users(
    embedding: Embedding, seed: int, max_users: int = 800
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
        perplexity=min(20.0, (len(rows) - 1) / 3),
        max_iter=300,
        angle=0.8,
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
    axes = place_axes(figure, Room(left=0.2, right=0.2, bottom=0.2, top=0.9))[0, 0]
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
    axes.autoscale_view()  # else matplotlib does so only when it draws
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
