"""The log of favourites that users added or took back themselves: durable, and only ever added to.

``data/cinecluster.duckdb`` has its log in ``data/cinecluster-favourites.csv``; docs/favourites.md has the format.
"""

import fcntl
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from tasks.engine import Engine
from tasks.engine.duckdb import run
from tasks.errors import CineclusterError, not_writable
from tasks.files import lock_file, open_lock, sync
from tasks.published.versions import base_of, require_versions_of_ours, versions_of

HEADER = "changed_at,user_id,movie_id,change"
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "changed_at": pl.Datetime("us"),
    "user_id": pl.Int32,
    "movie_id": pl.Int32,
    "change": pl.String,
}
Pairs = Sequence[tuple[int, int]]  # user_id, movie_id


def log_of(database: Path) -> Path:
    """Return the path of the log of a published file, which a link may point to."""
    database = database.resolve()
    return database.with_name(f"{base_of(database)}-favourites.csv")


def require_no_former_log(database: Path) -> None:
    """Raise a CineclusterError if there may be a log under the name that 0.1.0 gave it."""
    database = database.resolve()
    former = database.with_name(f"{database.stem}-favourites.csv")
    owner = database.with_name(f"{database.stem}.duckdb")
    if former.exists() and not log_of(database).exists() and not owner.exists():
        raise CineclusterError(
            f"{former}: this was the name of the log of {database.name} in 0.1.0. Rename it to "
            f"{log_of(database).name}, or move it away."
        )


@contextmanager
def hold_favourites(database: Path) -> Iterator[None]:
    """Wait until nobody else brings the tables up to date with the log, and keep others from it.

    The system frees the lock when the process ends, however it ends.

    Raises
    ------
    CineclusterError
        If the folder cannot be written to.
    """
    with hold(database, "favourites-lock"):
        yield


@contextmanager
def hold_log(database: Path) -> Iterator[None]:
    """Wait until nobody else writes to the log, and keep others from it; inside of `hold_favourites` or without it."""
    with hold(database, "log-lock"):
        yield


@contextmanager
def hold(database: Path, name: str) -> Iterator[None]:
    """Wait for the lock of a name, and hold it."""
    require_versions_of_ours(database)
    with open_lock(versions_of(database), name) as lock:
        lock_file(lock, fcntl.LOCK_EX)
        yield


def read_log(database: Path) -> pl.DataFrame:
    """Return the lines of the log in their order; a last line that was not written to its end does not count.

    Raises
    ------
    CineclusterError
        If the file is not such a log.
    """
    path = log_of(database)
    require_no_former_log(database)
    return parse_log(path, complete_lines(path))


def parse_log(path: Path, text: bytes) -> pl.DataFrame:
    """Return the lines of the log at ``path``, of which ``text`` is the header and whole lines.

    Raises
    ------
    CineclusterError
        If they are no such lines.
    """
    if not text:
        return pl.DataFrame(schema=COLUMNS)
    try:
        lines = pl.read_csv(io.BytesIO(text), schema=COLUMNS | {"changed_at": pl.String})
        lines = lines.with_columns(pl.col("changed_at").str.strptime(pl.Datetime("us"), "%Y-%m-%dT%H:%M:%S%.fZ"))
    except pl.exceptions.PolarsError as error:
        raise CineclusterError(f"{path}: not a log of favourites: {error}") from error
    if lines.null_count().sum_horizontal().item() or not lines["change"].is_in(["add", "remove"]).all():
        raise CineclusterError(f"{path}: not a log of favourites: its lines are {HEADER}, with add or remove.")
    bad = lines.with_row_index("line", 2).filter(pl.min_horizontal("user_id", "movie_id") < 1)
    if len(bad):
        raise CineclusterError(f"{path} line {bad['line'][0]}: not a log of favourites: ids are numbers from 1 on.")
    return lines


def complete_lines(path: Path) -> bytes:
    """Return what a log holds up to its last line end; what is behind it, a process that died had begun to write.

    Raises
    ------
    CineclusterError
        If that is nothing that we write: it would be lost.
    """
    text = path.read_bytes() if path.exists() else b""
    end = text.rfind(b"\n") + 1
    begun = text[end:]
    if b"\r" in begun or (not end and not HEADER.encode().startswith(begun)):
        raise CineclusterError(f"{path}: not a log of favourites: it begins with {HEADER}, and its lines end with LF.")
    return text[:end]


def append_to_log(database: Path, pairs: Pairs, change: str) -> None:
    """Write a line for each pair to the log and have the system write it to disk; needs `hold_log`.

    Raises
    ------
    CineclusterError
        If it cannot be written; then it is as it was.
    """
    path = log_of(database)
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    lines = "".join(f"{now},{user_id},{movie_id},{change}\n" for user_id, movie_id in pairs)
    complete = len(complete_lines(path))
    try:
        with path.open("ab") as log:
            log.truncate(complete)
            log.write((lines if complete else f"{HEADER}\n{lines}").encode())
            log.flush()
            os.fsync(log.fileno())
        sync(path.parent)
    except OSError as error:
        with suppress(OSError):
            os.truncate(path, complete)
        raise not_writable(path, error, "Nothing was changed.") from error


def last_words(lines: pl.DataFrame) -> pl.DataFrame:
    """Return what the last line of each user and movie says: user_id, movie_id, changed_at, is_favourite."""
    last = lines.unique(["user_id", "movie_id"], keep="last", maintain_order=True)
    return last.select("user_id", "movie_id", "changed_at", is_favourite=pl.col("change") == "add")


def ingest_favourites_log(engine: Engine, database: Path) -> int:
    """Build the table ``favourites_log`` from the log of ``database``, empty without one; return its number of rows.

    Raises
    ------
    CineclusterError
        If the file is not such a log.
    """
    changes = last_words(read_log(database))
    with engine.connect() as connection:
        connection.register("logged_changes", changes)
        run(connection, "model/favourites_log")
    return len(changes)
