"""Movies that are never recommended, by the files of ``--available`` and ``--blocked``."""

import numpy as np
from numpy.typing import NDArray

from tasks.engine import Engine
from tasks.engine.duckdb import arrays, write
from tasks.errors import CineclusterError
from tasks.model.types import Movies
from tasks.source.movie_ids import MovieRules


def withhold_movies(engine: Engine, movies: Movies, rules: MovieRules) -> NDArray[np.int32]:
    """Build ``withheld_movies``; return which columns of the interactions are among them, see `withheld_columns`."""
    withheld = withheld_columns(movies, rules)
    with engine.connect() as connection:
        movie_ids = arrays(connection, "model/movie_ids")["movie_id"]
        kept = is_withheld(movie_ids, rules)
        reasons = np.where(np.isin(movie_ids[kept], rules.blocked), "blocked", "not available").astype(object)
        rows = {"movie_id": movie_ids[kept], "reason": reasons}
        write(connection, "withheld_movie_rows", rows, "model/withheld_movies")
    return withheld


def withheld_columns(movies: Movies, rules: MovieRules) -> NDArray[np.int32]:
    """Return which columns of the interactions are movies that are never recommended, ascending.

    Raises
    ------
    CineclusterError
        If that is all of them.
    """
    columns = np.flatnonzero(is_withheld(movies.movie_ids, rules)).astype(np.int32)
    if len(columns) == len(movies.movie_ids):
        raise CineclusterError(
            f"Nothing may be recommended: none of the {len(columns):,} movies with favourites is in the file of "
            "--available, or all are in that of --blocked. Are the ids those of the ratings?"
        )
    return columns


def is_withheld(movie_ids: NDArray[np.int32], rules: MovieRules) -> NDArray[np.bool_]:
    """Say which movies are blocked, or not available."""
    blocked = np.isin(movie_ids, rules.blocked)
    return blocked if rules.available is None else blocked | ~np.isin(movie_ids, rules.available)
