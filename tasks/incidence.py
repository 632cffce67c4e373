"""The favourites, and the user x movie incidence made of them."""

from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.database import connect, run, statement
from tasks.errors import CineclusterError
from tasks.step import step


class Incidence(NamedTuple):
    """The 0/1 user x movie matrix.

    matrix : shape (n_users, n_movies), CSR, float32 with int32 indices; 1 where the user favourited the movie.
    user_ids, movie_ids : int32, ascending: the ids behind rows and columns.
    """

    matrix: csr_matrix
    user_ids: NDArray[np.int32]
    movie_ids: NDArray[np.int32]


class Evidence(NamedTuple):
    """What tells of the users' tastes.

    weights : shape (n_users, n_movies), CSR, float32: 1 for a favourite, less for a movie only watched.
    times : shape (nnz,), float64, seconds since 1970 of each entry of ``weights``, 0 where unknown.
    """

    weights: csr_matrix
    times: NDArray[np.float64]


@step("Select the favourites")
def select_favourites(
    database: Path,
    min_rating: float,
    first_movies: int | None = None,
    first_users: int | None = None,
    memory_limit: str | None = None,
) -> int:
    """Build the table ``favourites`` and return its number of rows.

    ``first_movies`` keeps the favourites of so many movies with the lowest ids, ``first_users`` then those of so
    many users with the lowest ids among them.

    Raises
    ------
    CineclusterError
        If nobody rated any movie ``min_rating`` or more.
    """
    with connect(database, memory_limit) as connection:
        run(
            connection,
            "favourites",
            min_rating=min_rating,
            first_movies=first_movies,
            first_users=first_users,
        )
        n_favourites = int(connection.execute("select count(*) from favourites").fetchall()[0][0])
    if n_favourites == 0:
        raise CineclusterError(f"No favourites: no rating is {min_rating:g} or more. Lower --min-rating.")
    return n_favourites


@step("Build the incidence")
def load_incidence(database: Path, memory_limit: str | None = None) -> Incidence:
    """Return the incidence of the table ``favourites``."""
    with connect(database, memory_limit) as connection:
        number_positions(connection)
        user_ids = connection.sql("select user_id from user_positions order by all").fetchnumpy()["user_id"]
        movie_ids = connection.sql("select movie_id from movie_positions order by all").fetchnumpy()["movie_id"]
        shape = (len(user_ids), len(movie_ids))
        return Incidence(read_matrix(connection, "favourite_positions", shape), user_ids, movie_ids)


@step("Load what was rated low")
def load_disliked(
    database: Path, shape: tuple[int, int], min_rating: float, exclude_seen: bool, memory_limit: str | None = None
) -> csr_matrix:
    """Return the ratings below ``min_rating``, in the form and ``shape`` of the incidence.

    Without ``exclude_seen`` they do not matter, and none is returned.
    """
    if not exclude_seen:
        return csr_matrix(shape, dtype=np.float32)  # type: ignore[arg-type]
    with connect(database, memory_limit) as connection:
        number_positions(connection)
        return read_matrix(connection, "disliked_positions", shape, min_rating=min_rating)


def number_positions(connection: duckdb.DuckDBPyConnection) -> None:
    """Number the users and movies of the table ``favourites`` as rows and columns."""
    run(connection, "user_positions")
    run(connection, "movie_positions")


@step("Load the evidence of taste")
def load_evidence(
    database: Path, shape: tuple[int, int], min_rating: float, watched_weight: float, memory_limit: str | None = None
) -> Evidence:
    """Return what tells of the users' tastes, in the ``shape`` of the incidence.

    Besides the favourites these are the movies rated up to a star less, as ``watched_weight`` of a favourite.
    """
    with connect(database, memory_limit) as connection:
        number_positions(connection)
        run(connection, "watched")
        found = connection.sql(
            statement("evidence_positions"), params={"min_rating": min_rating, "watched_weight": watched_weight}
        ).fetchnumpy()
    places = (found["user_position"], found["movie_position"])
    weights = csr_matrix((found["weight"], places), shape=shape)
    times = csr_matrix((found["seconds"], places), shape=shape)
    return Evidence(weights, times.data)


def read_matrix(
    connection: duckdb.DuckDBPyConnection, name: str, shape: tuple[int, int], **parameters: float
) -> csr_matrix:
    """Return the positions that ``sql/<name>.sql`` selects as ones in a CSR matrix, float32, int32 indices."""
    positions = connection.sql(statement(name), params=parameters).fetchnumpy()
    rows, columns = positions["user_position"], positions["movie_position"]
    return csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
