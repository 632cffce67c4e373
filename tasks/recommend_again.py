"""Recommendations made from published tables, for users whose favourites changed."""

import json
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.clusters import Nearness, Tastes
from tasks.database import statement
from tasks.recommend import Scoring, search, smooth


class Options(NamedTuple):
    """Options of the retrain that made the tables, and its run_id."""

    run_id: str
    min_rating: float
    exclude_seen: bool
    closeness: float
    top_n: int
    smoothing: float
    watched_weight: float
    taste_weight: float


def last_options(connection: duckdb.DuckDBPyConnection) -> Options:
    """Return the options of the retrain that made the tables."""
    run_id, config = connection.execute("select run_id, config from runs").fetchall()[-1]
    config = json.loads(config)
    return Options(run_id, **{name: config[name] for name in Options._fields[1:]})


def recommend_again(
    connection: duckdb.DuckDBPyConnection, user_ids: list[int], options: Options
) -> list[dict[str, Any]]:
    """Return a row for each user, by the tables as they are now: user_id, cluster, movie_ids and scores, best first.

    Users without a cluster have no movies.
    """
    connection.register("some_users", pl.DataFrame({"user_id": user_ids}, {"user_id": pl.Int32}))
    users = connection.sql("select * from user_clusters semi join some_users using (user_id) order by user_id").pl()
    nothing: dict[str, Any] = {"cluster": None, "movie_ids": [], "scores": []}
    found = {user_id: {"user_id": user_id} | nothing for user_id in user_ids}
    if len(users) == 0:
        return list(found.values())
    movies = connection.sql("select * from overall_favourites order by rank").pl()
    seen = read_seen(connection, users, len(movies), options.exclude_seen)
    scoring = read_scoring(connection, users, movies, options)
    places, scores = search(scoring, seen, scoring.nearness.clusters[:, 0], options.top_n)
    movie_ids = movies["movie_id"].to_numpy()
    for row, (user_id, cluster) in enumerate(users.select("user_id", "cluster").iter_rows()):
        kept = np.isfinite(scores[row])
        shortest = [float(str(score)) for score in scores[row, kept]]  # not the many digits of the float as a double
        best = {"movie_ids": movie_ids[places[row, kept]].tolist(), "scores": shortest}
        found[user_id] |= {"cluster": cluster} | best
    return list(found.values())


def read_seen(
    connection: duckdb.DuckDBPyConnection, users: pl.DataFrame, n_movies: int, exclude_seen: bool
) -> csr_matrix:
    """Return what not to recommend to the users: shape (n_users, n_movies), CSR; columns are movies by rank."""
    asked = users.select("user_id", user_position=pl.int_range(pl.len(), dtype=pl.Int32))
    connection.register("asked_users", asked)
    pairs = connection.sql(statement("changes/seen"), params={"exclude_seen": exclude_seen}).fetchnumpy()
    places = (pairs["user_position"], pairs["movie_position"])
    return csr_matrix((np.ones(len(places[0]), dtype=np.float32), places), shape=(len(users), n_movies))


def read_scoring(
    connection: duckdb.DuckDBPyConnection, users: pl.DataFrame, movies: pl.DataFrame, options: Options
) -> Scoring:
    """Return what the scores of the users are made of; columns are movies by rank."""
    nearest = np.array(users["nearest_clusters"].to_list(), dtype=np.int32)
    clusters, position = np.unique(nearest, return_inverse=True)
    weights = np.array(users["weights"].to_list(), dtype=np.float32)
    nearness = Nearness(position.reshape(nearest.shape).astype(np.int32), weights)
    tastes = None
    if options.taste_weight and not users["taste"].has_nulls():
        tastes = Tastes(stack(users["taste"]), stack(movies["taste"].fill_null([0.0] * len(users["taste"][0]))))
    return Scoring(read_shares(connection, clusters, movies, options), nearness, tastes, options.taste_weight)


def stack(lists: pl.Series) -> NDArray[np.float32]:
    """Return lists of one length as the rows of an array."""
    return lists.explode().to_numpy().astype(np.float32).reshape(len(lists), -1)


def read_shares(
    connection: duckdb.DuckDBPyConnection, clusters: NDArray[np.int32], movies: pl.DataFrame, options: Options
) -> NDArray[np.float32]:
    """Return the smoothed shares of the movies in some fine clusters, see `tasks.recommend.smooth_shares`."""
    connection.register("asked_clusters", pl.DataFrame({"fine_cluster": clusters}))
    sizes = connection.sql(
        "select n_users from fine_clusters semi join asked_clusters using (fine_cluster) order by fine_cluster"
    ).fetchnumpy()["n_users"]
    rows = connection.sql(statement("changes/shares")).fetchnumpy()
    [(n_users,)] = connection.execute("select count(*) from user_clusters").fetchall()
    column = np.full(int(movies["movie_id"].to_numpy().max()) + 1, -1)
    column[movies["movie_id"].to_numpy()] = np.arange(len(movies))
    everybody = (movies["n_users"].to_numpy() + options.watched_weight * movies["n_watched"].to_numpy()) / n_users
    counts = np.zeros((len(clusters), len(movies)), dtype=np.float32)
    weights = rows["n_users"] + np.float32(options.watched_weight) * rows["n_watched"]
    counts[np.searchsorted(clusters, rows["fine_cluster"]), column[rows["movie_id"]]] = weights
    return smooth(counts, everybody, sizes, options.smoothing)
