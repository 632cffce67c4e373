"""Files that are replaced whole, written to disk, and locked."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from tasks.errors import CineclusterError, not_writable


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise a CineclusterError that names ``path`` where the system refuses to write inside the block."""
    try:
        yield
    except OSError as error:
        raise not_writable(path, error) from error


def new_name(path: Path) -> Path:
    """Return a name beside ``path`` that cannot be guessed, so that nobody can plant a link there."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a new path beside ``path``; at the end of the block the file written there takes its place, in one step.

    If the block fails, ``path`` stays as it is and the new file is removed.

    Raises
    ------
    CineclusterError
        If the folder cannot be written to.
    """
    new = new_name(path)
    try:
        with writing(path):
            yield new
            put_in_place(new, path)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def put_in_place(new: Path, path: Path) -> None:
    """Have a file that is written take the place of ``path``, in one step and on disk."""
    sync(new)
    new.replace(path)
    sync(path.parent)


def require_writable(folder: Path) -> None:
    """Raise a CineclusterError if no file can be made in a folder."""
    probe = new_name(folder / "probe")
    with writing(folder):
        probe.touch(exist_ok=False)
        probe.unlink()


def replace_content(path: Path, content: bytes) -> None:
    """Make ``content`` that of a file, in one step; nothing is written if it is that already."""
    if path.is_file() and path.read_bytes() == content:
        return
    with replacing(path) as new:
        new.write_bytes(content)


def require_name(path: Path) -> None:
    """Raise a CineclusterError if a path has a name that DuckDB does not take as it is."""
    if fault := fault_of_name(path):
        raise CineclusterError(f"{str(path)!a}: {fault}. Choose another name.")


def fault_of_name(path: Path) -> str:
    """Return what is wrong with the names in a path, nothing if they can be used."""
    name = str(path.absolute())
    if "\\" in name or "?" in name:
        return "has a backslash or question mark, which DuckDB takes for something else"
    if any("\udc80" <= letter <= "\udcff" for letter in name):
        return "is not UTF-8"
    return "has a NUL" if "\0" in name else ""


def sync(path: Path) -> None:
    """Have the system write a file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_lock(folder: Path, name: str) -> TextIO:
    """Open a file to be locked in ``folder``, which is made if it is missing."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / name).open("a+", encoding="utf-8")


def lock_file(lock: TextIO, how: int) -> None:
    """Lock a file until it is closed, however that happens.

    Raises
    ------
    BlockingIOError
        If ``how`` says not to wait and somebody else holds it.
    CineclusterError
        If the file system has no locks: two runs could disturb each other.
    """
    try:
        fcntl.flock(lock, how)
    except BlockingIOError:
        raise
    except OSError as error:
        raise CineclusterError(
            f"{lock.name}: its file system has no locks ({error.strerror}). Put the database on another one, or "
            "mount it with locks."
        ) from error


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process is inside this block for the folder, where the file system can tell."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
