"""The picture of the incidence, users sorted by cluster."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, LogNorm
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from scipy import sparse

from tasks.report.plots.style import (
    STYLE,
    Room,
    add_colour_bar,
    draw_sentence,
    dress,
    new_figure,
    place_axes,
    put_text,
    save,
    whole_numbers,
)
from tasks.report.plots.text import percent
from tasks.text import plural

MAX_DOTS = (160, 240)  # users and movies of an incidence whose every entry is drawn
IMAGE_BINS = (640, 900)
IMAGE_COLUMNS = 1200
DENSITY_COLOURS = LinearSegmentedColormap.from_list("density", ["#b5d3ea", "#3c8dc5", "#0b4f8a", "#041f40"])
Incidence = sparse.csr_matrix | sparse.csr_array


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
    is_small = n_users <= MAX_DOTS[0] and n_movies <= MAX_DOTS[1]
    axes = place_axes(figure, Room(left=1.0, right=0.75, bottom=0.7 if is_small else 1.35, top=1.25))[0, 0]
    dress(axes, grid="")
    axes.set_xlabel("movies, most favourited first")
    axes.set_ylabel("users, by cluster")
    places = matrix_places(incidence, labels)
    axes.set(xlim=(0, n_movies), ylim=(n_users, 0))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(whole_numbers())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:,.0f}"))
    if is_small:
        draw_dots(axes, incidence, *places)
    else:
        draw_density(axes, *bin_density(incidence, *places))
        label_roots(axes, n_movies)
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
        "a row is a user, a column a movie, lines separate the clusters"
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


def label_roots(axes: Axes, n_movies: int) -> None:
    """Square-root axis for movies, so that the popular ones are more than a stripe."""
    wanted = n_movies * np.array([0, 0.01, 0.05, 0.15, 0.3, 0.5, 0.75])
    ticks = np.unique([float(f"{tick:.0e}") for tick in wanted])
    axes.set(xlim=(0, 1))
    axes.set_xticks(np.sqrt(ticks / n_movies), [f"{tick:,.0f}" for tick in ticks])
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
    """The density with logarithmic colours, empty cells white, and its colour bar; movies on a square-root axis."""
    low, high = float(density[density > 0].min()), float(density.max())
    colours = ScalarMappable(LogNorm(low, max(high, 1.01 * low)), DENSITY_COLOURS)
    pixels = colours.to_rgba(np.maximum(density, low), bytes=True)[..., :3]
    pixels[density == 0] = 255
    image = pixels[:, column_of_pixel(movie_edges)]
    axes.imshow(image, extent=(0, 1, user_edges[-1], 0), aspect="auto", interpolation="nearest")
    bar = add_colour_bar(axes, colours, np.unique([low, math.sqrt(low * high), high]).tolist())
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda share, _: percent(share)))
    bar.set_label("share of the pairs that are favourites", size=8.5, color=STYLE["muted"])


def column_of_pixel(movie_edges: NDArray[np.int64]) -> NDArray[np.intp]:
    """The column of the density at each of equal steps of a square-root axis."""
    steps = (np.arange(IMAGE_COLUMNS) + 0.5) / IMAGE_COLUMNS
    return np.searchsorted(movie_edges, movie_edges[-1] * steps**2, side="right") - 1


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
