"""Which movies somebody wants to see recommended, of those that may be."""

from typing import NamedTuple


class Filters(NamedTuple):
    """Which movies may be recommended; all where nothing is said.

    genres : movies of any of these.
    from_year, to_year : movies of these years, both included; then not those of unknown years.
    exclude : movie_ids that may not.
    only : movie_ids of the only ones that may; None for all.
    """

    genres: tuple[str, ...] = ()
    from_year: int | None = None
    to_year: int | None = None
    exclude: tuple[int, ...] = ()
    only: tuple[int, ...] | None = None


NO_FILTERS = Filters()
NONE_LEFT = "No movie that is left for this user passes the filters."
