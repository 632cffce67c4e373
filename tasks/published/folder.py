"""Folders that others may use too: what we wrote there is known by a list of its checksums."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from tasks.errors import CineclusterError
from tasks.files import replace_content

REPORTS = (
    "index.html",
    "cluster_sizes.png",
    "elbow.png",
    "genres.png",
    "incidence.png",
    "top_movies.png",
    "item_weight.png",
    "user_map.png",
)
REPORT_NAME = re.compile(r"[a-z_]+\.[a-z]+")
LIST = ".cinecluster-reports"  # in the format of sha256sum


def require_reports_of_ours(folder: Path, reports: Mapping[str, bytes]) -> None:
    """Raise a CineclusterError if a file that ``reports`` would replace was not written by an earlier run.

    A file that has the content already is as good as ours.
    """
    ours = set(listed(folder))
    for name, content in reports.items():
        path = folder / name
        if path.is_symlink() or (path.exists() and checksum_of(path) not in ours | {checksum(content)}):
            raise CineclusterError(
                f"{path}: is not a file of an earlier run. Choose another --reports, or move it away."
            )


def replace_reports(folder: Path, reports: Mapping[str, bytes]) -> None:
    """Write files by name, if those that they replace are ours.

    They are on the list before they are written, so that a run that dies in between leaves none that is not on it.
    """
    require_reports_of_ours(folder, reports)
    new = {checksum(content): name for name, content in reports.items()}
    write_list(folder, listed(folder) | new)
    for name, content in reports.items():
        replace_content(folder / name, content)
    gone = [known for known, name in listed(folder).items() if name in reports and known not in new]
    write_list(folder, {known: name for known, name in listed(folder).items() if known not in gone})


def listed(folder: Path) -> dict[str, str]:
    """Return the names of the files of earlier runs, by checksum."""
    path = folder / LIST
    if path.is_symlink() or not path.is_file():
        return {}
    lines = (line.partition("  ") for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    return {known: name for known, _, name in lines}


def write_list(folder: Path, names: Mapping[str, str]) -> None:
    """Write the list."""
    lines = sorted(f"{known}  {name}\n" for known, name in names.items())
    replace_content(folder / LIST, "".join(lines).encode())


def checksum(content: bytes) -> str:
    """Return the SHA-256 sum of a file's content."""
    return hashlib.sha256(content).hexdigest()


def checksum_of(path: Path) -> str:
    """Return the SHA-256 sum of a file; empty for a folder or device."""
    return checksum(path.read_bytes()) if path.is_file() else ""
