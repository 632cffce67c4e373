"""The folder of a run that driver and workers see."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.fs as fs

from tasks.engine.shipping import locate
from tasks.errors import not_writable


@contextmanager
def empty_folder(url: str) -> Iterator[str]:
    """Make an empty folder, without what a run that was killed left there, and remove it at the end.

    Raises
    ------
    CineclusterError
        If it cannot be written to.
    """
    if "://" not in url:
        url = str(Path(url).absolute())
    try:
        system, path = locate(url)
        remove(system, path)
        system.create_dir(path, recursive=True)
    except (OSError, ValueError) as error:
        remedy = "It must be a path or URL that this machine and Spark's workers can read and write."
        raise not_writable(f"--work-dir {url}", error, remedy) from error
    try:
        yield url
    finally:
        remove(system, path)


def remove(system: fs.FileSystem, path: str) -> None:
    """Remove a folder and all in it, if there is one."""
    if system.get_file_info(path).type != fs.FileType.NotFound:
        system.delete_dir(path)
