"""A standalone cluster of Spark on this machine: a master, workers of one core on loopback, and a Connect server."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pyspark

HOME = Path(pyspark.__file__).parent
HOST = "127.0.0.1"
START_SECONDS = 120
WORKER_MEMORY, EXECUTOR_MEMORY, DRIVER_MEMORY = "2g", "1g", "1g"


class Cluster(NamedTuple):
    """Processes of a cluster.

    folder : logs and scratch space.
    master : its port.
    url : of its Connect server.
    processes : master, server and workers by name.
    """

    folder: Path
    master: int
    url: str
    processes: dict[str, subprocess.Popen[bytes]]

    def kill(self, name: str) -> None:
        """Kill a process with all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, 9)
        self.processes[name].wait()

    def stop(self) -> None:
        """Kill all processes."""
        for name in self.processes:
            self.kill(name)


def start_cluster(folder: Path, n_workers: int = 2, more_settings: dict[str, str] | None = None) -> Cluster:
    """Start a cluster whose logs and scratch space are in ``folder``; the Connect server may have more settings."""
    master, server = free_port(), free_port()
    cluster = Cluster(folder, master, f"sc://{HOST}:{server}", {})
    try:
        start(cluster, "master", "deploy.master.Master", "--host", HOST, "--port", str(master), "--webui-port", "0")
        wait_for(cluster, "master", master)
        for number in range(n_workers):
            add_worker(cluster, f"worker-{number}")
        start_server(cluster, server, more_settings or {})
        wait_for(cluster, "server", server)
    except BaseException:
        cluster.stop()
        raise
    return cluster


def add_worker(cluster: Cluster, name: str) -> None:
    """Start a worker of one core."""
    place = f"spark://{HOST}:{cluster.master}"
    options = ("--host", HOST, "--cores", "1", "--memory", WORKER_MEMORY, "--webui-port", "0")
    start(cluster, name, "deploy.worker.Worker", *options, "--work-dir", str(cluster.folder / name), place)


def start_server(cluster: Cluster, port: int, more_settings: dict[str, str]) -> None:
    """Start the Connect server, the driver of Spark."""
    settings = {
        "spark.master": f"spark://{HOST}:{cluster.master}",
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.executor.memory": EXECUTOR_MEMORY,
        "spark.executor.cores": "1",
        "spark.sql.shuffle.partitions": "8",
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": str(port),
        "spark.ui.enabled": "false",
        "spark.sql.warehouse.dir": str(cluster.folder / "warehouse"),
        "spark.local.dir": str(cluster.folder / "scratch"),
        **more_settings,
    }
    pairs = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    server = ("--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal")
    start(cluster, "server", "deploy.SparkSubmit", *pairs, *server)


def start(cluster: Cluster, name: str, kind: str, *arguments: str) -> None:
    """Start a process of Spark in a group of its own."""
    environment = os.environ | {
        "SPARK_HOME": str(HOME),
        "SPARK_LOCAL_IP": HOST,
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_DAEMON_MEMORY": DRIVER_MEMORY if name == "server" else "256m",
        "OMP_NUM_THREADS": "1",
    }
    for variable in (
        "PYTHONPATH",
        "SPARK_REMOTE",
        "SPARK_CONNECT_MODE_ENABLED",
    ):  # workers get modules by the zip alone
        environment.pop(variable, None)
    with (cluster.folder / f"{name}.log").open("wb") as log:
        cluster.processes[name] = subprocess.Popen(  # noqa: S603 - of our own words
            [str(HOME / "bin" / "spark-class"), f"org.apache.spark.{kind}", *arguments],
            env=environment, cwd=cluster.folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(cluster: Cluster, name: str, port: int) -> None:
    """Wait until a process listens on its port."""
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and cluster.processes[name].poll() is None:
        with suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.2)
    raise RuntimeError(f"Spark's {name} did not start:\n{(cluster.folder / f'{name}.log').read_text()[-3000:]}")
