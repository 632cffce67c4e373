"""The one exception that a user sees as a message instead of a traceback, and phrases that messages share."""

import errno
from pathlib import Path


class CineclusterError(Exception):
    """Something that the user can mend: the message names the file, line or value and the remedy."""


ANOTHER_PLACE = "Free some space, mend the permissions or choose another place, then run again."


def not_writable(path: Path | str, error: Exception, remedy: str = ANOTHER_PLACE) -> CineclusterError:
    """Return the error for a path that the system does not let us write to."""
    reason = getattr(error, "strerror", None) or first_line(error)
    return CineclusterError(f"{path}: cannot be written: {reason}. {remedy}")


def first_line(error: Exception) -> str:
    """Return what an error says in its first line, without a full stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def no_space(error: Exception) -> str:
    """Return the message for a file that cannot be written or read."""
    return (
        f"{first_line(error)}. Is the disk full, or the folder read-only? Free some space and run again. "
        "The published tables stay as they are."
    )
