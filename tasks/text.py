"""Texts as they are shown: those from elsewhere made safe, and changes in words."""

import unicodedata
from collections.abc import Mapping

MAX_LENGTH = 300  # of a text that comes from the source


def plain(value: object) -> str:
    """Return a text without what could turn it around or hide it, such as U+202E, and not longer than a few lines."""
    text = str(value)
    short = text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH] + "…"
    return "".join(character if character.isprintable() else "\ufffd" for character in short)


def fold(text: str) -> str:
    """Return a text in small letters, without accents and punctuation, as "folded_title" in SQL, but with articles."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if letter.isalnum() or letter == " ")


def share_in_words(share: float) -> str:
    """Return a change as per cent with its sign."""
    return f"{100 * share:+.1f} %".replace("-", "\N{MINUS SIGN}")


def plural(count: int, word: str) -> str:
    """A count with its noun: ``1 cluster``, ``1,200 clusters``."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def tables_in_words(rows: Mapping[str, int]) -> str:
    """Return how many tables and rows there are, from the rows of each table: ``2 tables, 1,200 rows``."""
    return f"{plural(len(rows), 'table')}, {plural(sum(rows.values()), 'row')}"
