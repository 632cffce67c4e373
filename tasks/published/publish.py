"""Building beside the published file, replacing it in one step, and going back to an earlier version.

``data/cinecluster.duckdb`` has its versions in ``data/.cinecluster/``: one file a run, the build of a running
retrain (``build-<run_id>.duckdb``) and the lock. The published file is a second name (hard link) of its version. Where
large tables are Parquet files, a version has them in ``<run_id>.parquet/``.
"""

import fcntl
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TextIO

import polars as pl

from tasks.engine.duckdb import frame, machine_errors, run
from tasks.errors import CineclusterError
from tasks.files import alone_in, lock_file, open_lock, require_name, require_writable, sync, writing
from tasks.published.folder import REPORT_NAME, REPORTS, replace_reports, require_reports_of_ours
from tasks.published.read import LockedError, connect_to_published
from tasks.published.versions import BUILD, RUN_ID, parquet_of, require_versions_of_ours, versions_of

LOOKS = 4
SECONDS_OF_A_LOOK = 0.05


class BuildNotClosedError(CineclusterError, RuntimeError):
    """A build whose write-ahead log is not in its file yet: it is still open, or there was no disk space for that."""


class Build(NamedTuple):
    """A run's database file while it is built."""

    run_id: str
    started_at: datetime
    database: Path


@contextmanager
def new_build(database: Path) -> Iterator[Build]:
    """Hold the lock of a published file and yield a new build; what is left of it at the end is removed.

    Raises
    ------
    CineclusterError
        If ``database`` is something else, another retrain holds the lock, the folder cannot be written to, or memory
        or disk do not suffice for what is done inside.
    """
    require_place(database)
    started_at = datetime.now(UTC)
    run_id = f"{started_at:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    folder = versions_of(database)
    with hold_lock(folder, run_id):
        remove_builds(folder)
        remove_parquet(database)
        try:
            with machine_errors():
                yield Build(run_id, started_at, folder / f"build-{run_id}.duckdb")
        finally:
            remove_builds(folder)
            if not (folder / f"{run_id}.duckdb").exists():
                remove(parquet_of(database, run_id))


def require_place(database: Path) -> None:
    """Raise a CineclusterError, and make nothing, where ``database`` or the folder of its versions is not ours."""
    require_name(database)
    require_versions_of_ours(database)
    if database.exists():
        history_of(database)


@contextmanager
def hold_lock(folder: Path, run_id: str) -> Iterator[None]:
    """Hold the lock file in ``folder``; the system frees it when the process ends, however it ends."""
    with open_lock(folder, "lock") as lock:
        try:
            take_lock(lock)
        except BlockingIOError as error:
            lock.seek(0)
            raise CineclusterError(
                f"{folder}: another run holds the lock: {lock.read().strip()}. Wait for it, or stop it."
            ) from error
        holder = {"run_id": run_id, "pid": os.getpid(), "host": socket.gethostname()}
        with writing(folder):
            os.ftruncate(lock.fileno(), 0)
            os.write(lock.fileno(), json.dumps(holder).encode())
        yield


def take_lock(lock: TextIO) -> None:
    """Take a lock; somebody who only looks whether it is free holds it for a moment."""
    for _ in range(LOOKS):
        try:
            return lock_file(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(SECONDS_OF_A_LOOK)
    return lock_file(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_builds(folder: Path) -> None:
    """Remove the build files of dead runs, with their logs and spill folders."""
    with writing(folder):
        for left_over in folder.glob("build-*"):
            if BUILD.fullmatch(left_over.name):
                remove(left_over)


def remove(path: Path) -> None:
    """Remove a file, or a folder and all in it, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_parquet(database: Path, but: Sequence[str] = ()) -> None:
    """Remove the Parquet files of runs whose versions are gone, but those of the published run and the runs ``but``."""
    kept = {*but, *history(database)[-1:], *(path.stem for path in versions(database))}
    folder = versions_of(database)
    with writing(folder):
        for path in folder.glob("*.parquet"):
            if RUN_ID.fullmatch(path.stem) and path.stem not in kept:
                remove(path)


def publish_tables(build: Build, database: Path, keep: int) -> str:
    """Make the build the published file, in one step for its readers; return its run_id.

    The last ``keep`` versions are kept, and the Parquet files of the run that was published before: its readers open
    them at each query.

    The build is closed and complete: no write-ahead log lies beside it. A run that dies in here leaves the old
    file published or the new one, and perhaps a version that is not published, which a later run removes.

    Raises
    ------
    CineclusterError
        If the disk is full, a folder cannot be written to, or the build was not closed.
    """
    if write_ahead_log(build.database).exists():
        raise BuildNotClosedError(
            f"{build.database}: its write-ahead log is not in it. Is the disk full? Free some space and run again."
        )
    version = versions_of(database) / f"{build.run_id}.duckdb"
    before = history(build.database)[-2:-1]
    with writing(database):
        sync(build.database)
        build.database.rename(version)
        sync(version.parent)
        point_to(database, version)
        for old in versions(database)[keep:]:
            old.unlink()
    remove_parquet(database, before)
    return build.run_id


def write_ahead_log(database: Path) -> Path:
    """Return the path of the log that DuckDB keeps beside a file that it writes to."""
    return Path(f"{database}.wal")


def point_to(database: Path, version: Path) -> None:
    """Make ``database`` another name of the file ``version``; readers see the old or the new file, whole."""
    database = database.resolve()  # a link stays one
    name = version.with_name(f"build-link-{version.name}")
    name.unlink(missing_ok=True)
    try:
        os.link(version, name)
    except OSError:  # a file system without hard links
        shutil.copyfile(version, name)
        sync(name)
    write_ahead_log(database).unlink(missing_ok=True)  # of somebody who wrote into the old file; no reader of the
    name.replace(database)  # new one could open it beside that
    sync(database.parent)


def versions(database: Path) -> list[Path]:
    """Return the kept versions of a published file, newest first: by its list of runs, not by any clock."""
    files = {path.stem: path for path in versions_of(database).glob("*.duckdb") if RUN_ID.fullmatch(path.stem)}
    known = [files[run_id] for run_id in reversed(history(database)) if run_id in files]
    unknown = sorted((path for path in files.values() if path not in known), reverse=True)
    return known + unknown


def history(database: Path) -> list[str]:
    """Return the run_ids in a published file, oldest first; none where it is lost or damaged.

    Raises
    ------
    LockedError
        If another process has it open for writing: it is not known to be damaged.
    """
    try:
        return history_of(database)
    except LockedError:
        raise
    except CineclusterError:
        return []


def history_of(database: Path) -> list[str]:
    """Return the run_ids in a published file, oldest first."""
    return published_runs(database)["run_id"].to_list()


def published_runs(database: Path) -> pl.DataFrame:
    """Return the table ``runs`` of the published file, oldest first; without rows where nothing is published."""
    columns = ["run_id", "started_at", "finished_at", "schema_version", "config", "versions", "metrics"]
    if not database.exists():
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    with connect_to_published(database) as connection:
        return frame(connection, "published/runs_as_text")


def restore_reports(database: Path, reports: Path) -> list[Path]:
    """Write the pictures that the published file holds into the folder ``reports``; return their paths.

    Files that are not of an earlier run are not replaced; also where nothing is published yet, they are an error.

    They are part of the tables, so a run that dies right after publishing leaves no old picture for long. Only who
    holds the lock may call this, so that no two write the same picture; where several databases share the folder,
    all pictures are those of the last one.
    """
    require_name(reports)
    found: dict[str, bytes] = {}
    if database.exists():
        with connect_to_published(database) as connection:
            found = dict(run(connection, "published/stored_reports"))
    for name in found:
        if not REPORT_NAME.fullmatch(name):
            raise CineclusterError(f"{database}: not a database of cinecluster: it has a report {name[:80]!r}.")
    require_reports_of_ours(reports, dict.fromkeys(REPORTS, b"") | found)
    with writing(reports):
        reports.mkdir(parents=True, exist_ok=True)
        require_writable(reports)  # also where all files are there already: the next ones will differ
        if found:
            with alone_in(reports):
                replace_reports(reports, found)
    return [reports / name for name in found]


def roll_back(database: Path, reports: Path, to: str | None = None) -> str:
    """Publish another version, with its pictures; return its run_id.

    That is the one of the run ``to``, older or newer; the one before the published one where None is given. Where the
    published file is lost or damaged, it is the last version that can be read.

    Raises
    ------
    CineclusterError
        If nothing is published, no earlier version is kept, or not the one that was asked for, or not with its
        Parquet files.
    """
    if not database.exists() and not versions(database):
        raise CineclusterError(f"{database}: no such database. `cinecluster retrain` makes it.")
    require_versions_of_ours(database)
    with hold_lock(versions_of(database), "rollback"):
        version = version_before(database) if to is None else version_called(database, to)
        require_parquet(database, version)
        with writing(database):
            point_to(database, version)
        restore_reports(database, reports)
    return version.stem


def require_parquet(database: Path, version: Path) -> None:
    """Raise a CineclusterError if a table of a version is a Parquet file that is not there."""
    with connect_to_published(version, database) as connection:
        for name, _ in run(connection, "published/parquet_views"):
            connection.table(name)


def version_before(database: Path) -> Path:
    """Return the version before the published one, or the last one that can be read where that is lost."""
    before = history(database)[:-1]
    is_lost = not history(database)
    earlier = [path for path in versions(database) if path.stem in before or (is_lost and history(path))]
    if not earlier:
        raise CineclusterError(f"{database}: no earlier version is kept; --keep of the retrain says how many are.")
    return earlier[0]


def version_called(database: Path, run_id: str) -> Path:
    """Return the kept version of a run, which can be read."""
    kept = {path.stem: path for path in versions(database)}
    if run_id not in kept:
        raise CineclusterError(f"{database}: no version {run_id[:80]!r} is kept, only {', '.join(kept) or 'none'}.")
    history_of(kept[run_id])
    return kept[run_id]
