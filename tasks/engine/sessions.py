"""Sessions of Spark: on a cluster, on this machine, or on Sail, which speaks the same protocol."""

import importlib.util
import os
import re
import socket
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tasks.engine import BLOCK_USERS
from tasks.errors import CineclusterError, first_line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SPARK = 4  # major version
CONNECT_SECONDS = 10
CONNECT_PORT = 15002
RETRIES = 6  # of a call to the server, over about a minute; the client's own 15 go on for ten
NEEDED = {"spark": ("pyspark", "sqlglot", "grpc", "zstandard"), "spark-local": ("py4j",), "sail": ("pysail",)}
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BLOCK_USERS),
}
REMEDIES = {
    "No space left on device": "Free some space on the workers' disks or in --work-dir.",
    "PYTHON_VERSION_MISMATCH": "Let workers run the Python version of this machine, by PYSPARK_PYTHON.",
    "ModuleNotFoundError": "Install the packages that docs/spark.md lists where the workers run.",
    "UNAVAILABLE": "The connection broke: see whether Spark's Connect server still runs.",
    "RETRIES_EXCEEDED": "The connection broke: see whether Spark's Connect server still runs.",
    "OutOfMemory": "Give the workers more memory, see docs/spark.md.",
    "MemoryError": "Give the workers more memory, see docs/spark.md.",
    "JAVA_GATEWAY_EXITED": "Install Java 17, or set JAVA_HOME to where it is.",
    "BindException": "Another Spark on this machine has the port: wait until it has ended.",
}
QUIET: dict[str, Any] = {  # for what Spark writes to our terminal
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
SHIPPED = ("tasks", "sql")  # packages that workers import from


@contextmanager
def open_session(url: str) -> Iterator["SparkSession"]:
    """Open a session of Spark, and close it at the end.

    Parameters
    ----------
    url : ``sc://host:port`` for Spark Connect, ``local`` for Spark on this machine, ``sail`` for Sail inside this
        process.

    Raises
    ------
    CineclusterError
        If a package is missing, nobody answers there, the version does not fit, or Spark fails meanwhile.
    """
    check_packages(url)
    from pyspark.sql import SparkSession

    try:
        with server(url) as address:
            builder = SparkSession.builder.remote(address)
            is_local = url == "local"  # the only one that Spark starts, which `create` refuses
            session = builder.config(map=QUIET).getOrCreate() if is_local else builder.create()
            try:
                prepare(session, url)
                yield session
            finally:
                session.stop()
    except failures(url) as error:
        raise CineclusterError(message_of(error, url)) from error


def failures(url: str) -> tuple[type[Exception], ...]:
    """Return what Spark raises; where it is started by us, its start may fail, too."""
    from pyspark.errors import PySparkException

    if url != "local":
        return (PySparkException,)
    from py4j.protocol import Py4JError

    return PySparkException, Py4JError


def check_packages(url: str) -> None:
    """Raise a CineclusterError if a package that the URL needs is missing."""
    extra = {"sail": "sail", "local": "spark-local"}.get(url, "spark")
    where = ", in an environment without pyspark-client" if extra == "spark-local" else ""
    for module in (*NEEDED["spark"], *NEEDED[extra]):
        if importlib.util.find_spec(module) is None:
            raise CineclusterError(
                f"--spark {url} needs the package {module}. Run: pip install 'cinecluster[{extra}]'{where}"
            )


@contextmanager
def server(url: str) -> Iterator[str]:
    """Yield the address of the server for a URL; on this machine it is started, and stopped at the end."""
    if url == "sail":
        from pysail.spark import SparkConnectServer

        sail = SparkConnectServer()
        sail.start(background=True)
        try:
            yield "sc://{}:{}".format(*sail.listening_address)
        finally:
            sail.stop()
    elif url == "local":
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        yield "local[*]"
    else:
        reach(url)
        yield url


def reach(url: str) -> None:
    """Raise a CineclusterError if nobody listens at a URL: the client itself would try for ten minutes."""
    place = urlsplit(url)
    if place.scheme != "sc" or not place.hostname:
        raise CineclusterError(f"--spark {url}: not sc://host:port, local or sail.")
    try:
        socket.create_connection((place.hostname, place.port or CONNECT_PORT), CONNECT_SECONDS).close()
    except OSError as error:
        raise CineclusterError(
            f"--spark {url}: cannot be reached: {error.strerror or error}. Is Spark's Connect server running there, "
            f"and its port (usually {CONNECT_PORT}) open to this machine?"
        ) from error


def prepare(session: Any, url: str) -> None:
    """Set a session up; workers get this project's modules.

    Raises
    ------
    CineclusterError
        If the server runs another major version of Spark.
    """
    version = str(session.version)
    if not version.startswith(f"{SPARK}."):
        raise CineclusterError(f"--spark {url}: runs Spark {version}. Use a cluster of Spark {SPARK}.")
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES)])
    for name, value in SETTINGS.items():
        session.conf.set(name, value)
    if url != "sail":  # which runs in this process
        with tempfile.TemporaryDirectory() as folder:
            session.addArtifacts(str(zip_modules(Path(folder) / "cinecluster.zip")), pyfile=True)


def zip_modules(path: Path) -> Path:
    """Write the modules and statements that workers need to a zip file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in SHIPPED:
            add_files(archive, files(package), package)
    return path


def add_files(archive: zipfile.ZipFile, folder: Traversable, name: str) -> None:
    """Add the modules and statements of a package to a zip file."""
    for item in folder.iterdir():
        if item.is_dir() and item.name != "__pycache__":
            add_files(archive, item, f"{name}/{item.name}")
        elif item.name.endswith((".py", ".sql")):
            archive.writestr(f"{name}/{item.name}", item.read_bytes())


def message_of(error: Exception, url: str) -> str:
    """Return what to tell the user of an error of Spark; what workers raise for the user is told as it is."""
    text = str(error)
    if told := re.search(r"CineclusterError: (.+)", text):
        return told[1].strip()
    line, remedy = next(
        ((line, remedy) for word, remedy in REMEDIES.items() for line in text.splitlines() if word in line),
        (first_line(error), "The logs of Spark say more."),
    )
    return f"--spark {url}: {line.strip()[:500]}. {remedy} The published tables stay as they are."
