"""The folder that a run reads, with demo data where no other is given."""

from pathlib import Path

from tasks.progress import report_progress
from tasks.source.demo_data import make_demo_data


def make_demo_source(folder: Path) -> Path:
    """Return ``folder`` with demo data in it, made now unless it is there already."""
    if not (folder / "ratings.csv").is_file():
        make_demo_data(folder, on_progress=report_progress, replace=True)
    return folder
