"""The results of an evaluation, as a table and a picture."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from tasks.engine import Engine
from tasks.engine.duckdb import DuckDBEngine, machine_errors, run
from tasks.errors import CineclusterError
from tasks.files import alone_in, replacing, require_name, writing
from tasks.published.comment import comment_tables
from tasks.published.folder import replace_reports, require_reports_of_ours
from tasks.published.read import connect_to_published
from tasks.report.plots.evaluation import draw_evaluation

PICTURE = "evaluation.png"


def publish_evaluation(measured: pl.DataFrame, database: Path, reports: Path) -> None:
    """Replace the file ``database`` by one with the table ``evaluation``, and ``reports / "evaluation.png"``."""
    require_reports_of_ours(reports, {PICTURE: b""})
    with machine_errors(), replacing(database) as build, writing(reports), new_picture() as picture:
        write_evaluation(DuckDBEngine(build), measured)
        draw_evaluation(measured, picture)
        with alone_in(reports):
            replace_reports(reports, {PICTURE: picture.read_bytes()})


@contextmanager
def new_picture() -> Iterator[Path]:
    """Yield a path to draw to."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / PICTURE


def prepare_places(database: Path, reports: Path) -> None:
    """Make the folders that an evaluation is written to.

    Raises
    ------
    CineclusterError
        If they cannot be made, or ``database`` is there already and holds anything else than an evaluation.
    """
    require_name(database)
    require_reports_of_ours(reports, {PICTURE: b""})
    if database.exists():
        with connect_to_published(database) as connection:
            others = run(connection, "quality/other_tables")
        if others:
            raise CineclusterError(f"{database}: holds other tables than an evaluation. Choose another --database.")
    for folder in (database.parent, reports):
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)


def add_evaluation(engine: Engine, measured: pl.DataFrame | None) -> None:
    """Build the table ``evaluation`` in a retrain's build, if there was an evaluation."""
    if measured is not None:
        write_evaluation(engine, measured)


def write_evaluation(engine: Engine, measured: pl.DataFrame) -> None:
    """Build the table ``evaluation``."""
    with engine.connect() as connection:
        connection.register("evaluation_rows", measured)
        run(connection, "quality/evaluation")
        comment_tables(connection, "")
