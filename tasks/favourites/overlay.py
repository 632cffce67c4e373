"""What changed since the retrain, in a small file beside the published tables, and the views that combine both.

A version ``data/.cinecluster/<run_id>.duckdb`` has its overlay in ``data/.cinecluster/overlay-<run_id>.json``. The
published file is never written to: the overlay is replaced in one step, and the views read it at each query.
"""

import json
import os
from pathlib import Path
from typing import Any

from tasks.engine.duckdb import DuckDBEngine, literal_path, run
from tasks.errors import CineclusterError
from tasks.files import sync
from tasks.published.comment import comment_tables
from tasks.published.versions import overlay_of, staged

VIEWS = (
    "favourites",
    "user_clusters",
    "fine_clusters",
    "overall_favourites",
    "cluster_movies",
    "fine_cluster_movies",
    "recommendations",
)
Overlay = dict[str, Any]  # by table the rows that changed, and how many lines of the log it has


def add_views(engine: DuckDBEngine, run_id: str, database: Path) -> None:
    """Rename the tables that favourites change to ``<name>_retrained``, and put views in their place.

    The views read the overlay of this run beside ``database``. Tables, views and columns get their comments. What
    only the building of the tables needs is dropped.
    """
    with engine.connect() as connection:
        for name in ("drop_interactions", "drop_movie_positions"):
            run(connection, f"model/{name}")
        for name in VIEWS:
            connection.execute(f"alter table {name} rename to {name}_retrained")
        connection.execute(overlay_view(overlay_of(database, run_id)))
        for name in ("favourites_since", *VIEWS, "recommend"):
            run(connection, f"views/{name}")
        comment_tables(connection, run_id)


def overlay_view(path: Path) -> str:
    """Return the statement of the view ``overlay``: no row where there is no such file.

    Views take no parameters. ``set variable overlay = '<path>'`` has them read another file.
    """
    pattern = literal_path(path).replace("'", "''")
    source = f"read_text(coalesce(getvariable('overlay'), '{pattern}'))"
    return f"create view overlay as select content from {source}"  # noqa: S608 - the path is quoted


def read_overlay(path: Path) -> Overlay:
    """Return an overlay; without a file that can be read it is one that has none of the log."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def stage_overlay(path: Path, overlay: Overlay) -> None:
    """Write an overlay beside its place, and have the system write it to disk."""
    place = staged(path)
    try:
        with place.open("w", encoding="utf-8") as file:
            file.write(json.dumps(overlay, default=str))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CineclusterError(
            f"{place}: cannot be written: {error.strerror}. The change is in the log and will be in the tables after "
            "the next one."
        ) from error


def replace_overlay(path: Path) -> None:
    """Put a staged overlay in its place, in one step for readers."""
    staged(path).replace(path)
    sync(path.parent)


def remove_overlays(folder: Path) -> None:
    """Remove the overlays whose versions are gone."""
    for path in folder.glob("overlay-*"):
        if not (folder / f"{path.stem.removeprefix('overlay-')}.duckdb").exists():
            path.unlink()
