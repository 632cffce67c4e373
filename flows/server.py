"""What the command does to its own process before a flow runs: settings, and a temporary server that ends with it."""

import os
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

SETTINGS = Path(__file__).parents[1] / "prefect.toml"
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
    """Start the temporary server that Prefect is going to want, while this process imports what a flow needs.

    Returns None where Prefect is told to use another server, or none.
    """
    if os.environ.get("PREFECT_API_URL") or names_server(profiles()):
        return None
    if os.environ.get("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "true").lower() in ("0", "false"):
        return None
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    packages = str(Path(str(find_spec("prefect").origin)).parents[1])  # type: ignore[union-attr]
    uvicorn = ["uvicorn", "--app-dir", packages, "--factory", APP, "--host", HOST, "--port", str(port)]
    process = start_with_parent([*uvicorn, "--log-level", "error", "--lifespan", "on"], env={**os.environ, **EPHEMERAL})
    return Server(port, process)


def profiles() -> Path:
    """Return the file of Prefect's profiles."""
    home = os.environ.get("PREFECT_HOME", "~/.prefect")
    return Path(os.environ.get("PREFECT_PROFILES_PATH", f"{home}/profiles.toml")).expanduser()


def names_server(path: Path) -> bool:
    """Return whether a file of profiles names a server."""
    return path.is_file() and "PREFECT_API_URL" in path.read_text(encoding="utf-8", errors="replace")


def start_with_parent(uvicorn: list[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a server that ends when this process does, also when that is killed.

    It is in a session of its own: Ctrl-C on a terminal would end it first, and this process would wait for it.
    """
    command = [sys.executable, "-c", UVICORN, str(os.getpid()), *uvicorn]
    return subprocess.Popen(command, start_new_session=True, **options)  # noqa: S603


@contextmanager
def use_server(started: Server | None = None) -> Iterator[None]:
    """Have Prefect take the server that was started, and end with this process the ones that it starts itself.

    To a temporary server no heartbeats are sent: nobody watches them, and the end of a flow waits for the last one.
    """
    from prefect.server.api import server
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, get_current_settings, temporary_settings

    if started and get_current_settings().api.url:
        started.process.terminate()
        started = None
    ready = [started] if started else []

    def start(args: list[str], **options: Any) -> subprocess.Popen[Any]:
        if ready and str(ready[0].port) in args:
            return ready.pop().process
        return start_with_parent(args[2:], **options)  # python -m uvicorn ...

    server.subprocess = SimpleNamespace(**vars(subprocess) | {"Popen": start})  # type: ignore[assignment]
    if started:
        temporary = server.SubprocessASGIServer()
        temporary.port = started.port
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None} if started else {}):
        yield
