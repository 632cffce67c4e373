"""docs/app.md: its requests are answered by the server that its first lines start, and its code runs."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.cli import main
from tests.conftest import TITLES, publish, two_tastes

TEXT = (Path(__file__).parents[2] / "docs" / "app.md").read_text(encoding="utf-8")
CODE = re.findall(r"^```python\n(.+?)^```", TEXT, re.MULTILINE | re.DOTALL)
REQUESTS = re.findall(r"^curl (.+)$", TEXT, re.MULTILINE)
TOKEN = "a token for this test alone"  # noqa: S105


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Published tables with the movie that the document names."""
    folder = tmp_path_factory.mktemp("docs")
    ratings = [*two_tastes(), *((user, 296, 5.0) for user in (1, 2, 3))]
    movies = TITLES | {296: ("Pulp Fiction (1994)", "Comedy|Crime")}
    return publish(folder / "films.duckdb", ratings, movies).database


@pytest.fixture(scope="module")
def root(database: Path) -> Iterator[str]:
    """Where a server listens."""
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


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
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


def test_there_is_code_for_three_ways():
    assert [sum(word in code for code in CODE) for word in ("httpx", "postgresql", "duckdb.connect")] == [1, 1, 1]


def run_code(word: str, place: str, real: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run the code that has a word in it, with the real place of what it reads, and return what it prints."""
    [code] = [code for code in CODE if word in code]
    assert place in code
    exec(code.replace(place, real), {})  # noqa: S102
    return capsys.readouterr().out


def test_the_code_for_the_api_runs(root, capsys):
    said = run_code("httpx", "http://127.0.0.1:8000", root, capsys)
    assert re.match(r"1 .* because of (Rocket|Waltz)", said)


def test_the_code_for_the_file_runs(database, capsys):
    said = run_code("duckdb.connect", "data/cinecluster.duckdb", str(database), capsys)
    assert re.match(r"1 .* because of (Rocket|Waltz)", said)


def test_the_code_for_postgresql_runs_after_its_command(database, app_database, capsys):
    address = "postgresql://films@db.example.com/app"
    assert f"cinecluster export --to {address}\n" in TEXT
    with pytest.raises(SystemExit) as ended:
        main(["export", "--to", app_database, "--database", str(database)])
    assert not ended.value.code
    said = run_code("postgresql", address, app_database, capsys)
    assert "10 tables, " in said
    assert re.search(r"^1 .* because of (Rocket|Waltz)", said, re.MULTILINE)
    assert "movies for somebody new" in said
