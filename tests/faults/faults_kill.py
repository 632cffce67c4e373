"""kill -9 at any moment: what is published is the old run or the new one, whole, and the next run succeeds."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tasks import publish
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


def moments(n: int, seconds: float) -> list[float]:
    """Return n random moments, one in each n-th of a run that takes so many seconds."""
    draw = random.Random(SEED)  # noqa: S311
    return [seconds * (nth + draw.random()) / n for nth in range(n)]


def assert_old_or_new(place: Place, before: str) -> str:
    """Check what is published after a kill; return whether it is the old or the new run."""
    run_id = assert_whole(place)
    with publish.connect_to_published(place.database) as connection:
        history = [run for (run,) in connection.execute("select run_id from runs").fetchall()]
    assert run_id == before or history[-2:] == [before, run_id]
    return "old" if run_id == before else "new"


def test_retrains_without_prefect(published: Place) -> None:
    started = time.monotonic()
    assert retrain(published) == ""
    left = Counter[str]()
    for moment in moments(N_PLAIN, time.monotonic() - started):
        before = run_of(published.database)
        process = start_retrain(published)
        process.join(moment)
        left["killed" if process.is_alive() else "was done"] += 1
        process.kill()
        process.join()
        left[assert_old_or_new(published, before)] += 1
        assert retrain(published) == ""
        assert_healed(published)
    print(dict(left))
    assert left["killed"] >= 0.8 * N_PLAIN
    assert left["old"] >= 0.5 * N_PLAIN


def start_flow(place: Place, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a retrain as a user does."""
    command = [sys.executable, "-m", "flows.cli", "retrain", *place.arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def run_flow(place: Place, environment: dict[str, str]) -> int:
    """Retrain as a user does; return the exit code."""
    return start_flow(place, environment).wait(LONGEST_RUN_SECONDS)


def test_flows(published: Place, flow_environment: dict[str, str]) -> None:
    started = time.monotonic()
    assert run_flow(published, flow_environment) == 0
    left = Counter[str]()
    for moment in moments(N_FLOWS, time.monotonic() - started):
        before = run_of(published.database)
        with start_flow(published, flow_environment) as process:
            time.sleep(moment)
            left["killed" if process.poll() is None else "was done"] += 1
            process.kill()
        left[assert_old_or_new(published, before)] += 1
        assert run_flow(published, flow_environment) == 0
        assert_healed(published)
    print(dict(left))
    assert left["killed"] >= 0.8 * N_FLOWS


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
    killed, succeeded = (stamp(template, tmp_path / f"{name}.duckdb", name) for name in ("killed", "succeeded"))
    line, left = 0, Counter[str]()
    while True:
        line += 1
        process = in_process(published, killed, "killed", line)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        now = assert_whole(published, claims=False)
        assert now in ("killed", "succeeded" if line > 1 else first)
        left["new" if now == "killed" else "old"] += 1
        assert in_process(published, succeeded, "succeeded").exitcode == 0
        assert assert_healed(published, claims=False) == "succeeded"
        assert len(list(publish.versions_of(published.database).glob("*.duckdb"))) <= 4
    print(dict(left))
    assert left["old"] > 20
    assert left["new"] > 5
