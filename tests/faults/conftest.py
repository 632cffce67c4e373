"""A small source, a place to publish, and one Prefect server for all flows."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tasks.published.versions import versions_of
from tasks.source.demo_data import make_demo_data
from tests.faults.retrains import Place, assert_whole, place_in, publish_again, retrain, run_of

ROOT = Path(__file__).parents[2]
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 20,000 ratings."""
    folder = tmp_path_factory.mktemp("source")
    make_demo_data(folder, 20_000)
    return folder


@pytest.fixture(scope="module")
def published(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place where a run was published; what is published may change with every test."""
    folder = tmp_path_factory.mktemp("published")
    place = place_in(folder, source)
    assert retrain(place) == ""
    assert_whole(place)
    return place


@pytest.fixture
def published_in_memory(published: Place) -> Iterator[Place]:
    """A copy of a published place on a disk in memory, where there is one: hundreds of publishes are quick there."""
    shared_memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=shared_memory if shared_memory.is_dir() else None) as folder:
        place = place_in(Path(folder), published.source)
        run_id = run_of(published.database)
        place.database.parent.mkdir()
        publish_again(place, versions_of(published.database) / f"{run_id}.duckdb", run_id)
        yield place


@pytest.fixture(scope="session")
def flow_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment for flows, with a Prefect server that runs for this session."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    environment = os.environ | {"PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")), "PREFECT_API_URL": url}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as server:  # noqa: S603
        try:
            wait_for(f"{url}/health")
            yield environment
        finally:
            server.terminate()


def wait_for(url: str, seconds: int = 120) -> None:
    """Wait until a server answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    pytest.fail(f"{url} did not answer within {seconds} seconds")
