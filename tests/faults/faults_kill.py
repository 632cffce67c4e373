"""kill -9 at any moment: what is published is the old run or the new one, whole, and the next run succeeds."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tasks.published import publish
from tests.faults.conftest import ROOT
from tests.faults.retrains import (
    LONGEST_RUN_SECONDS,
    Place,
    assert_healed,
    assert_whole,
    processes,
    publish_again,
    retrain,
    run_of,
    stamp,
    start_retrain,
)

N_PLAIN, N_FLOWS = 40, 10
SEED = 0
KILLED, SUCCEEDED = "20260102T030405-dead", "20260102T030406-beef"


def parts(n: int) -> list[float]:
    """Return n random parts of a run, one in each n-th of it."""
    draw = random.Random(SEED)  # noqa: S311
    return [(nth + draw.random()) / n for nth in range(n)]


def kill_and_heal(place: Place, n: int, killed_at: Callable[[float], bool], run: Callable[[], None]) -> Counter[str]:
    """Kill n runs, each at another part of the seconds that the last whole run took, and count what was left.

    Parameters
    ----------
    killed_at : starts a run and kills it after so many seconds; returns False if it was done before.
    run : runs to the end.
    """
    left = Counter[str]()
    seconds = timed(run)
    for part in parts(n):
        killed = False
        while not killed:  # a run may be quicker than the last one
            before = run_of(place.database)
            killed = killed_at(part * seconds)
            left[f"{'killed' if killed else 'done'}, {assert_old_or_new(place, before)} run published"] += 1
            seconds = timed(run)
            assert_healed(place)
            assert sum(left.values()) < 3 * n
    return left


def timed(run: Callable[[], None]) -> float:
    """Return the seconds that a run takes."""
    started = time.monotonic()
    run()
    return time.monotonic() - started


def assert_old_or_new(place: Place, before: str) -> str:
    """Check what is published after a kill; return whether it is the old or the new run."""
    run_id = assert_whole(place)
    with publish.connect_to_published(place.database) as connection:
        history = [run for (run,) in connection.execute("select run_id from runs").fetchall()]
    assert run_id == before or history[-2:] == [before, run_id]
    return "old" if run_id == before else "new"


def test_retrains_without_prefect(published: Place) -> None:
    def killed_at(seconds: float) -> bool:
        process = start_retrain(published)
        process.join(seconds)
        process.kill()
        process.join()
        return process.exitcode == -signal.SIGKILL

    def run() -> None:
        assert retrain(published) == ""

    left = kill_and_heal(published, N_PLAIN, killed_at, run)
    print(dict(left))
    assert left["killed, old run published"] > N_PLAIN / 2


def start_flow(place: Place, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a retrain as a user does; it hears Ctrl-C also where the tests run in the background of a shell."""
    command = [sys.executable, "-m", "flows.cli", "retrain", *place.arguments]
    return subprocess.Popen(  # noqa: S603
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run_flow(place: Place, environment: dict[str, str]) -> int:
    """Retrain as a user does; return the exit code."""
    return start_flow(place, environment).wait(LONGEST_RUN_SECONDS)


def test_flows(published: Place, flow_environment: dict[str, str]) -> None:
    def killed_at(seconds: float) -> bool:
        with start_flow(published, flow_environment) as process:
            time.sleep(seconds)
            process.kill()
        return process.returncode == -signal.SIGKILL

    def run() -> None:
        assert run_flow(published, flow_environment) == 0

    left = kill_and_heal(published, N_FLOWS, killed_at, run)
    print(dict(left))
    assert left["killed, old run published"] > N_FLOWS / 2


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_flow_that_is_stopped(part: float, sent: int, published: Place, flow_environment: dict[str, str]) -> None:
    started = time.monotonic()
    assert run_flow(published, flow_environment) == 0
    seconds = time.monotonic() - started
    before = run_of(published.database)
    with start_flow(published, flow_environment) as process:
        time.sleep(part * seconds)
        process.send_signal(sent)
        process.wait(30)
    assert process.returncode != 0 or part > 0.5, "it was not stopped"
    assert_old_or_new(published, before)
    assert retrain(published) == ""
    assert_healed(published)


def publish_until(place: Place, template: Path, run_id: str, last_line: int) -> None:
    """Publish, and die of kill -9 before the n-th line of ``tasks/publish.py`` is run."""
    n_lines = 0

    def count(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal n_lines
        if frame.f_code.co_filename != publish.__file__:
            return None
        n_lines += event == "line"
        if event == "line" and n_lines == last_line:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    sys.settrace(count)
    publish_again(place, template, run_id)


def in_process(place: Place, template: Path, run_id: str, last_line: int = 0) -> BaseProcess:
    """Publish in a process of its own, up to a line; return the process, at its end."""
    process = processes.Process(target=publish_until, args=(place, template, run_id, last_line))
    process.start()
    process.join(LONGEST_RUN_SECONDS)
    return process


def test_every_line_of_publishing(published_in_memory: Place, tmp_path: Path) -> None:
    published = published_in_memory
    first = run_of(published.database)
    template = publish.versions_of(published.database) / f"{first}.duckdb"
    killed, succeeded = (stamp(template, tmp_path / f"{run_id}.duckdb", run_id) for run_id in (KILLED, SUCCEEDED))
    line, left = 0, Counter[str]()
    while True:
        line += 1
        process = in_process(published, killed, KILLED, line)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        now = assert_whole(published, claims=False)
        assert now in (KILLED, SUCCEEDED if line > 1 else first)
        left["new" if now == KILLED else "old"] += 1
        assert in_process(published, succeeded, SUCCEEDED).exitcode == 0
        assert assert_healed(published, claims=False) == SUCCEEDED
        assert len(list(publish.versions_of(published.database).glob("*.duckdb"))) <= 4
    print(dict(left))
    assert left["old"] > 20
    assert left["new"] > 5
