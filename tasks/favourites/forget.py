"""Taking a person out of all that is published and kept."""

import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow.parquet as pq
from duckdb import ColumnExpression, ConstantExpression, Expression
from markupsafe import escape

from tasks.engine.duckdb import OLDEST_READER, literal_path, machine_errors, run
from tasks.errors import CineclusterError
from tasks.favourites.change import bring_up_to_date, check_ids
from tasks.favourites.log import complete_lines, hold_favourites, hold_log, log_of, read_log
from tasks.favourites.overlay import become_overlay, read_overlay, write_overlay
from tasks.files import new_name, put_in_place, replacing, writing
from tasks.progress import report_progress
from tasks.published.parquet import write_parquet
from tasks.published.publish import (
    hold_lock,
    point_to,
    remove_builds,
    remove_parquet,
    require_place,
    restore_reports,
    versions,
)
from tasks.published.read import (
    NO_EXTENSIONS,
    connect_to_published,
    last_run_id,
    require_published,
    set_variables,
    source_of,
    tables_in,
)
from tasks.published.versions import overlay_of, parquet_files_of, versions_of
from tasks.text import plain


class Forgotten(NamedTuple):
    """What was taken out.

    n_rows : rows of the published tables, and lines set aside that lost their text.
    n_kept_rows : rows of the tables of the other versions.
    n_lines : lines of the log of favourites.
    n_versions : versions that were written anew, the published one among them.
    source : folder of the ratings that the published run read, where the person's ratings remain; None for demo data.
    """

    n_rows: int
    n_kept_rows: int
    n_lines: int
    n_versions: int
    source: str | None


def forget_user(database: Path, reports: Path, user_id: int) -> Forgotten:
    """Take a user out of the tables, of every kept version, and out of the log of favourites.

    Each version is written anew without the user's rows, not only marked as deleted, and then replaces the old file
    in one step. What the retrain counted and learned stays: numbers of users of clusters and movies, the model, the
    pictures. Where this ends before its end, doing it again completes it.

    Raises
    ------
    CineclusterError
        If nothing is published, a run holds the lock, or memory or disk do not suffice.
    """
    check_ids([(user_id, 1)])
    require_published(database)
    require_place(database)
    folder = versions_of(database)
    with hold_lock(folder, "forget"), hold_favourites(database), machine_errors():
        remove_builds(folder)
        remove_parquet(database)
        read_log(database)
        published, source = published_run(database)
        files = {path.stem: path for path in versions(database)} | {published: database}
        n_rows: Counter[str] = Counter()
        for done, (run_id, path) in enumerate(files.items(), start=1):
            n_rows[run_id] = rewrite_version(path, folder / f"{run_id}.duckdb", user_id)
            report_progress(done, len(files))
        for path in parquet_files_of(database):
            n_rows[path.parent.stem] += rewrite_parquet(path, user_id)
        point_to(database, folder / f"{published}.duckdb")
        n_lines = rewrite_log(database, user_id)
        has_changes = len(read_log(database)) > 0
        for run_id in files:
            forget_in_overlay(overlay_of(database, run_id), user_id, has_changes and run_id == published)
        with connect_to_published(database) as connection:
            bring_up_to_date(connection, database)
        if reports.is_dir():
            restore_reports(database, reports)
    return Forgotten(n_rows[published], n_rows.total() - n_rows[published], n_lines, len(files), source)


def published_run(database: Path) -> tuple[str, str | None]:
    """Return the published run and the folder that it read."""
    with connect_to_published(database) as connection:
        run_id = last_run_id(connection, database)
        overlay_of(database, run_id)  # raises if no run of ours is called so
        return run_id, source_of(connection)


def rewrite_version(path: Path, version: Path, user_id: int) -> int:
    """Write the tables of ``path`` without a user to ``version``, in one step; return the number of rows left out."""
    with connect_to_published(path) as connection:
        tables = sorted(tables_in(connection))
    if unknown := [table for table in tables if not table.isidentifier()]:
        raise CineclusterError(f"{path}: not a database of cinecluster: it has a table {unknown[0][:80]!r}.")
    new = version.with_name(f"build-{version.name}")
    with duckdb.connect(":memory:", config=NO_EXTENSIONS) as connection:
        set_variables(connection, {"parquet": literal_path(version.with_suffix(".parquet"))})
        connection.execute("attach $path as published (read_only)", {"path": str(path.resolve())})
        connection.execute(f"attach $path as rewritten (storage_version '{OLDEST_READER}')", {"path": str(new)})
        connection.execute("copy from database published to rewritten (schema)")
        n_rows = sum(copy_table(connection, table, user_id) for table in tables)
        connection.execute("detach rewritten")
    shutil.copymode(path, new)
    with writing(version):
        put_in_place(new, version)
    return n_rows


def rewrite_parquet(path: Path, user_id: int) -> int:
    """Write a table that is a Parquet file without a user, in one step; return the number of rows left out."""
    with duckdb.connect(":memory:", config=NO_EXTENSIONS) as connection:
        rows = connection.read_parquet(literal_path(path), hive_partitioning=False)
        n_rows = len(rows.filter(of_user(user_id)))
        if n_rows:
            size = pq.read_metadata(path).row_group(0).num_rows
            with replacing(path) as new:
                write_parquet(rows.filter(of_others(user_id)), new, size)
                shutil.copymode(path, new)
    return n_rows


def of_user(user_id: int) -> Expression:
    """Return the condition that keeps the rows of a user."""
    return ColumnExpression("user_id") == ConstantExpression(user_id)


def of_others(user_id: int) -> Expression:
    """Return the condition that keeps the rows of other users."""
    return ColumnExpression("user_id") != ConstantExpression(user_id)


def copy_table(connection: duckdb.DuckDBPyConnection, table: str, user_id: int) -> int:
    """Copy a table without the rows of a user; return the number of rows left out."""
    if table == "rejected_rows":
        run(connection, "changes/rejected_rows_without_user", user_id=user_id)
        return len(forgotten_texts(connection))
    if table == "reports":
        copy_reports(connection)
        return 0
    rows = connection.table(f'published.main."{table}"')
    if "user_id" not in rows.columns:
        rows.insert_into(f'rewritten.main."{table}"')
        return 0
    rows.filter(of_others(user_id)).insert_into(f'rewritten.main."{table}"')
    return len(rows.filter(of_user(user_id)))


def forgotten_texts(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the texts that the copies of the lines set aside have lost."""
    return [text for (text,) in run(connection, "changes/forgotten_texts") if text]


def copy_reports(connection: duckdb.DuckDBPyConnection) -> None:
    """Copy the reports, after the rejected rows: lines that have lost their text there have none on the page."""
    texts = [plain(text) for text in forgotten_texts(connection)]
    for name, content in connection.table("published.main.reports").fetchall():
        if name.endswith(".html"):
            for text in texts:
                content = content.replace(str(escape(text)).encode(), b"")
        run(connection, "changes/rewritten_report", report=name, content=content)


def rewrite_log(database: Path, user_id: int) -> int:
    """Write the log of favourites without a user, in one step; return the number of lines left out."""
    path = log_of(database)
    with hold_log(database):
        header, *lines = complete_lines(path).splitlines(keepends=True) or [b""]
        kept = [line for line in lines if int(line.split(b",")[1]) != user_id]
        if len(kept) < len(lines):
            with replacing(path) as new:
                new.write_bytes(b"".join([header, *kept]))
                shutil.copymode(path, new)
    return len(lines) - len(kept)


def forget_in_overlay(path: Path, user_id: int, is_kept: bool) -> None:
    """Take a user out of an overlay, for the rest to be counted anew; remove one that nobody reads."""
    if not is_kept:
        path.unlink(missing_ok=True)
    elif path.is_file():
        rows = [row for row in read_overlay(path).history if row["content"].get("user_id") != user_id]
        new = new_name(path)
        write_overlay(new, rows, 0)
        become_overlay(new, path)
