"""What tests share: tables made of a few ratings, the real data, and one Prefect server for the session."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from prefect.testing.utilities import prefect_test_harness
from scipy.sparse import csr_matrix

from flows.config import RetrainConfig
from tasks.engine.duckdb import connect, run
from tasks.favourites.change import carry_favourites
from tasks.favourites.log import Pairs, ingest_favourites_log
from tasks.favourites.overlay import add_views
from tasks.model.clusters import (
    Clustering,
    Nearness,
    Tastes,
    embedding,
    fine_k_means,
    k_means,
    nearest_clusters,
    number_by_size,
    tastes,
)
from tasks.model.merge import merge_small_clusters
from tasks.model.rank import Recommendations, best_movies
from tasks.published.publish import Build, new_build, publish_tables
from tasks.source.ingest import RowCounts
from tasks.stations.incidence import (
    Evidence,
    Incidence,
    load_disliked,
    load_evidence,
    load_incidence,
    select_favourites,
)
from tasks.stations.tables import write_clusters, write_elbow, write_recommendations, write_summary

settings.register_profile("cinecluster", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "cinecluster"))

Ratings = Sequence[tuple[int, int, float]]  # user, movie, stars
Movies = Mapping[int, tuple[str, str]]  # movie: title, genres separated by |

SMALL: dict[str, Any] = {"n_clusters": 2, "n_fine_clusters": 3, "n_components": 4, "min_cluster_size": 3, "top_n": 3}
ARTICLE: dict[str, Any] = {"n_fine_clusters": 0, "n_components": 0}


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real ratings that CINECLUSTER_REAL_DATA names."""
    folder = os.environ.get("CINECLUSTER_REAL_DATA")
    if not folder:
        pytest.skip("CINECLUSTER_REAL_DATA names no folder with ml-latest-small/ and article/")
    return Path(folder)


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """A Prefect server of this session's own."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def good_build(tmp_path_factory: pytest.TempPathFactory) -> "Made":
    """What `make_tables` makes of `two_tastes` by the default method. Copy its file to change anything."""
    return make_in(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="session")
def article_build(tmp_path_factory: pytest.TempPathFactory) -> "Made":
    """The same by the method of the article."""
    return make_in(tmp_path_factory.mktemp("article"), preset="article")


@pytest.fixture(scope="session")
def good_tables(tmp_path_factory: pytest.TempPathFactory) -> "Made":
    """The published tables of `good_build`."""
    return publish(tmp_path_factory.mktemp("good_tables") / "films.duckdb")


@pytest.fixture(scope="session")
def article_tables(tmp_path_factory: pytest.TempPathFactory) -> "Made":
    """The published tables of `article_build`."""
    return publish(tmp_path_factory.mktemp("article_tables") / "films.duckdb", preset="article")


@pytest.fixture
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory."""
    with connect(":memory:") as connection:
        yield connection


def rate(connection: duckdb.DuckDBPyConnection, ratings: Ratings, movies: Movies | None = None) -> None:
    """Make the tables ``ratings``, ``rejected_rows`` and ``movies`` that ingest makes."""
    types = {"user_id": pl.Int32, "movie_id": pl.Int32, "rating": pl.Float32}
    connection.register("some_ratings", pl.DataFrame(ratings, schema=types, orient="row"))
    connection.execute(
        "create or replace table ratings as "
        "select *, make_timestamp((row_number() over ()) * 1000000) as rated_at from some_ratings"
    )
    connection.unregister("some_ratings")
    run(connection, "source/rejected_rows")
    log_favourites(connection)
    listed = [
        (movie, title, int(title[-5:-1]) if title.endswith(")") else None, genres.split("|"), f"tt{movie}", movie * 10)
        for movie, (title, genres) in (movies or {}).items()
    ]
    listed += [
        (movie, f"(movie {movie})", None, [], None, None)
        for movie in sorted({movie for _, movie, _ in ratings} - set(movies or {}))
    ]
    columns = {
        "movie_id": pl.Int32,
        "title": pl.String,
        "year": pl.Int32,
        "genres": pl.List(pl.String),
        "imdb_id": pl.String,
        "tmdb_id": pl.Int32,
    }
    connection.register("some_movies", pl.DataFrame(listed, schema=columns, orient="row"))
    connection.execute("create or replace table movies as select * from some_movies order by movie_id")
    connection.unregister("some_movies")


def log_favourites(connection: duckdb.DuckDBPyConnection, added: Pairs = (), taken_back: Pairs = ()) -> None:
    """Make the table ``favourites_log`` of (user, movie)."""
    changes = [(*pair, True) for pair in added] + [(*pair, False) for pair in taken_back]
    types = {"user_id": pl.Int32, "movie_id": pl.Int32, "is_favourite": pl.Boolean}
    frame = pl.DataFrame(changes, schema=types, orient="row").with_columns(changed_at=datetime(2026, 1, 2))
    connection.register("logged_changes", frame)
    run(connection, "model/favourites_log")
    connection.unregister("logged_changes")


def like(connection: duckdb.DuckDBPyConnection, min_rating: float = 4.0, **first: int | None) -> None:
    """Make the table ``favourites`` of the ratings."""
    options = {"first_movies": None, "first_users": None} | first
    run(connection, "model/favourites", min_rating=min_rating, **options)


def put_in_clusters(connection: duckdb.DuckDBPyConnection, clusters: Mapping[int, int], **columns: list[Any]) -> None:
    """Make the table ``user_clusters`` of {user: cluster}, and tell the tables after it of no tastes."""
    frame = pl.DataFrame({"user_id": list(clusters), "cluster": list(clusters.values())}).cast(pl.Int32)
    columns = {
        "cluster_before_merge": list(clusters.values()),
        "was_moved": [False] * len(clusters),
        "fine_cluster": list(clusters.values()),
        "nearest_clusters": [[cluster] for cluster in clusters.values()],
        "weights": [[1.0]] * len(clusters),
        "taste": [None] * len(clusters),
    } | columns
    connection.register("user_cluster_rows", frame.with_columns(**{k: pl.Series(v) for k, v in columns.items()}))
    run(connection, "model/user_clusters")
    connection.unregister("user_cluster_rows")
    connection.execute(
        "create or replace temp table movie_taste_rows as "
        "select distinct movie_id, null::float[] as taste from favourites"
    )


def rows(connection: duckdb.DuckDBPyConnection, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query with $1, $2, ..."""
    return connection.execute(query, parameters).fetchall()


def two_tastes(n_users: int = 20) -> list[tuple[int, int, float]]:
    """Ratings by users 1, 2, ...: odd ones like movies 1 to 8, even ones 11 to 18, and user 99 likes nothing."""
    ratings = [(99, 1, 2.0), (99, 11, 0.5), (99, 12, 3.5)]
    for user in range(1, n_users + 1):
        liked, other = (0, 10) if user % 2 else (10, 0)
        ratings += [(user, liked + k, 4.0 + (user + k) % 3 / 2) for k in range(1, 9) if (user * 5 + k * 3) % 7 > k % 3]
        ratings += [(user, other + k, 3.5 if (user + k) % 8 else 2.0) for k in range(1, 8) if (user + k) % 4 == 0]
        ratings += [(user, other + 8, 4.0)] * (user % 6 == 0)
    return ratings


TITLES: dict[int, tuple[str, str]] = {
    movie: (
        f"{'Rocket' if movie < 10 else 'Waltz'} {movie} (19{50 + movie})",
        "Sci-Fi|Action" if movie < 10 else "Drama",
    )
    for movie in (*range(1, 9), *range(11, 19))
}


class Made(NamedTuple):
    """A build and the arrays that its tables were written from."""

    build: Build
    config: RetrainConfig
    incidence: Incidence
    disliked: csr_matrix
    evidence: Evidence
    found: Clustering
    clusters: Clustering
    fine: Clustering
    nearness: Nearness
    tastes: Tastes | None
    best: Recommendations


def make_tables(build: Build, published: Path, ratings: Ratings, movies: Movies | None = None, **options: Any) -> Made:
    """Take the steps of a retrain, without Prefect, on a few ratings; the pictures are the run_id as bytes."""
    c = RetrainConfig(**(SMALL | (ARTICLE if options.get("preset") == "article" else {}) | options))
    assert isinstance(c.n_clusters, int)
    assert isinstance(c.n_fine_clusters, int)
    database = build.database
    with connect(database) as connection:
        rate(connection, ratings, movies)
        run(connection, "report/reports")
        connection.execute("insert into reports values ('elbow.png', $1::varchar::blob)", [build.run_id])
    ingest_favourites_log.fn(database, published)
    select_favourites.fn(database, c.min_rating, c.first_movies, c.first_users)
    incidence = load_incidence.fn(database)
    disliked = load_disliked.fn(database, incidence.matrix.shape, c.min_rating, c.exclude_seen)
    evidence = load_evidence.fn(database, incidence.matrix.shape, c.min_rating, c.watched_weight)
    points = embedding(incidence.matrix, evidence, c.weighting, c.n_components, c.recency, c.seed)
    found = k_means(points, c.n_clusters, c.n_init, c.max_iter, c.seed)
    clusters = number_by_size(merge_small_clusters.fn(found, points, incidence.matrix, c.min_cluster_size, c.merge_by))
    fine = fine_k_means(points, clusters, c.n_fine_clusters, c.seed)
    nearness = nearest_clusters(points, fine, c.n_nearest_clusters, c.closeness)
    known = tastes(points, incidence.matrix, c.taste_weight)
    best = best_movies(incidence.matrix, evidence.weights, disliked, fine, nearness, known, c.method, c.top_n)
    write_elbow.fn(database, np.array([9.0, 5.0]), 2, c.n_clusters, {}, c.n_fine_clusters)
    write_clusters.fn(database, incidence, found, clusters, c.min_cluster_size, fine, nearness, known, c.min_rating)
    write_recommendations.fn(database, incidence, clusters.labels, best, c.exclude_seen, c.method)
    counts = RowCounts(len(ratings), len(ratings), 0, 0)
    write_summary.fn(build, published, counts, c.model_dump(mode="json"), {})
    return Made(build, c, incidence, disliked, evidence, found, clusters, fine, nearness, known, best)


def make_in(folder: Path, **options: Any) -> Made:
    """Make the tables of `two_tastes` in ``folder``, published nowhere."""
    build = Build("20260102T030405-abcd", datetime.now(UTC), folder / "build.duckdb")
    return make_tables(build, folder / "none.duckdb", two_tastes(), TITLES, **options)


def publish(
    database: Path,
    movies: Movies = TITLES,
    ratings: Ratings | None = None,
    during: Callable[[], object] = lambda: None,
    **options: Any,
) -> Made:
    """Publish what `make_tables` makes of `two_tastes`; ``during`` is called when the build has read the log."""
    with new_build(database) as build:
        made = make_tables(build, database, ratings or two_tastes(), movies, **options)
        during()
        add_views.fn(build, database)
        with carry_favourites(build, database):
            publish_tables.fn(build, database, made.config.keep)
    return made._replace(build=build._replace(database=database))


@st.composite
def incidences(draw: st.DrawFn, max_users: int = 14, max_movies: int = 12) -> csr_matrix:
    """0/1 matrices in which every user has a favourite and every movie a fan."""
    shape = draw(st.tuples(st.integers(1, max_users), st.integers(1, max_movies)))
    liked = draw(arrays(np.bool_, shape))
    liked[~liked.any(axis=1), 0] = True
    liked = liked[:, liked.any(axis=0)]
    return csr_matrix(liked.astype(np.float32))


def labels_for(n_users: int, most: int = 5) -> st.SearchStrategy[np.ndarray]:
    """Clusters of users, numbered from 0 without gaps."""
    drawn = arrays(np.int32, n_users, elements=st.integers(0, most - 1))
    return drawn.map(lambda labels: np.unique(labels, return_inverse=True)[1].astype(np.int32))
