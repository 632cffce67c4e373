"""What the command does to its own process before a flow runs: settings, and a temporary server that ends with it."""

import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SETTINGS = Path(__file__).parents[1] / "prefect.toml"
UVICORN = """
import os, runpy, signal, sys, threading, time

def end_with(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)
    os._exit(1)

parent = int(sys.argv.pop(1))
del sys.argv[0]
threading.Thread(target=end_with, args=(parent,), daemon=True).start()
runpy.run_module("uvicorn", run_name="__main__")
"""


def apply_settings(path: Path = SETTINGS) -> None:
    """Set the variables of Prefect that ``prefect.toml`` names and nobody has set, in whichever folder this is.

    Prefect reads that file from the working directory only, and its variables when it is imported. The client's part
    of its analytics, and the notice of them on a terminal, obey ``DO_NOT_TRACK`` alone, which no setting stands for.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")
    if path.is_file():
        for name, value in variables_of(tomllib.loads(path.read_text(encoding="utf-8"))):
            os.environ.setdefault(name, value)


def variables_of(settings: dict[str, Any], prefix: str = "PREFECT") -> Iterator[tuple[str, str]]:
    """Yield the name and value of the variable of each setting."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from variables_of(value, f"{prefix}_{name.upper()}")
        else:
            yield f"{prefix}_{name.upper()}", str(value)


def end_server_with_this_process() -> None:
    """Have the temporary server that Prefect starts end when this process does, also when that is killed.

    It is in a session of its own: Ctrl-C on a terminal would end it first, and this process would wait for it.
    """
    from prefect.server.api import server

    def start(args: list[str], **options: Any) -> subprocess.Popen[Any]:
        python, _, *uvicorn = args  # python -m uvicorn ...
        command = [python, "-c", UVICORN, str(os.getpid()), *uvicorn]
        return subprocess.Popen(command, start_new_session=True, **options)  # noqa: S603

    server.subprocess = SimpleNamespace(**vars(subprocess) | {"Popen": start})  # type: ignore[assignment]
