"""Tasks: functions as they are outside of a flow, and progress on a terminal, on a run's page or nowhere."""

import inspect
import io
import logging
from types import SimpleNamespace
from uuid import UUID

import pytest
from rich.console import Console

import tasks.task
from tasks.errors import CineclusterError
from tasks.progress import report_progress, watch_progress
from tasks.task import RunPage, Terminal, find_display, is_passing, show_on, task


def count_to(n: int, *, step: int = 1) -> int:
    """Count."""
    for done in range(step, n + 1, step):
        report_progress(done, n)
    return n


counted = task("Count")(count_to)


def test_outside_of_a_flow_a_task_is_the_function():
    assert counted(3, step=2) == 3
    assert (counted.__name__, counted.__doc__) == ("count_to", "Count.")
    assert inspect.signature(counted) == inspect.signature(count_to)
    with pytest.raises(TypeError):
        counted()


def test_outside_of_a_flow_an_error_is_raised_once_and_nothing_is_retried():
    calls = []

    def fail():
        calls.append(1)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        task("Fail", retries=3)(fail)()
    assert calls == [1]


def test_progress_is_told_to_whoever_watches():
    seen = []
    report_progress(1, 2)
    with watch_progress(lambda *progress: seen.append(progress)):
        count_to(4, step=2)
        with watch_progress(lambda *progress: seen.append(("inner", *progress))):
            report_progress(1, 1)
        report_progress(9, 9)
    report_progress(1, 2)
    assert seen == [(2, 4), (4, 4), ("inner", 1, 1), (9, 9)]


def test_nobody_watches_any_more_after_an_error():
    seen = []
    with pytest.raises(ZeroDivisionError), watch_progress(lambda *progress: seen.append(progress)):
        1 / 0  # noqa: B018
    report_progress(1, 2)
    assert seen == []


def printed(is_terminal: bool, work) -> str:
    """Return what a console shows of work, without colours."""
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=100, color_system=None)
    with show_on(console):
        work()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_console_that_is_no_terminal_has_a_line_a_task_when_it_is_done():
    lines = printed(False, lambda: (counted(3), task("Count again")(count_to)(2))).splitlines()
    assert [line.split() for line in lines if line] == [["Count", "0.0", "s"], ["Count", "again", "0.0", "s"]]


def test_a_line_tells_what_a_task_found():
    tell = task("Count", lambda n: f"{n} [counted]")(count_to)
    assert printed(False, lambda: tell(3)).split() == ["Count", "0.0", "s", "3", "[counted]"]


def test_a_task_that_fails_has_no_line():
    def fail():
        with pytest.raises(ZeroDivisionError):
            task("Divide")(lambda: 1 / 0)()

    assert printed(False, fail).strip() == ""


def test_a_terminal_shows_a_tick_for_every_task_that_is_done():
    text = printed(True, lambda: counted(3))
    assert "✓ Count" in text


def test_the_bar_of_a_terminal_fills_with_the_progress():
    terminal = Terminal(Console(file=io.StringIO(), force_terminal=True, width=100))
    terminal.start("Count")
    [bar] = terminal.bars.tasks
    assert (bar.description, bar.total) == ("Count", None)
    terminal.advance(3, 4)
    assert (bar.completed, bar.total, bar.finished) == (3, 4, False)
    terminal.finish(0.1)
    assert bar.finished
    terminal.start("Next")
    assert [bar.description for bar in terminal.bars.tasks] == ["Count", "Next"]


@pytest.fixture
def page(monkeypatch, caplog):
    """What a run's page is told, and a clock to set."""
    told, clock = [], SimpleNamespace(now=100.0)

    def create(progress, description):
        told.append(("create", progress, description))
        return UUID(int=7)

    monkeypatch.setattr(tasks.task, "create_progress_artifact", create)
    monkeypatch.setattr(tasks.task, "update_progress_artifact", lambda *update: told.append(("update", *update)))
    monkeypatch.setattr(tasks.task, "get_run_logger", lambda *_: logging.getLogger("run"))
    monkeypatch.setattr(tasks.task.time, "monotonic", lambda: clock.now)
    caplog.set_level(logging.INFO, logger="run")
    return told, clock


def test_a_runs_page_hears_of_progress_every_two_seconds(page, caplog):
    told, clock = page
    display = RunPage()
    display.start("Count")
    display.advance(1, 8000)
    assert told == []
    clock.now += 2.5
    display.advance(2000, 8000)
    display.advance(3000, 8000)
    clock.now += 2.5
    display.advance(6000, 8000)
    display.finish(5.0)
    key = UUID(int=7)
    assert told == [("create", 25.0, "Count"), ("update", key, 75.0), ("update", key, 100.0)]
    assert caplog.messages == ["Count: 2,000 of 8,000", "Count: 6,000 of 8,000"]


def test_a_short_task_leaves_no_bar_on_the_page_and_the_next_has_its_own(page):
    told, clock = page
    display = RunPage()
    display.start("Short")
    display.finish(0.1)
    assert told == []
    for name in ("One", "Two"):
        display.start(name)
        clock.now += 3
        display.advance(1, 2)
    assert told == [("create", 50.0, "One"), ("create", 50.0, "Two")]


@pytest.mark.parametrize(("deployment", "shown"), [(UUID(int=1), RunPage), (None, type(None))])
def test_a_deployed_run_shows_its_progress_on_its_page(monkeypatch, deployment, shown):
    run = SimpleNamespace(flow_run=SimpleNamespace(deployment_id=deployment))
    monkeypatch.setattr(tasks.task.FlowRunContext, "get", lambda: run)
    assert isinstance(find_display(), shown)
    with show_on(Console(file=io.StringIO())):
        assert isinstance(find_display(), Terminal), "the terminal goes before"


def test_nothing_is_shown_by_itself():
    assert find_display() is None


@pytest.mark.parametrize(("error", "passes"), [(OSError("network"), True), (CineclusterError("bad line"), False)])
def test_only_what_may_pass_is_tried_again(error, passes):
    state = SimpleNamespace(result=lambda raise_on_failure: error)
    assert is_passing(counted, None, state) is passes
