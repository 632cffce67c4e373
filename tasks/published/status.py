"""What is published, since when, and which versions are kept: for people, and for programs that watch."""

import fcntl
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from tasks.engine.duckdb import run
from tasks.errors import CineclusterError
from tasks.files import replacing
from tasks.published.publish import versions
from tasks.published.read import connect_to_published, last_run_id, source_of
from tasks.published.versions import parquet_files_of, versions_of

METRICS = {
    "last_success_timestamp_seconds": "Time at which the tables of the published run were complete.",
    "duration_seconds": "Time that the run took to build them.",
    "ratings": "Ratings kept.",
    "favourites": "Favourites.",
    "users": "Users with a rating.",
    "users_with_favourites": "Users with a favourite, who have recommendations.",
    "recommendations": "Recommendations stored.",
    "quality": "NDCG at 10 on held-out favourites of a sample of users.",
    "quality_change": "Its change since the run before on users of both, as a share.",
}
OURS = re.compile(rb"\A(# HELP cinecluster_|\Z)")


class Status(NamedTuple):
    """The published run.

    finished_at : when its tables were complete, in UTC.
    seconds : what it took to build them.
    n_ratings, n_favourites, n_users, n_users_with_favourites, n_recommendations : as the retrain counted them.
    quality : NDCG@10 on held-out favourites of a sample of users; None where the run did not measure it.
    quality_change, quality_change_low, quality_change_high : its change since the run before on the users of both, as a
        share, and the ends of the 95 % interval; None where there was no run to compare with.
    lock_holder : what the run that holds the lock says of itself; None where nobody does.
    versions : run_ids of the kept versions, newest first.
    """

    run_id: str
    finished_at: datetime
    seconds: float | None
    n_ratings: int
    n_favourites: int
    n_users: int
    n_users_with_favourites: int
    n_recommendations: int
    quality: float | None
    quality_change: float | None
    quality_change_low: float | None
    quality_change_high: float | None
    lock_holder: str | None
    versions: list[str]

    @property
    def age(self) -> timedelta:
        """Time since the tables were complete."""
        return datetime.now(UTC) - self.finished_at


class Version(NamedTuple):
    """A kept version; its bytes are those of the database file and of its Parquet files."""

    run_id: str
    started_at: datetime
    n_bytes: int
    is_published: bool


def read_status(database: Path) -> Status:
    """Return what is published.

    Raises
    ------
    CineclusterError
        If nothing is published, or the file is none of ours.
    """
    with connect_to_published(database) as connection:
        found = published_status(connection, database)
    kept = [path.stem for path in newest_first(database)]
    return found._replace(lock_holder=lock_holder(database), versions=kept)


def published_status(connection: duckdb.DuckDBPyConnection, database: Path) -> Status:
    """Return what connected tables say of themselves: nothing of locks and versions."""
    found = run(connection, "published/status")
    if not found or found[0][1] is None:
        raise CineclusterError(f"{database}: not a database of cinecluster: it has no run that has an end.")
    run_id, finished_at, *measured = found[0]
    return Status._make([run_id, finished_at.replace(tzinfo=UTC), *measured, None, []])


def require_demo_data_before(database: Path) -> None:
    """Check that demo data replace nothing but what was made from demo data.

    Raises
    ------
    CineclusterError
        If the published run read a source.
    """
    source = None
    with suppress(CineclusterError), connect_to_published(database) as connection:  # what is none of ours is told later
        source = source_of(connection)
    if source:
        raise CineclusterError(
            f"{database}: was made from {source}, and demo data would take its place. Give a --source, or another "
            "--database for demo data."
        )


def read_versions(database: Path) -> list[Version]:
    """Return the kept versions, newest first; none of them is published where the published file is lost.

    Raises
    ------
    CineclusterError
        If no version is kept, or the published file cannot be read.
    """
    published = None
    if database.exists():
        with connect_to_published(database) as connection:
            published = last_run_id(connection, database)
    kept = [
        Version(path.stem, started_at(path.stem), n_bytes_of(path, database), path.stem == published)
        for path in newest_first(database)
    ]
    if not kept:
        raise CineclusterError(f"{database}: no version is kept. `cinecluster retrain` makes one.")
    return kept


def n_bytes_of(version: Path, database: Path) -> int:
    """Return the bytes of a version and of its Parquet files."""
    parquet = [path for path in parquet_files_of(database) if path.parent.stem == version.stem]
    return sum(path.stat().st_size for path in (version, *parquet))


def newest_first(database: Path) -> list[Path]:
    """Return the kept versions in the order in which their runs began, also those that were rolled back."""
    return sorted(versions(database), key=lambda path: path.stem, reverse=True)


def started_at(run_id: str) -> datetime:
    """Return when a run began, which its id says."""
    return datetime.strptime(run_id[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def lock_holder(database: Path) -> str | None:
    """Return what the holder of the lock says of itself, None if nobody holds it.

    A run that would begin while this looks waits for it, see `tasks.published.publish.hold_lock`.
    """
    try:
        with (versions_of(database) / "lock").open(encoding="utf-8", errors="replace") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return lock.read(500).strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"unknown: {error.strerror}"
    return None


def write_metrics(database: Path, path: Path) -> None:
    """Write what is published to a file for Prometheus' textfile collector, whole, in one step.

    Raises
    ------
    CineclusterError
        If a file is there that is not from an earlier run, or it cannot be written.
    """
    require_metrics_of_ours(path)
    content = "".join(metric_lines(read_status(database)))
    with replacing(path) as new:
        new.write_text(content, encoding="utf-8")


def require_metrics_of_ours(path: Path) -> None:
    """Raise a CineclusterError if no file of metrics can be written to ``path`` without losing another file."""
    if not path.parent.is_dir():
        raise CineclusterError(f"{path.parent}: no such folder. --metrics is a file in a folder that is there.")
    try:
        is_ours = not path.is_symlink() and (not path.exists() or OURS.match(path.read_bytes()))
    except OSError as error:
        raise CineclusterError(f"{path}: cannot be read: {error.strerror}. Choose another --metrics.") from error
    if not is_ours:
        raise CineclusterError(f"{path}: is not a file of an earlier run. Choose another --metrics, or move it away.")


def metric_lines(status: Status) -> Iterator[str]:
    """Yield the lines of a file of metrics; those that are not known are left out."""
    values = (status.finished_at.timestamp(), status.seconds, *status[3:10])
    for (name, text), value in zip(METRICS.items(), values, strict=True):
        if value is not None:
            yield f"# HELP cinecluster_{name} {text}\n# TYPE cinecluster_{name} gauge\ncinecluster_{name} {value!r}\n"
