"""The tables of one run, as a server holds them: what most requests need as arrays, the rest behind a connection."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.engine.duckdb import frame, run
from tasks.errors import CineclusterError
from tasks.favourites.change import last_run
from tasks.favourites.fold_in import load_model, stack
from tasks.model.types import Model
from tasks.published.read import connect_to_published, last_run_id, set_variables, tables_in, variables_of
from tasks.published.status import Status, published_status
from tasks.text import fold

SERVING_MEMORY = "512MB"  # of DuckDB for small queries, many at a time
LARGEST_DENSE_ID = 10_000_000  # up to this an array by id is faster than a search


class Movies:
    """All movies, by their ids; a movie is known by its position in these arrays.

    ids : int32, ascending.
    titles, years, genres : lists of that length; genres are tuples, which Python's search for garbage leaves out.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self.ids: NDArray[np.int32] = frame["movie_id"].to_numpy()
        self.titles: list[str] = frame["title"].to_list()
        self.years: list[int | None] = frame["year"].to_list()
        self.genres: list[tuple[str, ...]] = [tuple(names) for names in frame["genres"].to_list()]
        self.year_numbers = frame["year"].fill_null(0).to_numpy()
        self.genre_rows = np.repeat(np.arange(len(frame)), frame["genres"].list.len().to_numpy())
        names = frame["genres"].explode(empty_as_null=False).to_list()
        self.genre_codes = {name: code for code, name in enumerate(dict.fromkeys(names))}
        self.genre_numbers = np.array([self.genre_codes[name] for name in names], dtype=np.int32)

    def of_genres(self, names: tuple[str, ...]) -> NDArray[np.bool_]:
        """Return whether each movie is of any of these genres."""
        mask = np.zeros(len(self.ids), dtype=bool)
        for code in {self.genre_codes[name] for name in names if name in self.genre_codes}:
            mask[self.genre_rows[self.genre_numbers == code]] = True
        return mask

    @cached_property
    def folded(self) -> list[str]:
        """The titles without case, accents and punctuation."""
        return [fold(title) for title in self.titles]

    def position(self, movie_id: int) -> int | None:
        """Return where a movie is, None if there is none of this id."""
        found = int(np.searchsorted(self.ids, np.int32(movie_id)))
        return found if found < len(self.ids) and self.ids[found] == movie_id else None

    def positions(self, movie_ids: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return where movies are that are all known."""
        if len(self.place_of):
            return self.place_of[movie_ids]
        return np.searchsorted(self.ids, movie_ids).astype(np.int32)

    @cached_property
    def place_of(self) -> NDArray[np.int32]:
        """The position of each id; empty where ids are so large that this would be too."""
        if not len(self.ids) or self.ids[-1] > LARGEST_DENSE_ID:
            return np.zeros(0, dtype=np.int32)
        place = np.zeros(self.ids[-1] + 1, dtype=np.int32)
        place[self.ids] = np.arange(len(self.ids), dtype=np.int32)
        return place


class Lists(NamedTuple):
    """The recommendations of the retrain, user by user.

    users : int32, ascending.
    starts : shape (n_users + 1,), where the list of each user begins.
    movies : int32, positions in `Movies`, best first.
    scores : float32.
    clusters : int32, the user's.
    """

    users: NDArray[np.int32]
    starts: NDArray[np.integer]
    movies: NDArray[np.int32]
    scores: NDArray[np.float32]
    clusters: NDArray[np.int32]

    def of(self, user_id: int) -> slice:
        """Return where the list of a user is; empty for a user who has none."""
        row = int(np.searchsorted(self.users, np.int32(user_id)))
        if row == len(self.users) or self.users[row] != user_id:
            return slice(0, 0)
        return slice(int(self.starts[row]), int(self.starts[row + 1]))


class Tables(NamedTuple):
    """What one retrain published.

    status : the run.
    clusters : the rows of the table ``clusters``, in their order.
    top_n : recommendations stored for each user.
    rules : the row of the table ``interaction_rules``.
    model : what it learned, with all items.
    columns : int32, the position in ``movies`` of each column of the model, the most favourited movie first.
    column_of : int32, the column of each position, -1 of movies that nobody favourited.
    shares : float64, share of the users who favourited the movie of each column.
    limits : the last user and movie that the retrain kept, None where all were.
    connection : the published file, opened as `connect_to_published` does.
    variables : what the views read, by name: where the favourites since and Parquet files are.
    idle : cursors that nobody uses at the moment.
    known : groups of users that were read ahead, see `tasks.app.known`.
    opened : what closes the file when nobody holds these tables any more.
    """

    status: Status
    clusters: list[dict[str, Any]]
    top_n: int
    rules: dict[str, float]
    movies: Movies
    lists: Lists
    model: Model
    columns: NDArray[np.int32]
    column_of: NDArray[np.int32]
    shares: NDArray[np.float64]
    limits: tuple[int | None, int | None]
    connection: duckdb.DuckDBPyConnection
    variables: dict[str, str]
    idle: list[duckdb.DuckDBPyConnection]
    known: list[Any]
    opened: ExitStack


@contextmanager
def session(tables: Tables) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a cursor of this thread's own to ask the published tables; its views follow the favourites since."""
    try:
        cursor = tables.idle.pop()
    except IndexError:
        cursor = tables.connection.cursor()
        cursor.execute("use published")
        set_variables(cursor, tables.variables)
    yield cursor
    tables.idle.append(cursor)


def load_tables(database: Path) -> Tables:
    """Return the published tables; the file stays open until nobody holds what is returned.

    Raises
    ------
    CineclusterError
        If nothing is published, it is of 0.1.0 or damaged, or another run was published meanwhile.
    """
    with connect_to_published(database) as connection:
        if not {"model", "item_weights"} <= tables_in(connection):
            raise CineclusterError(f"{database}: was made by an earlier release. `cinecluster retrain` once.")
        with ExitStack() as files:
            serving = files.enter_context(connect_to_published(database, None, SERVING_MEMORY, threads=1))
            tables = read_tables(connection, database)._replace(connection=serving)
            if last_run_id(serving, database) != tables.status.run_id:
                raise CineclusterError(f"{database}: another run was published while its tables were read. Try again.")
            return tables._replace(opened=files.pop_all())


def read_tables(connection: duckdb.DuckDBPyConnection, database: Path) -> Tables:
    """Return what is in the connected file."""
    run_id, top_n = last_run(connection, database)
    [rules] = connection.table("interaction_rules").pl().to_dicts()
    movies = Movies(frame(connection, "app/listed_movies"))
    overall = frame(connection, "app/listed_favourites")
    columns = movies.positions(overall["movie_id"].to_numpy())
    column_of = np.full(len(movies.ids), -1, dtype=np.int32)
    column_of[columns] = np.arange(len(columns), dtype=np.int32)
    run(connection, "changes/limits")
    [limits] = connection.table("limits").fetchall() or [(None, None)]
    return Tables(
        published_status(connection, database),
        connection.table("clusters").order("cluster").pl().to_dicts(),
        top_n,
        rules,
        movies,
        read_lists(connection, movies),
        load_model(connection, database)._replace(items=read_items(connection)),
        columns,
        column_of,
        overall["share"].to_numpy(),
        limits,
        connection,
        variables_of(database, run_id),
        [],
        [],
        ExitStack(),
    )


def read_lists(connection: duckdb.DuckDBPyConnection, movies: Movies) -> Lists:
    """Return the recommendations of the retrain; they lie in the order of users and ranks, or are brought to it."""
    lists = frame(connection, "app/stored_lists")
    if not lists.select(key=pl.col("user_id").cast(pl.Int64) * 2**31 + pl.col("rank"))["key"].is_sorted():
        lists = lists.sort("user_id", "rank")
    user_ids = lists["user_id"].to_numpy()
    starts = np.flatnonzero(np.diff(user_ids, prepend=-1))
    places = movies.positions(lists["movie_id"].to_numpy())
    ends = np.append(starts, len(user_ids))
    return Lists(user_ids[starts], ends, places, lists["score"].to_numpy(), lists["cluster"].to_numpy())


def read_items(connection: duckdb.DuckDBPyConnection) -> NDArray[np.float32]:
    """Return the item model, without rows where there is none."""
    weights = frame(connection, "app/all_item_weights")["weights"]
    return stack(weights, np.float32) if len(weights) else np.zeros((0, 0), dtype=np.float32)
