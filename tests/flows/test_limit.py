import subprocess
import sys
import time
from pathlib import Path

import pytest

import flows.stations
from flows.evaluate import evaluate
from flows.favourite import favourite
from flows.limit import time_limit
from flows.notify import notify_webhook
from flows.retrain import retrain
from tasks.errors import CineclusterError


def test_what_hangs_is_stopped_with_the_reason() -> None:
    began = time.monotonic()
    with (
        pytest.raises(CineclusterError, match=r"Not done after 0\.0001 hours, the limit of --max-hours"),
        time_limit(1e-4),
    ):
        time.sleep(60)
    assert time.monotonic() - began < 30


HANGS = """
import duckdb
from flows import limit
limit.GRACE_SECONDS = 1.0
with limit.time_limit(2e-4):
    duckdb.sql("select sum(sqrt(range)) from range(1000000000000)").fetchall()
"""


def test_a_query_that_hangs_is_stopped_with_the_reason() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], stderr=subprocess.PIPE, text=True, timeout=60)  # noqa: S603
    assert ended.returncode == 1
    assert "Not done after 0.0002 hours, the limit of --max-hours" in ended.stderr.splitlines()[-1]


def test_what_hangs_outside_of_python_ends_with_its_process() -> None:
    deaf = "    import signal\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n    duckdb"
    blocks = HANGS.replace("    duckdb", deaf)
    ended = subprocess.run([sys.executable, "-c", blocks], stderr=subprocess.PIPE, text=True, timeout=60)  # noqa: S603
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("Not done after 0.0002 hours")


def test_what_is_done_in_time_goes_on() -> None:
    with time_limit(1):
        done = True
    assert done


def test_a_timeout_of_something_else_stays_what_it_is() -> None:
    with pytest.raises(TimeoutError, match="the network"), time_limit(1):
        raise TimeoutError("the network")


def test_a_retrain_that_hangs_leaves_no_build_and_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.stations, "ingest_ratings", lambda *_: time.sleep(60))
    database = tmp_path / "films.duckdb"
    for _ in range(2):  # the second finds the lock free
        with pytest.raises(CineclusterError, match="--max-hours"):
            retrain.fn(source=tmp_path, database=database, reports=tmp_path / "reports", max_hours=5e-4)
    assert not database.exists()
    assert not list(tmp_path.rglob("build-*"))


@pytest.mark.parametrize("flow", [retrain, evaluate, favourite])
def test_every_end_but_a_good_one_is_told(flow: object) -> None:
    for hooks in ("on_failure_hooks", "on_crashed_hooks", "on_cancellation_hooks"):
        assert notify_webhook in getattr(flow, hooks)
