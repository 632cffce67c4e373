"""Faults of the machine, told with what to do about them."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from tasks.errors import CineclusterError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@contextmanager
def told_with_remedy() -> Iterator[None]:
    """Raise a CineclusterError where the memory or the disk does not suffice for what is done inside."""
    try:
        yield
    except (MemoryError, duckdb.OutOfMemoryException) as error:
        raise CineclusterError(
            f"Out of memory: {first_line(error)}. Raise or leave out --memory-limit, or run where there is more. "
            "The published tables stay as they are."
        ) from error
    except (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException) as error:
        raise CineclusterError(no_space(error)) from error
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise CineclusterError(no_space(error)) from error


@contextmanager
def written_to(path: Path) -> Iterator[None]:
    """Raise a CineclusterError where the system lets no file be written inside."""
    try:
        yield
    except OSError as error:
        raise CineclusterError(
            f"{path}: cannot be written: {error.strerror or error}. Free some space, mend the permissions or choose "
            "another place, then run again."
        ) from error


def no_space(error: Exception) -> str:
    """Return the message for a file that cannot be written or read."""
    return (
        f"{first_line(error)}. Is the disk full, or the folder read-only? Free some space and run again. "
        "The published tables stay as they are."
    )


def first_line(error: Exception) -> str:
    """Return what an error says in its first line, without a full stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
