"""The favourites that users add or take back between retrains."""

import sys
from pathlib import Path

from prefect import flow

from tasks.errors import CineclusterError
from tasks.favourite import record_favourites


@flow(name="favourite")
def favourite(
    user_id: int | None = None,
    movie_id: int | None = None,
    pairs: list[list[int]] | None = None,
    remove: bool = False,
    database: Path = Path("data/cinecluster.duckdb"),
) -> int:
    """Record favourites, on disk, and have the published tables and recommendations follow at once.

    Args:
        user_id: Id of the user, who may be new.
        movie_id: MovieLens id of the movie.
        pairs: Instead of one user and movie, a list of [user_id, movie_id].
        remove: Take them back.
        database: Published DuckDB file.
    """
    if any(len(pair) != 2 for pair in pairs or []):
        raise CineclusterError("Each of pairs is [user_id, movie_id].")
    wanted = [(pair[0], pair[1]) for pair in pairs or []]
    if user_id is not None and movie_id is not None:
        wanted.append((user_id, movie_id))
    elif user_id is not None or movie_id is not None or not wanted:
        raise CineclusterError("Give user_id and movie_id, or pairs such as [[12, 296], [12, 318]].")
    return record_favourites(database, wanted, remove)


if __name__ == "__main__":
    from flows.cli import main

    main(["favourite", *sys.argv[1:]])
