"""The common look of the pictures: colours, figures, headings, axes."""

from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tasks.report.plots.canvas import Canvas
from tasks.report.plots.text import DPI, clean_text, fit_text, font_families

MARGIN = 0.2  # inches
DESCRIPTION = "Description"  # of the text in a PNG
COLOURS = 64  # of a file: enough for text with smooth edges, and a third of the bytes
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
HALO = (patheffects.withStroke(linewidth=2.6, foreground="white"),)


class Room(NamedTuple):
    """Inches from the edges of a figure to its axes, and between axes beside and below each other.

    Ticks, labels and titles are drawn there. Given like this they cost nothing; for matplotlib to find out how much
    room they need takes as long as to draw them.
    """

    left: float = 0.85
    right: float = 0.3
    bottom: float = 0.7
    top: float = 1.2
    across: float = 0.7
    down: float = 0.6


def new_figure(title: str, subtitle: str, width: float, height: float) -> Figure:
    """A white figure with a title that says the finding and a line of facts; the axes go 0.9 inches below its top."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=STYLE["paper"])
    figure.set_label(". ".join(clean_text(line, 400) for line in (title, subtitle) if line))
    for line, top, size, colour, weight in (
        (title, 0.2, 15, STYLE["ink"], "bold"),
        (subtitle, 0.54, 10, STYLE["muted"], "normal"),
    ):
        put_text(
            figure, MARGIN / width, 1 - top / height, fit_text(line, width - 2 * MARGIN, size, weight),
            size=size, color=colour, weight=weight, va="top",
        )  # fmt: skip
    return figure


def place_axes(figure: Figure, room: Room, n_rows: int = 1, n_columns: int = 1, **options: Any) -> NDArray[Any]:
    """Axes with this room around them, shape (n_rows, n_columns); options are those of ``GridSpec.subplots``."""
    width, height = figure.get_size_inches()
    ratios = {"width_ratios": options.pop("width_ratios", None)}
    wide = (width - room.left - room.right - (n_columns - 1) * room.across) / n_columns
    tall = (height - room.top - room.bottom - (n_rows - 1) * room.down) / n_rows
    grid = figure.add_gridspec(
        n_rows, n_columns, left=room.left / width, right=1 - room.right / width, bottom=room.bottom / height,
        top=1 - room.top / height, wspace=room.across / wide, hspace=room.down / tall, **ratios,
    )  # fmt: skip
    return np.asarray(grid.subplots(squeeze=False, **options))


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
    """Write the figure as PNG, whatever the ending of ``path``, with what it says in words as its description."""
    width, height = figure.get_size_inches().tolist()
    canvas = Canvas(round(DPI * width), round(DPI * height), DPI)
    figure.draw(canvas)
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    few = image.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = few.getpalette() or []
    paper = 3 * int(few.getpixel((0, 0)) or 0)  # type: ignore[arg-type]
    few.putpalette([*palette[:paper], 255, 255, 255, *palette[paper + 3 :]])
    about = PngInfo()
    about.add_itxt(DESCRIPTION, str(figure.get_label()))
    few.save(path, "PNG", dpi=(DPI, DPI), pnginfo=about)


def description_of(png: bytes) -> str:
    """Return what a picture says in words; nothing where it does not know."""
    try:
        with Image.open(BytesIO(png)) as image:
            return str(image.info.get(DESCRIPTION, ""))
    except OSError:
        return ""


def draw_sentence(title: str, sentence: str, path: Path) -> None:
    """The picture for when there is nothing to draw: it says why."""
    figure = new_figure(title, "", 9, 3)
    figure.set_label(f"{title}. {sentence}")
    put_text(figure, 0.5, 0.42, sentence, size=11, color=STYLE["muted"], ha="center", va="center")
    save(figure, path)


def whole_numbers() -> MaxNLocator:
    """Ticks at few whole numbers."""
    return MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1)


def draw_level(axes: Axes, level: float, label: str) -> None:
    """A dashed horizontal line, named in the right margin where no data can be."""
    axes.axhline(level, color=STYLE["accent"], linewidth=1.2, linestyle=(0, (4, 3)), zorder=3)
    put_text(
        axes, 1.01, level, label,
        transform=axes.get_yaxis_transform(), size=8.5, color=STYLE["accent"], va="center", linespacing=1.1,
    )  # fmt: skip


def add_colour_bar(axes: Axes, image: ScalarMappable, ticks: list[float]) -> Colorbar:
    """A colour bar in the middle below axes, in the room for their labels at the bottom of the figure."""
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    height = figure.get_size_inches()[1]
    place = axes.get_position()
    middle, wide = (place.x0 + place.x1) / 2, 0.42 * place.width
    bar_axes = figure.add_axes((middle - wide / 2, 0.5 / height, wide, 0.1 / height))
    bar = figure.colorbar(image, cax=bar_axes, orientation="horizontal", ticks=ticks)
    bar.ax.tick_params(length=0, labelsize=8.5, colors=STYLE["muted"])
    bar.ax.xaxis.set_minor_locator(NullLocator())
    bar.outline.set_visible(False)
    return bar
