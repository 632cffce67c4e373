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


def python(script: str, *arguments: str) -> Measured:
    """Measure a script of this folder in a process of its own."""
    return measure(sys.executable, "-m", f"benchmarks.{script}", *arguments)
