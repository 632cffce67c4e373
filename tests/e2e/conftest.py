"""A host and what it retrains from; those who use them go on where the test before them ended."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tasks.source.demo_data import make_demo_data
from tests.e2e.host import Host

HOSTILE = "<img src=x onerror=alert(1)> [free](javascript:alert(2)) | **now**"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with Host(tmp_path_factory.mktemp("host")) as host:
        host.start_server()
        yield host


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Demo data of 20,000 ratings, every title with markup in it."""
    folder = tmp_path_factory.mktemp("source")
    make_demo_data(folder, 20_000, seed=1)
    movies = pl.read_csv(folder / "movies.csv").with_columns(
        pl.format("{} {}", pl.lit(HOSTILE), "title").alias("title")
    )
    movies.write_csv(folder / "movies.csv")
    return folder
