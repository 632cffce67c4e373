"""Sessions that tests share: Sail inside the process, with a bound on its memory."""

import importlib.util
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

MOST_BYTES = 8 << 30

needs_sail = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("pysail", "pyspark", "sqlglot")),
    reason="the extra sail is not installed: pip install 'cinecluster[sail]'",
)


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Have what asks for too much memory fail inside, instead of taking the machine down."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
