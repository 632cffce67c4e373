"""What changed since the retrain, in a small file beside the published tables, and the views that combine both.

A version ``data/.cinecluster/<run_id>.duckdb`` has its overlay in ``data/.cinecluster/overlays/<run_id>.json``. The
published file is never written to: the overlay is replaced in one step, and the views read it at each query.

A query reads the overlay once for each view that it names, and sees one state all the same: each row of the overlay
says since when and until when it holds, and counts if it holds at the query's ``now()``. A change holds from a moment
that comes after its file is in place. Rows that no longer hold stay for ``KEPT_SECONDS``, so that long queries find
them.
"""

import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tasks.engine import Engine
from tasks.engine.duckdb import literal_path, run, statement
from tasks.errors import CineclusterError, not_writable
from tasks.files import new_name, put_in_place
from tasks.published.comment import comment_tables
from tasks.published.versions import RUN_ID, overlay_of, overlays_of, versions_of

VIEWS = (
    "favourites",
    "user_clusters",
    "fine_clusters",
    "overall_favourites",
    "cluster_movies",
    "fine_cluster_movies",
    "recommendations",
)
KEPT_SECONDS = 120
LEAD_SECONDS = 0.05  # from the writing of a change to its moment: what writing a small file to disk takes
CLOCK_SECONDS = 5.0  # a change that holds only after this is one from before the clock was set back
Rows = list[dict[str, Any]]


class Overlay(dict[str, Rows]):
    """The rows that changed, by table.

    n_changes : how many lines of the log they have.
    history : the rows as they are in the file, with the times between which they hold.
    """

    def __init__(self, rows: dict[str, Rows], n_changes: int, history: Rows | None = None) -> None:
        super().__init__(rows)
        self.n_changes = n_changes
        self.history = history or []


def add_views(engine: Engine, run_id: str, database: Path) -> None:
    """Rename the tables that favourites change to ``<name>_retrained``, and put views in their place.

    The views read the overlay of this run beside ``database``. Tables, views and columns get their comments. What
    only the building of the tables needs is dropped.
    """
    with engine.connect() as connection:
        for name in ("drop_interactions", "drop_movie_positions"):
            run(connection, f"model/{name}")
        kinds = {name: kind for kind, name in run(connection, "published/commented")}
        for name in VIEWS:
            connection.execute(f"alter {kinds[name]} {name} rename to {name}_retrained")
        connection.execute(overlay_view(database, run_id))
        for name in ("favourites_since", *VIEWS, "recommend", "why", "similar_to", "similar_users", "popular"):
            run(connection, f"views/{name}")
        comment_tables(connection, run_id)


def overlay_view(database: Path, run_id: str) -> str:
    """Return the statement of the view ``overlay``; views take no parameters, so paths are quoted into it.

    It has no row where there is no overlay that can be read, and in a copy of the published file.
    ``set variable overlay = '<path>'`` has it read another overlay, also in a copy.
    """
    version = versions_of(database) / f"{run_id}.duckdb"
    text = statement("views/overlay")
    for name, path in (
        ("overlay_path", literal_path(overlay_of(database, run_id))),
        ("database_path", str(database.resolve())),
        ("version_path", str(version)),
    ):
        text = text.replace(f"${name}", "'" + path.replace("'", "''") + "'")
    return text


def read_overlay(path: Path) -> Overlay:
    """Return the rows of an overlay that hold after all of its changes.

    Without a file, or where it is damaged, that is an overlay that has no line of the log.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        history, n_changes = found["rows"], int(found["n_changes"])
        rows: dict[str, Rows] = {}
        for row in history:
            if row.get("until") is None:
                rows.setdefault(row["name"], []).append(dict(row["content"]))
        return Overlay(rows, n_changes, history)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Overlay({}, 0)


@contextmanager
def staged(path: Path, overlay: Overlay) -> Iterator[Path]:
    """Yield the path of a file that holds the rows of an overlay at any time; it is removed afterwards."""
    new = new_name(path)
    try:
        rows = [{"name": name, "content": row} for name in overlay for row in overlay[name]]
        write_overlay(new, rows, overlay.n_changes)
        yield new
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def replace_overlay(path: Path, before: Overlay, overlay: Overlay) -> None:
    """Put an overlay in the place of ``before``, durably, and wait for the moment that it holds from."""
    lead = LEAD_SECONDS
    while True:
        at = time.time() + lead
        new = new_name(path)
        try:
            write_overlay(new, with_history(before, overlay, int(at * 1e6)), overlay.n_changes)
            if time.time() < at - lead / 3:
                become_overlay(new, path)
                break
        finally:
            with suppress(OSError):
                new.unlink(missing_ok=True)
        lead *= 3  # a slow disk
    time.sleep(max(0.0, at - time.time()))


def with_history(before: Overlay, overlay: Overlay, at: int) -> Rows:
    """Return the rows of an overlay that holds from ``at`` on, in microseconds, and those of ``before`` until then."""
    wanted = {
        (name, text_of(row)): {"name": name, "content": row, "since": at} for name in overlay for row in overlay[name]
    }
    history = before.history
    if any((row.get("since") or 0) > at + CLOCK_SECONDS * 1e6 for row in history):
        history = [row | {"since": None} for row in history if row.get("until") is None]
    kept = [row for row in history if (row.get("until") or at) > at - KEPT_SECONDS * 1e6]
    for number, row in enumerate(kept):
        if row.get("until") is None and wanted.pop((row["name"], text_of(row["content"])), None) is None:
            kept[number] = row | {"until": at}
    return kept + list(wanted.values())


def text_of(row: dict[str, Any]) -> str:
    """Return a row as it is in the file."""
    return json.dumps(row, default=str)


def write_overlay(path: Path, rows: Rows, n_changes: int) -> None:
    """Write a file and have the system write it to disk."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps({"n_changes": n_changes, "rows": rows}, default=str))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise not_kept(path, error) from error


def become_overlay(new: Path, path: Path) -> None:
    """Make a file the overlay, in one step for readers; whatever stands in its place makes way."""
    try:
        if path.is_dir() and not path.is_symlink():
            path.rename(new_name(path).with_suffix(".folder"))
        open_to_readers(new, path)
        put_in_place(new, path)
    except OSError as error:
        raise not_kept(path, error) from error


def open_to_readers(new: Path, path: Path) -> None:
    """Let whoever may read the published tables read their overlay: without it they would see stale rows, no error."""
    version = path.parent.parent / f"{path.stem}.duckdb"
    if not version.exists():
        return  # a build: what is made with it has its umask
    readable = stat.S_IMODE(version.stat().st_mode) & 0o444
    with suppress(PermissionError):  # somebody else's
        new.chmod(new.stat().st_mode | readable)
        for folder in (path.parent, path.parent.parent):
            folder.chmod(folder.stat().st_mode | readable | readable >> 2)


def not_kept(path: Path, error: OSError) -> CineclusterError:
    """Return the error for an overlay that cannot be written."""
    return not_writable(path, error, "The change is in the log and will be in the tables after the next one.")


def remove_overlays(database: Path) -> None:
    """Remove the overlays whose versions are gone, and what a dead process left of one."""
    folder = versions_of(database)
    for path in (*overlays_of(database).glob("*"), *overlays_of(database).glob(".*.new"), *folder.glob("overlay-*")):
        run_id = path.stem.removeprefix("overlay-")
        is_left = path.suffix in (".json", ".new") and not (folder / f"{run_id}.duckdb").exists()
        if is_left and (RUN_ID.fullmatch(run_id) or path.suffix == ".new"):
            path.unlink()
