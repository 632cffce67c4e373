# ruff: noqa: S603
"""The temporary server ends with the command; importing flows does nothing to the process that imports them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefect.server.api import server
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

import flows.server
from flows.server import Server, start_server, use_server
from tasks.errors import CineclusterError

START = """
import sys
from flows.server import apply_settings, start_server, use_server
apply_settings()
started = start_server() if sys.argv[1] == "early" else None
with use_server(started):
    if started is None:
        from prefect.server.api.server import SubprocessASGIServer
        server = SubprocessASGIServer()
        server.start()
    print((started.process if started else server.server_process).pid, flush=True)
    sys.stdin.readline()
"""


def is_running(pid: int) -> bool:
    """Say whether there is such a process, and it is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("when", ["early", "late"])
def test_the_temporary_server_ends_with_a_killed_process(when, prefect_home):
    environment = os.environ | {"PREFECT_HOME": str(prefect_home)}
    environment.pop("PREFECT_API_URL", None)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", START, when], env=environment, **pipes) as process:
        server = int(process.stdout.readline())
        assert is_running(server)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    ends = time.monotonic() + 15
    while is_running(server) and time.monotonic() < ends:
        time.sleep(0.2)
    assert not is_running(server)


@pytest.fixture
def ended():
    """A process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process


def test_a_server_that_ends_before_it_answers_twice_is_told(ended, monkeypatch):
    monkeypatch.setattr(flows.server, "start_on", lambda port: Server(port, ended))
    with pytest.raises(CineclusterError, match="did not start"), use_server(Server(1, ended)):
        pass


def test_a_server_that_ends_before_it_answers_is_started_once_more(ended, monkeypatch):
    started = []
    monkeypatch.setattr(flows.server, "start_on", lambda port: started.append(port) or Server(port, None))
    monkeypatch.setattr(flows.server, "answers", lambda server: server.process is None)
    with use_server(Server(8123, ended)):
        assert started == [8123]


def test_heartbeats_are_sent_to_a_server_that_stands_only(monkeypatch):
    monkeypatch.setattr(server, "subprocess", subprocess)  # put back afterwards
    monkeypatch.setattr(flows.server, "wait_for", lambda started: None)
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 30}):
        with use_server(Server(8123, None)):
            assert PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value() is None
        with use_server(None):
            assert PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value() == 30


def test_importing_flows_does_nothing_to_the_process(tmp_path):
    code = (
        "import os, atexit; before = dict(os.environ); registered = atexit._ncallbacks();"
        "import flows; assert atexit._ncallbacks() == registered;"
        "import flows.config, flows.cli; print({k for k in os.environ if os.environ[k] != before.get(k)})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "PREFECT" not in done.stdout


def test_the_command_applies_the_settings_wherever_it_runs(tmp_path):
    code = (
        "import sys; from flows.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "from prefect.settings import get_current_settings; print(get_current_settings().server.analytics_enabled)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    environment |= {"PREFECT_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"


def test_no_server_is_started_where_another_one_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "profiles.toml"))
    (tmp_path / "profiles.toml").write_text('[profiles.ours]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n')
    assert start_server() is None
    (tmp_path / "profiles.toml").unlink()
    monkeypatch.setenv("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "false")
    assert start_server() is None
    monkeypatch.delenv("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE")
    for name, text in {
        "prefect.toml": '[api]\nurl = "http://127.0.0.1:9/api"',
        "pyproject.toml": '[tool.prefect]\napi.url = "http://127.0.0.1:9/api"',
        ".env": "PREFECT_API_URL=http://127.0.0.1:9/api",
    }.items():
        (tmp_path / name).write_text(text)
        monkeypatch.chdir(tmp_path)
        assert start_server() is None
        (tmp_path / name).unlink()
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert start_server() is None
