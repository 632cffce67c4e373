"""The time that a run may take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.utilities.timeout import timeout

from tasks.errors import CineclusterError


@contextmanager
def time_limit(hours: float) -> Iterator[None]:
    """Stop what runs inside, wherever it is in Python, once it has taken this many hours.

    Code outside of Python that waits, such as a read from a network drive, is stopped when it returns.

    Raises
    ------
    CineclusterError
        If the time is over.
    """
    end = time.monotonic() + 3600 * hours
    try:
        with timeout(seconds=3600 * hours):
            yield
    except Exception as error:  # DuckDB, interrupted, raises one of its own
        if time.monotonic() < end:
            raise
        raise CineclusterError(
            f"Not done after {hours:g} hours, the limit of --max-hours, and stopped. The published tables stay as they "
            "are. The last step in the log says what took the time; --max-hours may be more."
        ) from error
