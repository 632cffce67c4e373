"""The common look of the pictures: colours, figures, headings, axes."""

from pathlib import Path
from typing import Any

from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from tasks.report.plots.text import DPI, fit_text, font_families

MARGIN = 0.2  # inches
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
    FigureCanvasAgg(figure).print_png(path)  # savefig would lay out and draw everything twice


def draw_sentence(title: str, sentence: str, path: Path) -> None:
    """The picture for when there is nothing to draw: it says why."""
    figure = new_figure(title, "", 9, 3)
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
