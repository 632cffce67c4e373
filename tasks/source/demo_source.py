"""The folder that a run reads, with demo data where no other is given."""

import tempfile
from pathlib import Path

from tasks.errors import CineclusterError
from tasks.files import writing
from tasks.progress import report_progress
from tasks.source.demo_data import make_demo_data


def make_demo_source(folder: Path) -> Path:
    """Return ``folder`` with demo data in it, made now unless it is there already.

    Raises
    ------
    CineclusterError
        If the folder holds anything else, or cannot be made.
    """
    if (folder / "ratings.csv").is_file():
        return folder
    if folder.is_dir() and any(folder.iterdir()):
        raise CineclusterError(f"{folder}: holds files but no ratings.csv. Give a --source, or move it away.")
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as unfinished:
            made = Path(unfinished) / folder.name
            make_demo_data(made, on_progress=report_progress)
            made.replace(folder)
    return folder
