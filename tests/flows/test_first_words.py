"""What the command says before anything takes long, and when it is stopped."""

import os
import re
import signal
import subprocess
import sys

import pytest

from flows.server import apply_settings
from tasks.published.publish import versions_of
from tests.conftest import SMALL, TITLES, two_tastes, write_source

COMMAND = [sys.executable, "-X", "importtime", "-m", "flows.cli"]
HEAVY = ("prefect", "sklearn", "scipy", "numpy", "polars", "pandas", "pyarrow", "duckdb")


@pytest.mark.parametrize("command", ["retrain", "evaluate"])
@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (None, "no such folder. --source is a folder with a ratings.csv."),
        ("", "holds none of ratings.csv, ratings.csv.gz, ratings.parquet."),
        ("userId,film,rating\n1,2,3.0\n", "ratings.csv line 1: no column 'movieId'."),
    ],
)
def test_a_wrong_source_is_told_before_anything_heavy_is_imported(command, header, fault, tmp_path):
    source = tmp_path / "source"
    if header is not None:
        source.mkdir()
    if header:
        (source / "ratings.csv").write_text(header)
    done = subprocess.run(  # noqa: S603
        [*COMMAND, command, "--source", source, "--database", tmp_path / "films.duckdb"],
        capture_output=True,
        text=True,
        timeout=60,
        env={name: value for name, value in os.environ.items() if name != "CINECLUSTER_WEBHOOK"},
    )
    assert done.returncode == 1
    assert re.match(rf"cinecluster {command}, \d{{4}}-\d\d-\d\d \d\d:\d\d UTC, preset default, from ", done.stdout)
    assert fault in done.stderr
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "flows.config" in imported
    assert imported.isdisjoint(HEAVY)
    assert [path.name for path in tmp_path.iterdir()] == ["source"] * source.exists()


def test_where_a_webhook_waits_the_run_itself_refuses_the_source(monkeypatch, tmp_path):
    from flows.cli import begin
    from flows.config import RetrainOptions

    monkeypatch.setenv("CINECLUSTER_WEBHOOK", "http://127.0.0.1:9/")
    begin("retrain", RetrainOptions(source=tmp_path / "none"), verbose=False)


def test_control_c_on_a_terminal_stops_the_run_and_says_so(tmp_path, prefect_home):
    source = write_source(tmp_path / "source", two_tastes(), TITLES)
    options = [word for name, value in SMALL.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    places = ["--source", source, "--database", tmp_path / "films.duckdb", "--reports", tmp_path / "reports"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "flows.cli", "retrain", *places, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment | {"PREFECT_HOME": str(prefect_home), "NO_COLOR": "1"},
    ) as command:
        for line in command.stdout:
            if line.startswith("Select the favourites"):
                break
        os.killpg(command.pid, signal.SIGINT)  # as a terminal does: to all of its processes
        output, error = command.communicate(timeout=60)
    assert command.returncode == 130, error
    assert error.splitlines()[-1] == "Stopped. The published tables stay as they are."
    assert "Traceback" not in error
    assert "Published" not in output
    assert not (tmp_path / "films.duckdb").exists()
    assert [path.name for path in versions_of(tmp_path / "films.duckdb").iterdir() if path.name != "lock"] == []


@pytest.mark.parametrize(("given", "then"), [(None, "1"), ("0", "0")])
def test_nobody_is_tracked_unless_asked(given, then, monkeypatch):
    monkeypatch.setattr(os, "environ", {} if given is None else {"DO_NOT_TRACK": given})
    apply_settings()
    assert os.environ["DO_NOT_TRACK"] == then
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "False"
