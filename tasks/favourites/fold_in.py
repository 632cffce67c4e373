"""Users between two retrains: those with their first favourites are placed, those with changed ones ranked again."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.blocks import Interactions
from tasks.engine.duckdb import arrays, block_of, frame
from tasks.errors import CineclusterError
from tasks.model.rank import rank
from tasks.model.reasons import reasons
from tasks.model.saved import unpack
from tasks.model.types import Model, Neighbours, Placement

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "user_id": pl.Int32,
    "cluster": pl.Int32,
    "fine_cluster": pl.Int32,
    "neighbours": pl.List(pl.Int32),
    "weights": pl.List(pl.Float32),
    "taste": pl.List(pl.Float32),
}


def load_model(connection: duckdb.DuckDBPyConnection, database: Path) -> Model:
    """Return the model of the retrain that made the tables.

    Raises
    ------
    CineclusterError
        If ``model`` is a table of something else.
    """
    try:
        return unpack(connection.table("model").fetchall())
    except (ValueError, TypeError, KeyError) as error:
        raise CineclusterError(f"{database}: its model cannot be read: {error}. `cinecluster retrain` once.") from error


def with_items(connection: duckdb.DuckDBPyConnection, model: Model, users: Interactions) -> Model:
    """Return the model with the rows of its items that the users' favourites and near favourites need."""
    n_items = len(connection.table("item_weights"))
    needed = np.unique(users.weights.indices[users.weights.data > 0])
    needed = needed[needed < n_items]
    items = np.zeros((n_items, n_items), dtype=np.float32)
    if len(needed):
        connection.register("asked_movies", pl.DataFrame({"movie_id": model.movie_ids[needed]}))
        items[needed] = stack(frame(connection, "changes/asked_item_weights")["weights"], np.float32)
    return model._replace(items=items)


def interactions_now(connection: duckdb.DuckDBPyConnection, user_ids: NDArray[np.int32], model: Model) -> Interactions:
    """Return what the users, in ascending order, have rated and favourited until now, in the columns of the model."""
    connection.register("asked_users", pl.DataFrame({"user_id": user_ids}, {"user_id": pl.Int32}))
    bounds = {"first": int(user_ids[0]), "last": int(user_ids[-1])}
    return block_of(user_ids, len(model.movie_ids), arrays(connection, "changes/user_interactions", **bounds))


def place_new_users(connection: duckdb.DuckDBPyConnection, model: Model) -> pl.DataFrame:
    """Return the rows in ``user_clusters`` of the users of ``changed_users`` who are new.

    They depend on nothing but the model and the users' ratings and favourites of now.
    """
    new = frame(connection, "changes/users_to_place")["user_id"].to_numpy()
    if len(new) == 0:
        return pl.DataFrame(schema=SCHEMA)
    from tasks.model.neighbours import place  # scikit-learn takes seconds to import, and ranking needs none of it

    where = place(interactions_now(connection, new, model), model)
    rows = {
        "user_id": new,
        "cluster": where.clusters,
        "fine_cluster": where.fine,
        "neighbours": where.neighbours.clusters,
        "weights": where.neighbours.weights,
        "taste": where.tastes if model.tastes.shape[1] else None,
    }
    return pl.DataFrame(rows).cast(SCHEMA)  # type: ignore[arg-type]


def recommend_again(
    connection: duckdb.DuckDBPyConnection, user_ids: list[int], model: Model, top_n: int
) -> list[dict[str, Any]]:
    """Return a row for each user: user_id, cluster, and lists of movie_ids, scores and reasons, best first.

    Users stay where the tables have placed them; what they have favourited and seen is that of now. Users without a
    cluster have no movies.
    """
    connection.register("some_users", pl.DataFrame({"user_id": user_ids}, {"user_id": pl.Int32}))
    bounds = {"first": min(user_ids, default=0), "last": max(user_ids, default=0)}
    users = frame(connection, "changes/placed_users", **bounds)
    nothing: dict[str, Any] = {"cluster": None, "movie_ids": [], "scores": [], "item_scores": [], "because": []}
    found = {user_id: {"user_id": user_id} | nothing for user_id in user_ids}
    if len(users):
        now = interactions_now(connection, users["user_id"].to_numpy(), model)
        with_rows = with_items(connection, model, now)
        best = rank(now, read_placement(users, model), with_rows, top_n)
        because = reasons(now, best, with_rows)
        ends = np.searchsorted(best.user, np.arange(len(users) + 1))
        for row, (user_id, cluster) in enumerate(users.select("user_id", "cluster").iter_rows()):
            mine = slice(ends[row], ends[row + 1])
            found[user_id] |= {
                "cluster": cluster,
                "movie_ids": model.movie_ids[best.movie[mine]].tolist(),
                "scores": shortest(best.score[mine]),
                "item_scores": shortest(best.item_score[mine]),
                "because": [model.movie_ids[few[few >= 0]].tolist() for few in because[mine]],
            }
    return list(found.values())


def read_placement(users: pl.DataFrame, model: Model) -> Placement:
    """Return the places of the rows of ``user_clusters``."""
    fine, clusters = users["fine_cluster"].to_numpy(), users["cluster"].to_numpy()
    neighbours = Neighbours(stack(users["neighbours"], np.int32), stack(users["weights"], np.float32))
    tastes = np.zeros((len(users), 0), dtype=np.float32)
    if model.tastes.shape[1]:
        tastes = stack(users["taste"], np.float32)
    return Placement(clusters, clusters, fine, neighbours, tastes)


def stack(lists: pl.Series, dtype: type) -> NDArray:
    """Return lists of one length as the rows of an array."""
    return lists.explode().to_numpy().astype(dtype).reshape(len(lists), -1)


def shortest(scores: NDArray[np.float32]) -> list[float]:
    """Return the scores with no more digits than a float32 has."""
    return [float(str(score)) for score in scores]
