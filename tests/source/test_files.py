"""Ratings from many files: every row is accounted for, and the latest of a pair counts, on either engine."""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.engine import Engine
from tasks.engine.duckdb import DuckDBEngine
from tasks.errors import CineclusterError
from tasks.source.files import ingest_ratings
from tasks.source.header import find_files
from tasks.source.ingest import RowCounts
from tests.engine.spark_sessions import bounded_memory, needs_sail

HEADER = "userId,movieId,rating,timestamp\n"


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """A session on Sail."""
    from tasks.engine.sessions import open_session

    with bounded_memory(), open_session("sail") as session:
        yield session


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=needs_sail)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine with an empty build."""
    build = DuckDBEngine(tmp_path / "build.duckdb")
    if request.param == "duckdb":
        yield build
        return
    from tasks.engine.spark import SparkEngine

    yield SparkEngine(request.getfixturevalue("session"), str(tmp_path / "work"), build)


def put(source: Path, name: str, text: str) -> None:
    """Write a file of ratings, in the format that its name says."""
    path = source / "ratings" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".parquet"):
        pl.read_csv(text.encode(), schema_overrides={"rating": pl.Float64}).write_parquet(path)
    else:
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())


def tables(engine: Engine) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the ratings as (user, movie, stars, seconds) and the rejected rows as (file, line)."""
    with engine.connect() as connection:
        ratings = "select user_id, movie_id, rating, epoch(rated_at)::bigint from ratings order by all"
        return (
            connection.execute(ratings).fetchall(),
            connection.execute("select file, line from rejected_rows order by all").fetchall(),
        )


def test_files_of_all_formats_in_folders_are_one_source(engine, tmp_path):
    source = tmp_path / "source"
    put(source, "a.csv", f"{HEADER}1,10,4.0,100\n1,11,3.0,100\n")
    put(source, "b.csv.gz", "rating,timestamp,movieId,userId\n4.5,100,10,2\n")
    put(source, "year=1999/part-0.parquet", f"{HEADER}3,10,2.5,100\n3,12,5.0,200\n")
    put(source, "year=2000/part-0.csv", HEADER)
    put(source, "_SUCCESS.csv", "not ratings")
    put(source, ".hidden/part.csv", "not ratings")
    assert ingest_ratings(engine, source) == RowCounts(5, 5, 0, 0)
    ratings, rejected = tables(engine)
    assert ratings == [(1, 10, 4, 100), (1, 11, 3, 100), (2, 10, 4.5, 100), (3, 10, 2.5, 100), (3, 12, 5, 200)]
    assert rejected == []


def test_the_latest_rating_counts_by_time_then_file_then_place(engine, tmp_path):
    source = tmp_path / "source"
    put(source, "a.csv", f"{HEADER}1,10,1.0,300\n1,11,1.0,100\n1,12,1.0,100\n1,12,2.0,100\n")
    put(source, "b.csv", f"{HEADER}1,10,2.0,200\n1,11,2.0,100\n1,11,2.5,100\n")
    assert ingest_ratings(engine, source) == RowCounts(7, 3, 4, 0)
    assert tables(engine)[0] == [(1, 10, 1, 300), (1, 11, 2.5, 100), (1, 12, 2, 100)]


def test_dirty_lines_are_set_aside_with_file_and_line(engine, tmp_path):
    source = tmp_path / "source"
    put(source, "a.csv", f"{HEADER}1,10,4.0,100\n\n1,11,9.0,100\n1,10,5.0,200\n")
    put(source, "deep/b.csv.gz", f"{HEADER}x,10,4.0,100\n2,10,4.0,100\n")
    counts = ingest_ratings(engine, source, 0.5)
    ratings, rejected = tables(engine)
    assert counts == RowCounts(5, 2, 1, 2)
    assert counts.n_rows_read == counts.n_kept + counts.n_superseded + counts.n_rejected
    assert ratings == [(1, 10, 5, 200), (2, 10, 4, 100)]
    assert rejected == [("ratings/a.csv", 4), ("ratings/deep/b.csv.gz", 2)]


def test_too_many_dirty_lines_show_the_first(engine, tmp_path):
    source = tmp_path / "source"
    put(source, "a.csv", f"{HEADER}1,10,4.0,100\n")
    put(source, "b.csv", f"{HEADER}1,11,4.0,100\n1,12,7.0,100\n")
    with pytest.raises(
        CineclusterError, match=r"ratings/b.csv: 1 of 3 lines are bad.*The first is line 3: rating is not"
    ):
        ingest_ratings(engine, source, 0.1)


def test_a_file_with_a_bad_header_is_named(tmp_path):
    source = tmp_path / "source"
    put(source, "a.csv", f"{HEADER}1,10,4.0,100\n")
    put(source, "b.csv", "userId,movieId\n1,11\n")
    with pytest.raises(CineclusterError, match=r"b.csv line 1: no column 'rating'"):
        ingest_ratings(DuckDBEngine(tmp_path / "build.duckdb"), source)


@needs_sail
def test_a_worker_that_fails_for_bad_input_says_so_in_the_same_words(tmp_path):
    from tasks.engine.sessions import open_session
    from tasks.engine.spark import SparkEngine

    source = tmp_path / "source"
    put(source, "b.csv", "userId,movieId\n1,11\n")
    with ExitStack() as stack:
        stack.enter_context(bounded_memory())
        raised = stack.enter_context(pytest.raises(CineclusterError))
        session = stack.enter_context(open_session("sail"))
        build = DuckDBEngine(tmp_path / "build.duckdb")
        ingest_ratings(SparkEngine(session, str(tmp_path / "work"), build), source)
    assert str(raised.value).startswith(f"{source}/ratings/b.csv line 1: no column 'rating'.")


def test_files_come_by_path(tmp_path):
    for name in ("b.csv", "a/2.parquet", "a/10.csv.gz", "c.txt"):
        put(tmp_path, name, f"{HEADER}1,10,4.0,100\n")
    assert [path.name for path in find_files(tmp_path)] == ["10.csv.gz", "2.parquet", "b.csv"]
    assert find_files(tmp_path / "a") == []
