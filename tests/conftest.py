"""What tests share: tables made of a few ratings, the real data, and one Prefect server for the session.

What takes seconds to import is imported where it is used: every process of pytest-xdist loads this file.
"""

import atexit
import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from shutil import copy
from typing import Any, NamedTuple

os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a worker a core: more threads would wait for each other

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_matrix

from flows.cli import drop_output
from flows.config import RetrainOptions
from tasks.engine import Engine
from tasks.engine.duckdb import DuckDBEngine, run
from tasks.favourites.fold_in import load_model
from tasks.favourites.log import Pairs
from tasks.files import alone_in
from tasks.model.types import Model
from tasks.published.publish import published_runs
from tasks.published.read import connect_to_published
from tasks.published.versions import versions_of

atexit.register(drop_output, 2)
settings.register_profile("cinecluster", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "cinecluster"))

Ratings = Sequence[tuple[int, int, float]]  # user, movie, stars
Movies = Mapping[int, tuple[str, str]]  # movie: title, genres separated by |

SMALL: dict[str, Any] = {
    "n_clusters": 2,
    "max_clusters": 2,
    "n_fine_clusters": 3,
    "n_components": 4,
    "min_cluster_size": 3,
    "top_n": 3,
}
ARTICLE: dict[str, Any] = {"preset": "article", "n_fine_clusters": 0, "n_components": 0}
RULES: dict[str, Any] = {
    "min_rating": 4.0,
    "near_weight": 0.5,
    "exclude_seen": True,
    "first_movies": None,
    "first_users": None,
}


class Made(NamedTuple):
    """A finished retrain.

    build : its tables before they were published: no views are in their place yet.
    """

    run_id: str
    database: Path
    reports: Path
    build: Path
    options: RetrainOptions


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real ratings that CINECLUSTER_REAL_DATA names."""
    folder = os.environ.get("CINECLUSTER_REAL_DATA")
    if not folder:
        pytest.skip("CINECLUSTER_REAL_DATA names no folder with ml-latest-small/ and article/")
    return Path(folder)


@pytest.fixture(scope="session")
def prefect_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the tables of a Prefect server, which takes longer to make them than for all of its work."""
    with alone_with(tmp_path_factory, "prefect") as folder:
        if not (folder / "prefect.db").exists():
            command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
            environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
            environment["PREFECT_HOME"] = str(folder)
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
        return folder / "prefect.db"


@pytest.fixture(scope="session")
def prefect_home(prefect_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of temporary servers."""
    return Path(shutil.copy(prefect_tables, tmp_path_factory.mktemp("home"))).parent


@pytest.fixture(scope="session")
def prefect(prefect_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Prefect server of this session's own."""
    from prefect.testing import utilities

    folder = tmp_path_factory.mktemp("server")
    shutil.copy(prefect_tables, folder / "prefect-test.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utilities, "mkdtemp", lambda: str(folder))
        with utilities.prefect_test_harness(server_startup_timeout=120):
            yield


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have commands that run in this process start no temporary server of Prefect."""
    monkeypatch.setattr("flows.cli.start_server", lambda: None)
    monkeypatch.setattr("flows.cli.use_server", lambda started: nullcontext())


@pytest.fixture(scope="session")
def good_tables(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """What a retrain makes of `two_tastes` by the default preset. Copy its files to change anything."""
    return publish_once(tmp_path_factory, "good")


@pytest.fixture(scope="session")
def article_tables(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same by the method of the article."""
    return publish_once(tmp_path_factory, "article", **ARTICLE)


@pytest.fixture(scope="session")
def reader(good_tables: Made) -> Iterator[duckdb.DuckDBPyConnection]:
    """`good_tables` as readers open them: once, which takes longer than most queries."""
    with connect_to_published(good_tables.database) as connection:
        yield connection


@pytest.fixture
def published(good_tables: Made, tmp_path: Path) -> Made:
    """A copy of `good_tables` for one test, with its version and its reports."""
    return copy_of(good_tables, tmp_path)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server of this session's own, which listens on no port."""
    found = shutil.which("pg_ctl") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")), None)
    if found is None:
        pytest.skip("no PostgreSQL: Debian's package is called postgresql")
    pg_ctl = Path(found).resolve()
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []  # it refuses to be root's
    with tempfile.TemporaryDirectory(prefix="cinecluster-", ignore_cleanup_errors=True) as folder:
        if as_user:
            shutil.chown(folder, "postgres")
        server = [*as_user, str(pg_ctl), "--pgdata", f"{folder}/data"]
        init = [*as_user, str(pg_ctl.with_name("initdb")), "--pgdata", f"{folder}/data", "--username", "postgres"]
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        for command in (
            [*init, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"],
            [*server, "--wait", "--log", f"{folder}/log", "--options", options, "start"],
        ):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            subprocess.run([*server, "--mode", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL)  # noqa: S603


@pytest.fixture
def app_database(postgresql: str) -> Iterator[str]:
    """The address of an empty database of an app."""
    dbapi = pytest.importorskip("adbc_driver_postgresql.dbapi")
    with dbapi.connect(postgresql, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("create database app")
        yield postgresql.replace("/postgres?", "/app?")
        cursor.execute("drop database app with (force)")


@pytest.fixture
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory."""
    with connect(":memory:") as connection:
        yield connection


def connect(database: Path | str) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """Open a database as the steps of a retrain do."""
    return DuckDBEngine(Path(database)).connect()


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


def favour(connection: duckdb.DuckDBPyConnection, **rules: Any) -> None:
    """Make the tables up to ``interactions`` of the ratings."""
    for name in ("interaction_rules", "favourites", "movie_positions", "interactions"):
        run(connection, f"model/{name}", **RULES | rules)


def put_in_clusters(connection: duckdb.DuckDBPyConnection, clusters: Mapping[int, int], **columns: list[Any]) -> None:
    """Make the table ``user_clusters`` of {user: cluster}."""
    frame = pl.DataFrame({"user_id": list(clusters), "cluster": list(clusters.values())}).cast(pl.Int32)
    columns = {
        "cluster_before_merge": list(clusters.values()),
        "was_moved": [False] * len(clusters),
        "fine_cluster": list(clusters.values()),
        "neighbours": [[cluster] for cluster in clusters.values()],
        "weights": [[1.0]] * len(clusters),
        "taste": [None] * len(clusters),
    } | columns
    connection.register("user_cluster_rows", frame.with_columns(**{k: pl.Series(v) for k, v in columns.items()}))
    run(connection, "model/user_clusters")
    run(connection, "model/user_clusters_block")
    connection.unregister("user_cluster_rows")


def describe(connection: duckdb.DuckDBPyConnection, movies: pl.DataFrame | None = None) -> None:
    """Make every table that comes after ``user_clusters``; ``movies`` has movie_id, taste and boost."""
    none = pl.DataFrame(schema={"movie_id": pl.Int32, "taste": pl.List(pl.Float32), "boost": pl.Float32})
    connection.register("scored_movie_rows", none if movies is None else movies)
    tables = ("fine_clusters", "fine_cluster_movies", "overall_favourites")
    for name in (*tables, "cluster_movies", "cluster_genres", "clusters"):
        run(connection, f"model/{name}")
    connection.unregister("scored_movie_rows")


def read_model(database: Path) -> Model:
    """Return the model in published tables, with all of its items."""
    with connect_to_published(database) as connection:
        model = load_model(connection, database)
        query = "select weights from item_weights join overall_favourites_retrained using (movie_id) order by rank"
        weights = [row for (row,) in connection.execute(query).fetchall()]
    return model._replace(items=np.array(weights, dtype=np.float32).reshape(len(weights), len(weights)))


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


def write_source(folder: Path, ratings: Ratings, movies: Movies) -> Path:
    """Write ratings.csv, in which each rating is a second later than the one before, and movies.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    timed = [(*rating, second) for second, rating in enumerate(ratings, start=1)]
    write_csv(folder / "ratings.csv", ("userId", "movieId", "rating", "timestamp"), timed)
    listed = [(movie, title, genres) for movie, (title, genres) in movies.items()]
    write_csv(folder / "movies.csv", ("movieId", "title", "genres"), listed)
    return folder


def write_csv(path: Path, header: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    """Write a file of comma-separated values."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *lines])


def copy_build(engine: Engine, path: Path) -> None:
    """Copy the tables that a retrain is building."""
    with engine.connect() as connection:
        connection.execute("checkpoint")
    copy(engine.database, path)


@contextmanager
def quick_pictures() -> Iterator[None]:
    """Have the pictures hold a few bytes, other ones at each run; tests/report/test_plots.py looks at real ones."""
    from tasks.report import pictures

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in vars(pictures) if name.startswith("draw_") and name != "draw_reports"]:
            patch.setattr(pictures, name, lambda *_, path, **__: path.write_text(f"picture {path}"))
        patch.setattr(pictures, "project_users", lambda points, seed: (np.arange(points.shape[0]), points[:, :2]))
        yield


def publish(
    database: Path,
    ratings: Ratings | None = None,
    movies: Movies = TITLES,
    meanwhile: Callable[[], object] = lambda: None,
    **options: Any,
) -> Made:
    """Run a retrain of a few ratings, `two_tastes` if none are given, without Prefect's server.

    ``meanwhile`` is called when the build is complete and checked, before it is published.
    """
    from flows import stations
    from flows.retrain import retrain

    write_source(database.with_suffix(".source"), two_tastes() if ratings is None else ratings, movies)
    build, add_views = database.with_name("build.duckdb"), stations.add_views

    def keep_and_add_views(engine: Engine, *arguments: Any) -> None:
        copy_build(engine, build)
        meanwhile()
        add_views(engine, *arguments)

    with quick_pictures(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(stations, "add_views", keep_and_add_views)
        retrain.fn(**options_at(database, options))
    return made_at(database, **options)


def options_at(database: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of `publish`, with the places of everything."""
    places = {"source": database.with_suffix(".source"), "database": database, "reports": database.with_name("reports")}
    return places | SMALL | options


def made_at(database: Path, **options: Any) -> Made:
    """Return what `publish` made there last, with these options."""
    run_id = published_runs(database)["run_id"][-1]
    given = RetrainOptions(**options_at(database, options))
    return Made(run_id, database, given.reports, database.with_name("build.duckdb"), given)


def publish_once(factory: pytest.TempPathFactory, name: str, **options: Any) -> Made:
    """Run a retrain of `two_tastes` once for all workers of pytest-xdist, and return this worker's copy of it."""
    with alone_with(factory, name) as folder:
        database = folder / "films.duckdb"
        made = made_at(database, **options) if database.exists() else publish(database, **options)
        return copy_of(made, factory.mktemp(name))


@contextmanager
def alone_with(factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """Wait until no other worker of pytest-xdist is inside, and yield a folder of that name that all of them share."""
    own = factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / f"shared-{name}"
    folder.mkdir(exist_ok=True)
    with alone_in(folder):
        yield folder


def copy_of(made: Made, folder: Path) -> Made:
    """Copy a finished retrain; `connect_to_published` finds what is changed beside the copy, plain DuckDB does not."""
    shutil.copytree(made.database.parent, folder, dirs_exist_ok=True)
    database = folder / made.database.name
    database.unlink()
    database.hardlink_to(versions_of(database) / f"{made.run_id}.duckdb")
    return made._replace(database=database, reports=folder / made.reports.name, build=folder / made.build.name)


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
