"""Clusters for users whose first favourite came after the retrain."""

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from tasks.clusters import nearest
from tasks.database import run, statement

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "user_id": pl.Int32,
    "cluster": pl.Int32,
    "fine_cluster": pl.Int32,
    "nearest_clusters": pl.List(pl.Int32),
    "weights": pl.List(pl.Float32),
    "taste": pl.List(pl.Float32),
}
SLIGHT = 1e-9  # of clusters that match alike the larger one is nearer


def place_new_users(connection: duckdb.DuckDBPyConnection, closeness: float) -> pl.DataFrame:
    """Return the rows in ``user_clusters`` of the users of ``changed_users`` who are new.

    A new user's taste is the mean direction of the tastes of all movies that the user favourited; the fine cluster
    is the one with the nearest centroid. Without tastes it is the one whose users share most of the favourites. The
    cluster is that of most users of the fine cluster.

    It depends on nothing but the tables of the retrain and the user's favourites of now.
    """
    users = connection.sql("select user_id from changed_users where is_new order by user_id").fetchnumpy()["user_id"]
    if len(users) == 0:
        return pl.DataFrame(schema=SCHEMA)
    fine = connection.sql(
        "select fine_cluster, cluster, n_users, taste "
        "from fine_clusters_retrained left join fine_cluster_tastes using (fine_cluster) order by fine_cluster"
    ).pl()
    tastes, d2 = distances(connection, users, fine)
    [(m,)] = connection.execute("select len(nearest_clusters) from user_clusters_retrained limit 1").fetchall()
    clusters, weights = nearest(d2, min(m, len(fine)), closeness)
    return pl.DataFrame(
        {
            "user_id": users,
            "cluster": fine["cluster"].to_numpy()[clusters[:, 0]],
            "fine_cluster": clusters[:, 0],
            "nearest_clusters": clusters,
            "weights": weights,
            "taste": tastes,
        }
    ).cast(SCHEMA)  # type: ignore[arg-type]


def distances(
    connection: duckdb.DuckDBPyConnection, users: NDArray[np.int32], fine: pl.DataFrame
) -> tuple[NDArray[np.float32] | None, NDArray[np.floating]]:
    """Return the tastes of the users, None if tastes are not used, and how far each fine cluster is from each."""
    if fine["taste"].null_count():
        return None, -match(connection, users, fine)
    centroids = np.array(fine["taste"].to_list(), dtype=np.float32)
    rows = connection.sql(statement("changes/new_user_favourites")).pl().drop_nulls("taste")
    sums = np.zeros((len(users), centroids.shape[1]), dtype=np.float32)
    if len(rows):
        np.add.at(sums, np.searchsorted(users, rows["user_id"]), np.array(rows["taste"].to_list(), dtype=np.float32))
    tastes = normalize(sums).astype(np.float32)
    return tastes, (centroids**2).sum(axis=1) - 2 * tastes @ centroids.T


def match(connection: duckdb.DuckDBPyConnection, users: NDArray[np.int32], fine: pl.DataFrame) -> NDArray[np.floating]:
    """Return how much of each user's favourites the users of each fine cluster share, larger ones first on a tie."""
    shares = np.tile(fine["n_users"].to_numpy() * SLIGHT, (len(users), 1))
    for user_id, fine_cluster, share in run(connection, "changes/matching_clusters"):
        shares[np.searchsorted(users, user_id), fine_cluster] += share
    return shares
