"""Prefect tasks whose progress can be watched, on a terminal, in a log or on the run's page."""

import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, Protocol, TypeVar
from uuid import UUID

import prefect
from prefect import Task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger
from prefect.utilities.annotations import quote
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from tasks.progress import watch_progress

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
SECONDS_BETWEEN_REPORTS = 2.0


class Display(Protocol):
    """Where the progress of tasks is shown."""

    def start(self, name: str) -> None: ...

    def advance(self, done: int, total: int) -> None: ...

    def finish(self, seconds: float, told: str) -> None: ...


class Terminal:
    """A line a task: with a bar while it works if the console is a terminal, else when it is done."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<32}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=console,
        )
        self.name = ""
        self.bar = TaskID(0)

    def start(self, name: str) -> None:
        """Begin a line."""
        self.name = name
        if self.console.is_terminal:
            self.bar = self.bars.add_task(name, total=None)

    def advance(self, done: int, total: int) -> None:
        """Fill the bar to ``done`` of ``total``."""
        if self.console.is_terminal:
            self.bars.update(self.bar, completed=done, total=total)

    def finish(self, seconds: float, told: str = "") -> None:
        """Complete the line, on a terminal without what is told."""
        if self.console.is_terminal:
            self.bars.update(self.bar, completed=1, total=1)
        else:
            line = f"{self.name:<32} {seconds:6.1f} s  {told}".rstrip()
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)


class RunPage:
    """Progress artifacts on the page of a deployed run, and lines in its log."""

    def __init__(self) -> None:
        self.name = ""
        self.artifact: UUID | None = None
        self.reported = 0.0

    def start(self, name: str) -> None:
        """Note the name of the task."""
        self.name, self.artifact, self.reported = name, None, time.monotonic()

    def advance(self, done: int, total: int) -> None:
        """Report the share that is done, every two seconds at most."""
        if time.monotonic() - self.reported < SECONDS_BETWEEN_REPORTS:
            return
        self.reported = time.monotonic()
        get_run_logger().info("%s: %s of %s", self.name, f"{done:,}", f"{total:,}")
        if self.artifact is None:
            self.artifact = create_progress_artifact(100 * done / total, description=self.name)  # type: ignore[assignment]
        else:
            update_progress_artifact(self.artifact, 100 * done / total)

    def finish(self, seconds: float, told: str = "") -> None:
        """Set the artifact to all done."""
        if self.artifact is not None:
            update_progress_artifact(self.artifact, 100.0)


def is_passing(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Say whether a failed task may succeed next time: bad input stays bad, a network drive comes back."""
    return isinstance(state.result(raise_on_failure=False), OSError)


_terminal: Terminal | None = None


@contextmanager
def show_on(console: Console) -> Iterator[None]:
    """Show the tasks that run inside on ``console``."""
    global _terminal
    _terminal = Terminal(console)
    try:
        with _terminal.bars:
            yield
    finally:
        _terminal = None


def task(
    name: str, tell: Callable[[Any], str] = lambda result: "", **options: Any
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Make a function a Prefect task called ``name`` whose progress is shown.

    ``tell`` makes a line for the log of the run out of what the function returns.
    Outside of a flow run it stays the function that it is. Nothing is cached: Prefect would hash the arrays that pass.
    Nor does it search what passes for the results of other tasks, list by list and number by number: none is there.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        @functools.wraps(function)
        def watched(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            display, started = find_display(), time.monotonic()
            if display is None:
                result = function(*args, **kwargs)
            else:
                display.start(name)
                with watch_progress(display.advance):
                    result = function(*args, **kwargs)
            seconds, told = time.monotonic() - started, tell(result)
            if display is not None:
                display.finish(seconds, told)
            log_done(name, seconds, told)
            return result

        as_task: Callable[..., Result] = prefect.task(name=name, task_run_name=name, cache_policy=NO_CACHE, **options)(
            watched
        )

        @functools.wraps(function)
        def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            if FlowRunContext.get() is None:
                return watched(*args, **kwargs)
            logging.getLogger("prefect.task_runs").addFilter(is_news)
            return as_task(*map(quote, args), **{key: quote(value) for key, value in kwargs.items()})

        return run

    return decorate


def log_done(name: str, seconds: float, told: str) -> None:
    """Add the end of a task to the log of the flow run, if there is one."""
    if context := FlowRunContext.get():
        get_run_logger(context).info("%s (%.1f s)%s", name, seconds, f": {told}" if told else "")


def is_news(record: logging.LogRecord) -> bool:
    """Say whether a line belongs into the log: not Prefect's own at the end of a task, for ours says more."""
    return not (record.levelno == logging.INFO and record.getMessage().startswith("Finished in state Completed"))


def find_display() -> Display | None:
    """Return where progress is shown now: on the terminal, on the page of a deployed run, or nowhere."""
    if _terminal:
        return _terminal
    context = FlowRunContext.get()
    is_deployed = context and context.flow_run and context.flow_run.deployment_id
    return RunPage() if is_deployed else None
