"""docs/app.md: its requests are answered by the server that its first lines start."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import TITLES, publish, two_tastes

TEXT = (Path(__file__).parents[2] / "docs" / "app.md").read_text(encoding="utf-8")
REQUESTS = re.findall(r"^curl (.+)$", TEXT, re.MULTILINE)
TOKEN = "a token for this test alone"  # noqa: S105

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server listens, of tables with the movie that the document names."""
    folder = tmp_path_factory.mktemp("docs")
    ratings = [*two_tastes(), *((user, 296, 5.0) for user in (1, 2, 3))]
    movies = TITLES | {296: ("Pulp Fiction (1994)", "Comedy|Crime")}
    database = publish(folder / "films.duckdb", ratings, movies).database
    command = [sys.executable, "-m", "flows.cli", "api", "--port", "0", "--database", str(database)]
    environment = os.environ | {"CINECLUSTER_API_TOKEN": TOKEN, "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:  # noqa: S603
        try:
            assert server.stdout
            yield re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())[0]
        finally:
            server.terminate()


def test_there_are_requests():
    assert len(REQUESTS) >= 4


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_is_answered(root, request_):
    done = subprocess.run(  # noqa: S602
        f"curl --silent --show-error --fail {request_}".replace("http://127.0.0.1:8000", root),
        shell=True,
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | {"CINECLUSTER_API_TOKEN": TOKEN},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)
