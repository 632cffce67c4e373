"""Sessions that tests share: Sail inside the process, with a bound on its memory."""

import importlib.util
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MOST_BYTES = 8 << 30  # beside what the tests before hold

needs_sail = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("pysail", "pyspark", "sqlglot")),
    reason="the extra sail is not installed: pip install 'cinecluster[sail]'",
)


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Have what asks for too much memory fail inside, instead of taking the machine down."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    [in_use] = re.findall(r"VmData:\s+(\d+) kB", Path("/proc/self/status").read_text())
    resource.setrlimit(resource.RLIMIT_DATA, (int(in_use) * 1024 + MOST_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
