"""The engine that a retrain runs on."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from tasks.engine import Engine
from tasks.engine.duckdb import DuckDBEngine
from tasks.errors import CineclusterError


class EngineOptions(NamedTuple):
    """Where a retrain runs.

    engine : ``duckdb`` or ``spark``.
    spark : ``sc://host:port``, ``local`` or ``sail``.
    work_dir : folder that driver and workers see, a path or URL; beside the database where None.
    memory_limit : of DuckDB, such as ``4GB``; DuckDB's own default where None.
    threads : processor cores that DuckDB and the blocks of users take; all where None.
    """

    engine: str
    spark: str
    work_dir: str | None
    memory_limit: str | None
    threads: int | None


@contextmanager
def open_engine(options: EngineOptions, build: Path) -> Iterator[Engine]:
    """Yield the engine that builds the tables of the DuckDB file ``build``, which is open until the end.

    Raises
    ------
    CineclusterError
        If Spark cannot be had, see `tasks.engine.sessions.open_session`, or no folder is given that workers see.
    """
    duckdb = DuckDBEngine(build, options.memory_limit, options.threads)
    if options.engine == "duckdb":
        with duckdb.kept_open():
            yield duckdb
        return
    if options.work_dir is None and options.spark.startswith("sc:"):
        raise CineclusterError("--work-dir is missing: a folder or URL that this machine and Spark's workers can see.")
    from tasks.engine.sessions import open_session

    with open_session(options.spark) as session:
        from tasks.engine.folder import empty_folder
        from tasks.engine.spark import SparkEngine

        with empty_folder(folder_of(options, build)) as folder, duckdb.kept_open():
            yield SparkEngine(session, folder, duckdb)


def folder_of(options: EngineOptions, build: Path) -> str:
    """Return the folder for a build: one for each database, as only one build of it is at work."""
    if options.work_dir is None:
        return str(build.absolute().with_suffix(".spark"))
    name = blake2b(str(build.parent.resolve()).encode(), digest_size=8).hexdigest()
    return f"{options.work_dir.rstrip('/')}/cinecluster-{name}"
