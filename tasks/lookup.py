"""What the published tables say about one user."""

from pathlib import Path
from typing import NamedTuple

from tasks.database import connect_to_published, run


class Lookup(NamedTuple):
    """A user's favourites (title, genres) and recommendations (rank, title, genres, score)."""

    favourites: list[tuple[str, str]]
    n_favourites: int
    recommendations: list[tuple[int, str, str, float]]


def first_user(database: Path) -> int:
    """Return the lowest id of a user with recommendations."""
    with connect_to_published(database) as connection:
        return int(connection.execute("select min(user_id) from user_clusters").fetchall()[0][0])


def look_up(database: Path, user_id: int, n: int) -> Lookup:
    """Return up to ``n`` favourites and ``n`` recommendations of a user, who may be unknown.

    Raises
    ------
    CineclusterError
        If there is no published database.
    """
    with connect_to_published(database) as connection:
        favourites = run(connection, "user_favourites", user_id=user_id, n=n)
        recommendations = run(connection, "user_recommendations", user_id=user_id, n=n)
    return Lookup(
        [(title, genres) for title, genres, _ in favourites],
        favourites[0][2] if favourites else 0,
        [(rank, title, genres, score) for rank, title, genres, score in recommendations],
    )
