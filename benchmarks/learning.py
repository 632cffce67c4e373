"""What a retrain would learn from, read from a ratings file: for benchmarks of its parts."""

import tempfile
from pathlib import Path

from flows.config import RetrainOptions
from tasks.blocks import Interactions
from tasks.engine.duckdb import DuckDBEngine
from tasks.favourites.log import ingest_favourites_log
from tasks.model.types import Movies
from tasks.source.ingest import ingest_ratings
from tasks.stations.interactions import build_interactions, load_sample, select_favourites


def read_users(source: Path, n_users: int | None = None) -> tuple[Interactions, Movies]:
    """Return the interactions of the users of a source folder, of a sample of ``n_users`` if given."""
    o = RetrainOptions(source=source)
    with tempfile.TemporaryDirectory() as folder:
        engine = DuckDBEngine(Path(folder) / "build.duckdb")
        ingest_ratings(engine, source)
        ingest_favourites_log(engine, Path(folder) / "none.duckdb")
        select_favourites(engine, o.favourites)
        movies = build_interactions(engine)
        return load_sample(engine, o.model._replace(fit_users=n_users or movies.n_users)), movies
