"""The time that a run may take."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from prefect.utilities.timeout import timeout

from tasks.errors import CineclusterError

GRACE_SECONDS = 60.0


@contextmanager
def time_limit(hours: float) -> Iterator[None]:
    """Stop what runs inside, wherever it is in Python, once it has taken this many hours.

    Where it is outside of Python, such as in a query or a read from a network drive, and not back a minute later, the
    process ends: its lock is free then, and Prefect tells of a run that crashed.

    Raises
    ------
    CineclusterError
        If the time is over.
    """
    end = time.monotonic() + 3600 * hours
    reason = (
        f"Not done after {hours:g} hours, the limit of --max-hours, and stopped. The published tables stay as they "
        "are. The last step in the log says what took the time; --max-hours may be more."
    )
    watchdog = Timer(3600 * hours + GRACE_SECONDS, end_process, [reason])
    watchdog.daemon = True
    watchdog.start()
    try:
        with timeout(seconds=3600 * hours):
            yield
    except Exception as error:  # DuckDB, interrupted, raises one of its own
        if time.monotonic() < end:
            raise
        raise CineclusterError(reason) from error
    finally:
        watchdog.cancel()


def end_process(reason: str) -> None:
    """End this process at once, whatever its threads do."""
    sys.stderr.write(f"{reason}\n")
    sys.stderr.flush()
    os._exit(1)
