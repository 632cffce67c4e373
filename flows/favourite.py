"""The favourites that users add or take back between retrains."""

from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run

from flows.notify import NOTIFIED
from flows.stations import change_favourites
from tasks.errors import CineclusterError


def name_run() -> str:
    """Name a run by what it changes."""
    given = flow_run.parameters
    if pairs := given.get("pairs"):
        return f"{len(pairs)} pairs"
    return f"user {given.get('user_id')}, movie {given.get('movie_id')}"


@flow(name="favourite", flow_run_name=name_run, **NOTIFIED)
def favourite(
    user_id: int | None = None,
    movie_id: int | None = None,
    pairs: list[tuple[int, int]] | None = None,
    remove: bool = False,
    database: Path = Path("data/cinecluster.duckdb"),
) -> int:
    """Record favourites, on disk, and have the published tables and recommendations follow at once.

    Returns the number of changes that were new.

    Args:
        user_id: Id of the user, who may be new.
        movie_id: MovieLens id of the movie.
        pairs: Instead of one user and movie, a list of [user_id, movie_id].
        remove: Take them back.
        database: Published DuckDB file.
    """
    wanted = list(pairs or [])
    if user_id is not None and movie_id is not None:
        wanted.append((user_id, movie_id))
    elif user_id is not None or movie_id is not None or not wanted:
        raise CineclusterError("Give user_id and movie_id, or pairs such as [[12, 296], [12, 318]].")
    return change_favourites(database, wanted, remove)
