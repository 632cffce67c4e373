"""Where the published file has its versions, their Parquet files, its lock, its log and what changed since."""

import re
from pathlib import Path

from tasks.errors import CineclusterError

RUN_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{4}")
BUILD = re.compile(rf"build-(link-)?{RUN_ID.pattern}\..+")
OURS = re.compile(
    rf"lock|favourites-lock|log-lock|overlays|overlay-{RUN_ID.pattern}\.\w+|{RUN_ID.pattern}\.(duckdb|parquet)|{BUILD.pattern}"
)


def versions_of(database: Path) -> Path:
    """Return the folder of the versions of a published file, which a link may point to."""
    database = database.resolve()
    return database.with_name(f".{base_of(database)}")


def base_of(database: Path) -> str:
    """Return what the names of all that belongs to a published file begin with; no two files share it."""
    has_short_name = database.suffix == ".duckdb" and not database.stem.endswith(".versions")
    return database.stem if has_short_name else f"{database.name}.versions"


def require_versions_of_ours(database: Path) -> None:
    """Raise a CineclusterError if the folder of the versions holds anything that we have not put there."""
    folder = versions_of(database)
    others = sorted(path.name for path in folder.iterdir() if not OURS.fullmatch(path.name)) if folder.is_dir() else []
    if others:
        raise CineclusterError(
            f"{folder}: holds {others[0][:80]!r}, which is not of cinecluster. The versions of {database.name} need "
            "this folder: choose another --database, or move it away."
        )


def overlays_of(database: Path) -> Path:
    """Return the folder of what changed since the retrains of a published file, which holds nothing else."""
    return versions_of(database) / "overlays"


def overlay_of(database: Path, run_id: str) -> Path:
    """Return the path of what changed since the run whose tables are published.

    Raises
    ------
    CineclusterError
        If no run of ours is called so: the name comes out of a file and becomes part of a path.
    """
    if not RUN_ID.fullmatch(run_id):
        raise CineclusterError(f"{database}: not a database of cinecluster: its run is called {run_id[:80]!r}.")
    return overlays_of(database) / f"{run_id}.json"


def parquet_of(database: Path, run_id: str) -> Path:
    """Return the folder with the tables of a run that are Parquet files."""
    return versions_of(database) / f"{run_id}.parquet"


def parquet_files_of(database: Path) -> list[Path]:
    """Return the Parquet files of the kept versions: no links, and nothing in folders that are not named as ours."""
    folders = [path for path in versions_of(database).glob("*.parquet") if RUN_ID.fullmatch(path.stem)]
    files = [path for folder in folders if not folder.is_symlink() for path in folder.glob("*.parquet")]
    return sorted(path for path in files if path.is_file() and not path.is_symlink())


def former_overlays_of(database: Path) -> list[Path]:
    """Return what 0.1.0 kept beside the versions that it published: ``overlay-<run_id>.json``."""
    return sorted(path for path in versions_of(database).glob("overlay-*.json") if not path.is_symlink())
