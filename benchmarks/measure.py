"""Run a command and say how long it took, how much memory its largest process needed, and each step's seconds."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

STEP = re.compile(r"^(.+?) +(\d+\.\d) s(?:  .*)?$", re.MULTILINE)


class Measured(NamedTuple):
    """seconds : wall clock; peak_gb : resident memory of the largest process; output : what it printed."""

    seconds: float
    peak_gb: float
    output: str

    @property
    def steps(self) -> dict[str, float]:
        """Seconds by the name of each step that `cinecluster` printed."""
        return {name.strip(): float(seconds) for name, seconds in STEP.findall(self.output)}


def seconds(work: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def measure(*command: str) -> Measured:
    """Run a command to its end; raise CalledProcessError if it fails."""
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "120"}
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    return Measured(time.monotonic() - started, usage.ru_maxrss / 1e6, output)


def print_table(runs: dict[str, Measured]) -> None:
    """Print the seconds of each step, of the whole, and the peak memory of each run, which have a column each."""
    print("| step, seconds |" + "|".join(f" {name} " for name in runs) + "|")
    print("|---|" + "---:|" * len(runs))
    for step in dict.fromkeys(step for run in runs.values() for step in run.steps):
        print(f"| {step} |" + "|".join(f" {run.steps.get(step, 0):.1f} " for run in runs.values()) + "|")
    print("| sum of the steps |" + "|".join(f" {sum(run.steps.values()):.1f} " for run in runs.values()) + "|")
    print("| **whole command** |" + "|".join(f" **{run.seconds:.0f}** " for run in runs.values()) + "|")
    print("| **peak memory, GB** |" + "|".join(f" **{run.peak_gb:.2f}** " for run in runs.values()) + "|")


def python(script: str, *arguments: str) -> Measured:
    """Measure a script of this folder in a process of its own."""
    return measure(sys.executable, "-m", f"benchmarks.{script}", *arguments)
