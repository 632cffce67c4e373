"""How far the work at hand has come: functions report it, whoever watches shows it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Watcher = Callable[[int, int], None]  # done, total
_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


def report_progress(done: int, total: int) -> None:
    """Tell how much of the work at hand is done; nothing happens where nobody watches."""
    if watcher := _watcher.get():
        watcher(done, total)


@contextmanager
def watch_progress(watcher: Watcher) -> Iterator[None]:
    """Call ``watcher`` with what is reported inside the block."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)
