"""Where the published file has its versions, its lock, its log of favourites and what changed since."""

from pathlib import Path


def versions_of(database: Path) -> Path:
    """Return the folder of the versions of a published file, which a link may point to."""
    database = database.resolve()
    return database.with_name(f".{database.stem if database.suffix == '.duckdb' else f'{database.name}.versions'}")


def overlay_of(database: Path, run_id: str) -> Path:
    """Return the path of what changed since the run whose tables are published."""
    return versions_of(database) / f"overlay-{run_id}.json"


def staged(overlay: Path) -> Path:
    """Return where an overlay is written before it takes the place of the one before."""
    return overlay.with_suffix(".new")
