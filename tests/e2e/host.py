"""A team's own host: a checkout, a Prefect server with its database, a worker, and a webhook that listens."""

import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import duckdb
import httpx

ROOT = Path(__file__).parents[2]
CHECKOUT = ("flows", "tasks", "sql", "deploy", "prefect.yaml", "prefect.toml")
DEPLOYMENT = "retrain/nightly"
EXPORT = "export/after-retrain"
POOL = "local-process"
FINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
SECONDS_WITHOUT_HEARTBEAT = 80  # instead of those of deploy/zombie-runs.yaml; one comes every 30 seconds

FORKS = """
import json, os, signal, sys
import prefect.cli.deployment
from prefect.cli import app
for line in sys.stdin:
    words, said = json.loads(line)
    process = os.fork()
    if process == 0:
        signal.alarm(180)
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        sys.argv = ["prefect", *words]
        sys.exit(app())
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""

Found = TypeVar("Found")


class Host:
    """Everything in one folder; nothing of the machine's own Prefect is used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = folder / "checkout"
        for name in CHECKOUT:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            self.checkout.mkdir(exist_ok=True)
            copy(source, self.checkout / name)
        self.webhook = Webhook()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.api = httpx.Client(base_url=f"{self.url}/api/", timeout=120)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.checkout),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_WORKER_QUERY_SECONDS": "2",  # not 10: this is how long a run waits for a worker
            "PREFECT_RUNNER_POLL_FREQUENCY": "2",
            "CINECLUSTER_WEBHOOK": self.webhook.url,
            "NO_COLOR": "1",
            "COLUMNS": "160",
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.forks: subprocess.Popen[str] | None = None
        self.server_command = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(list(self.running)):
            self.stop(name)
        if self.forks:
            self.forks.kill()
        self.webhook.shutdown()
        self.api.close()

    def start(self, name: str, *command: str) -> None:
        """Start a command that goes on, in a process group of its own, with ``<name>.log``."""
        with self.log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603
                command,
                cwd=self.checkout,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )

    def stop(self, name: str) -> None:
        """End what was started, as systemd does: ask, wait, and then kill what is left of it."""
        process = self.running.pop(name)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        self.kill_group(process)

    def kill(self, name: str) -> None:
        """End what was started and what that started at once, as a power failure does."""
        self.kill_group(self.running.pop(name))

    @staticmethod
    def kill_group(process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def log(self, name: str) -> Path:
        """Return the path of the log of what was started."""
        return self.folder / f"{name}.log"

    def start_server(self) -> None:
        """Start the server and wait until it answers."""
        self.start("server", *self.server_command)

        def answers() -> bool:
            try:
                return self.api.get("health").is_success
            except httpx.TransportError:
                return False

        wait_for(answers, 120, "the server answers")

    def start_worker(self) -> None:
        """Start a worker."""
        self.start("worker", "prefect", "worker", "start", "--pool", POOL)

    def prefect(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a ``prefect`` command to its end, in a process that has imported it: that takes most of its time."""
        if self.forks is None:
            self.forks = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", FORKS],
                cwd=self.checkout,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self.forks.stdin and self.forks.stdout
        said = self.log("prefect")
        print(json.dumps([arguments, str(said)]), file=self.forks.stdin, flush=True)
        code = int(self.forks.stdout.readline())
        return subprocess.CompletedProcess(arguments, code, said.read_text())

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(  # noqa: S603
            command,
            cwd=self.checkout,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def run_and_watch(self, deployment: str = DEPLOYMENT, **parameters: object) -> tuple[int, dict[str, Any]]:
        """Run a deployment by the command of the documentation; return its exit code and the run."""
        options = [f"--param={name}={value}" for name, value in parameters.items()]
        done = self.prefect("deployment", "run", deployment, "--watch", *options)
        found = [line.split("UUID:")[1].strip() for line in done.stdout.splitlines() if "UUID:" in line]
        assert found, done.stdout
        return done.returncode, self.read_run(found[0])

    def create_run(self, **parameters: object) -> str:
        """Have the server schedule a run of the deployment for now; return its id."""
        body = {"parameters": {k: str(value) if isinstance(value, Path) else value for k, value in parameters.items()}}
        run_id: str = self.call("POST", f"deployments/{self.deployment['id']}/create_flow_run", body)["id"]
        return run_id

    def start_run(self, **parameters: object) -> str:
        """Start a run of the deployment and wait until it works; return its id."""
        run_id = self.create_run(**parameters)
        self.wait_for_state(run_id, {"RUNNING"})
        return run_id

    @property
    def deployment(self) -> dict[str, Any]:
        """The deployment as the server has it."""
        answer: dict[str, Any] = self.call("GET", f"deployments/name/{DEPLOYMENT}")
        return answer

    def read_run(self, run_id: str) -> dict[str, Any]:
        """Return a run as the server has it."""
        answer: dict[str, Any] = self.call("GET", f"flow_runs/{run_id}")
        return answer

    def wait_for_state(self, run_id: str, types: set[str], seconds: float = 120) -> dict[str, Any]:
        """Wait until a run is in one of the states, and return it."""

        def reached() -> dict[str, Any] | None:
            run = self.read_run(run_id)
            unexpected = run["state_type"] in FINAL and run["state_type"] not in types
            assert not unexpected, f"{run['state_name']}: {run['state']['message']}"
            return run if run["state_type"] in types else None

        return wait_for(reached, seconds, f"run {run_id} is {types}")

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the server's API and return the answer; 503 says that its database is busy, and to try again."""
        answer = wait_for(
            lambda: [answer for answer in [self.api.request(method, path, json=body)] if answer.status_code != 503],
            30,
            f"{method} {path} is answered",
        )[0].raise_for_status()
        return answer.json() if answer.content else None

    def list_runs(self, **state: object) -> list[dict[str, Any]]:
        """Return the runs of the deployment in a state, by their time of start."""
        body = {
            "sort": "EXPECTED_START_TIME_ASC",
            "flow_runs": {"deployment_id": {"any_": [self.deployment["id"]]}, "state": state},
        }
        answer: list[dict[str, Any]] = self.call("POST", "flow_runs/filter", body)
        return answer

    def list_artifacts(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Return the artifacts of a run by key, or by description where they have none."""
        artifacts = self.call("POST", "artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run_id]}}})
        return {artifact["key"] or artifact["description"]: artifact for artifact in artifacts}


class Webhook:
    """A server that keeps what is posted to it."""

    def __init__(self) -> None:
        received: list[dict[str, Any]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.received = received
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, run_id: str) -> dict[str, Any]:
        """Return what was posted about a run."""
        return wait_for(
            lambda: next((body for body in self.received if body["run_id"] == run_id), None), 30, f"a post on {run_id}"
        )

    def shutdown(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()


def set_up(host: Host) -> None:
    """Do what docs/operation.md has a team do once, and start a worker."""
    for command in (
        ("work-pool", "create", POOL, "--type", "process", "--overwrite"),
        ("--no-prompt", "deploy", "--all"),
        ("automation", "create", "--from-file", str(shortened_automation(host))),
    ):
        done = host.run("prefect", *command)
        assert done.returncode == 0, done.stdout + done.stderr
    host.start_worker()


def shortened_automation(host: Host) -> Path:
    text = (host.checkout / "deploy/zombie-runs.yaml").read_text()
    assert "within: 120" in text
    short = host.folder / "zombie-runs.yaml"
    short.write_text(text.replace("within: 120", f"within: {SECONDS_WITHOUT_HEARTBEAT}"))
    return short


def published(host: Host) -> tuple[int, ...]:
    """Return what changes with every published file."""
    status = (host.checkout / "data/cinecluster.duckdb").stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def favourites_of(host: Host, user_id: int) -> set[int]:
    """Return the movies that a user favourites."""
    with duckdb.connect(host.checkout / "data/cinecluster.duckdb", read_only=True) as connection:
        rows = connection.execute("select movie_id from favourites where user_id = $1", [user_id]).fetchall()
    return {movie_id for (movie_id,) in rows}


def free_port() -> int:
    """Return a port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(find: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """Call ``find`` until it returns something true, and return that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := find():
            return found
        time.sleep(0.5)
    raise AssertionError(f"Not within {seconds:.0f} s: {what}.")
