"""Movies by their titles, as people name them."""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tasks.engine.duckdb import run
from tasks.errors import CineclusterError
from tasks.published.read import connect_to_published
from tasks.text import plain

NEAREST = 2  # in the column `how` of the query
MOST_LISTED = 20


class Called(NamedTuple):
    """A movie that was asked for; by its id it has no title where that cannot be read now."""

    movie_id: int
    title: str | None


def movie_called(database: Path, text: str) -> Called:
    """Return the one movie that is called ``text``, or else the one that has all of its words in the title.

    A number is an id, whatever the titles are.

    Raises
    ------
    CineclusterError
        If several movies are, which it lists with their ids; or none is: it lists those with the nearest titles.
    """
    if text.isdecimal():
        return Called(int(text), title_of(database, text))
    with connect_to_published(database) as connection:
        run(connection, "published/folded_title")
        found = run(connection, "published/movies_called", text=text)
    best = found[0][2] if found else NEAREST
    meant = [Called(movie_id, title) for movie_id, title, how in found if how == best]
    if best != NEAREST and len(meant) == 1:
        return meant[0]
    fault = f"{len(meant):,} movies are meant by {plain(text)!r}:"
    if best == NEAREST:
        fault = f"No movie is called {plain(text)!r}{'; the nearest titles:' if meant else '.'}"
    remedy = ["Give the id of one in place of the title."] if meant else []
    raise CineclusterError("\n".join([fault, *listed(meant), *remedy]))


def title_of(database: Path, movie_id: str) -> str | None:
    """Return the title of a movie, None if it is unknown or the tables cannot be read now."""
    rows: list[tuple[str]] = []
    with suppress(CineclusterError), connect_to_published(database) as connection:
        rows = run(connection, "published/title_of_movie", movie_id=movie_id)
    return rows[0][0] if rows else None


def listed(movies: list[Called]) -> list[str]:
    """Return a line for each of the first movies, and one that counts the rest."""
    lines = [f"{movie_id:>8}  {plain(title)}" for movie_id, title in movies[:MOST_LISTED]]
    left = len(movies) - MOST_LISTED
    return [*lines, f"          and {left:,} more: give more of the title"] if left > 0 else lines
