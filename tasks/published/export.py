"""The published tables as Parquet files, for whoever reads no DuckDB."""

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.engine.duckdb import run
from tasks.errors import CineclusterError
from tasks.files import replacing, writing
from tasks.published.read import connect_to_published
from tasks.text import plain

ROWS_AT_ONCE = 250_000  # of a row group: few enough to hold, many enough to compress
MARK = b"cinecluster"  # key in the metadata of the files: those that have it may be replaced


def asked_tables(connection: duckdb.DuckDBPyConnection, database: Path, asked: Sequence[str]) -> list[str]:
    """Return the published tables of these names, or all; raise a CineclusterError for one that is not there."""
    published = [name for (name,) in run(connection, "published/published_tables")]
    if unknown := [name for name in asked if name not in published]:
        raise CineclusterError(f"{database}: no table {plain(unknown[0])!r}. There are: {', '.join(published)}.")
    return list(dict.fromkeys(asked)) or published


def export_tables(
    database: Path,
    folder: Path,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    asked: Sequence[str] = (),
) -> dict[str, int]:
    """Write the published tables, all or those asked for, to ``<folder>/<table>.parquet``; return the rows of each.

    The tables stream through the read-only connection, which may not touch other files, so they are all of one run
    also when a retrain publishes meanwhile. Lists stay lists, JSON becomes text. A file is there whole or not at all.

    Raises
    ------
    CineclusterError
        If there is no published database, a table's name is none of ours, a file of that name is not from an export,
        or the folder cannot be written to.
    """
    rows = {}
    with connect_to_published(database) as connection:
        tables = asked_tables(connection, database, asked)
        for table in tables:
            if not table.isidentifier():
                raise CineclusterError(f"{database}: not a database of cinecluster: it has a table {table[:80]!r}.")
            require_exported(folder / f"{table}.parquet")
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for done, table in enumerate(tables, start=1):
                rows[table] = export_table(connection, table, folder / f"{table}.parquet")
                on_progress(done, len(tables))
    return rows


def require_exported(path: Path) -> None:
    """Raise a CineclusterError if there is a file that no export has written, or a link."""
    try:
        if not path.is_symlink() and (not path.exists() or MARK in (pq.read_metadata(path).metadata or {})):
            return
    except (OSError, pa.ArrowInvalid):
        pass
    raise CineclusterError(f"{path}: not from an export of this version. Choose another folder, or move it away.")


def export_table(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> int:
    """Write one table to ``path``; return its rows."""
    n_rows = 0
    with replacing(path) as new:
        batches = connection.table(f'"{table}"').to_arrow_reader(ROWS_AT_ONCE)
        schema = batches.schema.with_metadata({MARK: table.encode()})
        with pq.ParquetWriter(new, schema, compression="zstd") as file:
            for batch in batches:
                file.write_batch(batch.replace_schema_metadata(schema.metadata))
                n_rows += batch.num_rows
    return n_rows
