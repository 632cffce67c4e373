"""Text that is safe to draw, whatever it holds, and fits its place."""

import bisect
import re
import unicodedata
from functools import lru_cache

from matplotlib import font_manager
from matplotlib.ft2font import LoadFlags

DPI = 130
# DejaVu Sans comes with matplotlib; the others serve titles in other scripts where a machine has them.
FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans Devanagari", "Noto Sans Thai")


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


def percent(share: float) -> str:
    """A share as a percentage with two digits that count: ``100 %``, ``1.3 %``, ``0.0024 %``."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def cluster_title(cluster: int, name: str | None) -> str:
    """``3 · Horror``, or ``Cluster 3`` where the cluster has no name."""
    name = clean_text(name)
    return f"{cluster} · {name}" if name else f"Cluster {cluster}"
