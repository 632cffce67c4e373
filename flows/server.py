"""What the command does to its own process before a flow runs: settings, and a temporary server that ends with it."""

import atexit
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from tasks.errors import CineclusterError

SETTINGS = Path(__file__).parents[1] / "prefect.toml"
SETTINGS_FILES = ("prefect.toml", "pyproject.toml", ".env")  # that Prefect reads in the working directory
NAMED_SERVER = re.compile(r"PREFECT_API_URL|^\s*\[(tool\.prefect\.)?api\]|^\s*api\s*[.=]", re.IGNORECASE | re.MULTILINE)
SECONDS_TO_START, SECONDS_TO_END = 120, 5
HOST = "127.0.0.1"
APP = "prefect.server.api.server:create_app"
EPHEMERAL = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}
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


class Server(NamedTuple):
    """A temporary server that was started."""

    port: int
    process: subprocess.Popen[Any]


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


def start_server() -> Server | None:
    """Start a temporary server for this process, while it imports what a flow needs.

    To Prefect, which has to be imported after this, it is a server that stands: importing what Prefect would start one
    with takes two seconds. Returns None where Prefect is told to use another server, or none.
    """
    if os.environ.get("PREFECT_API_URL") or any(map(names_server, [profiles(), *map(Path, SETTINGS_FILES)])):
        return None
    if os.environ.get("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "true").lower() in ("0", "false"):
        return None
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    server = start_on(port)
    os.environ["PREFECT_API_URL"] = f"http://{HOST}:{port}/api"
    return server


def start_on(port: int) -> Server:
    """Start a temporary server on a port; it ends with this process."""
    packages = str(Path(str(find_spec("prefect").origin)).parents[1])  # type: ignore[union-attr]
    uvicorn = ["uvicorn", "--app-dir", packages, "--factory", APP, "--host", HOST, "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    process = start_with_parent([*uvicorn, "--log-level", "error", "--lifespan", "on"], env=environment | EPHEMERAL)
    atexit.register(end, process)
    return Server(port, process)


def end(process: subprocess.Popen[Any]) -> None:
    """End a server, which first writes what it has been told."""
    process.terminate()
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()


def profiles() -> Path:
    """Return the file of Prefect's profiles."""
    home = os.environ.get("PREFECT_HOME", "~/.prefect")
    return Path(os.environ.get("PREFECT_PROFILES_PATH", f"{home}/profiles.toml")).expanduser()


def names_server(path: Path) -> bool:
    """Return whether a file of settings or profiles may name a server."""
    return path.is_file() and bool(NAMED_SERVER.search(path.read_text(encoding="utf-8", errors="replace")))


def start_with_parent(uvicorn: list[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a server that ends when this process does, also when that is killed.

    It is in a session of its own: Ctrl-C on a terminal would end it first, and this process would wait for it.
    """
    command = [sys.executable, "-c", UVICORN, str(os.getpid()), *uvicorn]
    return subprocess.Popen(command, start_new_session=True, **options)  # noqa: S603


@contextmanager
def use_server(started: Server | None) -> Iterator[None]:
    """Wait for the server that was started, or end with this process those that Prefect starts itself.

    To a temporary server no heartbeats are sent: nobody watches them, and the end of a flow waits for the last one.
    """
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    if started is None:
        from prefect.server.api import server

        def start(args: list[str], **options: Any) -> subprocess.Popen[Any]:
            return start_with_parent(args[2:], **options)  # python -m uvicorn ...

        server.subprocess = SimpleNamespace(**vars(subprocess) | {"Popen": start})  # type: ignore[assignment]
        yield
        return
    import fastapi.encoders  # noqa: F401  Prefect would import it when the flow starts; the server is still starting

    wait_for(started)
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


def wait_for(server: Server) -> None:
    """Return when a server answers.

    One that ends before is started once more: where several are the first in a new folder of Prefect, each makes the
    tables there, and one may find another's half made.

    Raises
    ------
    CineclusterError
        If it ends again, or has not answered after two minutes.
    """
    if answers(server):
        return
    if server.process.poll() is None or not answers(start_on(server.port)):
        raise CineclusterError(
            "Prefect's temporary server did not start. `prefect server start` says why, and can serve instead."
        )


def answers(server: Server) -> bool:
    """Return True when a server answers, False if it ends before, or has not answered after two minutes."""
    ends = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < ends and server.process.poll() is None:
        connection = HTTPConnection(HOST, server.port, timeout=SECONDS_TO_START)
        try:
            connection.request("GET", "/api/health")
            if connection.getresponse().status == HTTPStatus.OK:
                return True
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.05)
    return False
