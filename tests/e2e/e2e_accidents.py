"""What goes wrong on a team's own server; each test goes on where the one before it ended."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from flows.retrain import retrain
from tasks.favourites.change import change_favourites
from tests.conftest import quick_pictures
from tests.e2e.host import DEPLOYMENT, Host, favourites_of, published, set_up, wait_for

SLOW = {"max_clusters": 100, "n_init": 100, "elbow_users": 100}  # minutes in the elbow, stoppable at any time


@pytest.fixture(scope="module", autouse=True)
def working(host: Host, source: Path) -> None:
    """Have a worker, published tables, and favourites since."""
    set_up(host)
    database = host.checkout / "data/cinecluster.duckdb"
    with quick_pictures():
        retrain.fn(source=source, database=database, reports=host.checkout / "reports", n_clusters=5, max_clusters=2)
    with duckdb.connect(database, read_only=True) as connection:
        [(movie_id,)] = connection.execute("select movie_id from overall_favourites where rank = 1").fetchall()
    change_favourites(database, [(900_002, movie_id)])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("parameter", "reason"),
    [
        ("top_n=abc", "'top_n'"),
        ('top_n={"a": [1]}', "'top_n'"),
        ("min_rating=NaN", "'min_rating'"),
        ("seed=-1", "'seed'"),
        (f"first_users={10**30}", "'first_users'"),
        ("n_clusters=1e308", "'n_clusters'"),
        ("preset=../../etc/passwd", "'preset'"),
        ("memory_limit=9999999999GB", "'memory_limit'"),
        ("evaluate=perhaps", "'evaluate'"),
        ("no_such_option=1", "'no_such_option'"),
    ],
)
def test_the_server_refuses_hostile_values_in_a_line(host: Host, parameter: str, reason: str) -> None:
    before, runs = published(host), len(host.list_runs())
    refused = host.prefect("deployment", "run", DEPLOYMENT, "--param", parameter)
    said = refused.stdout.strip()
    assert refused.returncode == 1, said
    assert reason in said
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 8, said
    assert (published(host), len(host.list_runs())) == (before, runs)


def test_a_second_run_is_cancelled_and_cancelling_stops_the_work(host: Host, source: Path) -> None:
    before = published(host)
    first = host.start_run(source=source, **SLOW)
    second = host.wait_for_state(host.create_run(source=source), {"CANCELLED"})
    assert "concurrency limit" in second["state"]["message"]

    pid = int(host.read_run(first)["infrastructure_pid"])
    assert is_alive(pid)
    assert host.prefect("flow-run", "cancel", first).returncode == 0
    host.wait_for_state(first, {"CANCELLED"}, 60)
    wait_for(lambda: not is_alive(pid), 30, "the process is gone")
    assert published(host) == before
    assert not list((host.checkout / "data/.cinecluster").glob("build-*"))


def test_a_run_whose_host_died_is_marked_as_crashed(host: Host, source: Path) -> None:
    before = published(host)
    zombie = host.start_run(source=source, **SLOW)
    pid = int(host.read_run(zombie)["infrastructure_pid"])
    wait_for(lambda: list((host.checkout / "data/.cinecluster").glob("build-*")), 60, "the build")
    host.kill("worker")
    if is_alive(pid):  # a process group of its own
        os.kill(pid, 9)
    host.stop("server")
    host.start_server()
    host.start_worker()
    assert host.read_run(zombie)["state_name"] == "Running"
    started = time.monotonic()
    crashed = host.wait_for_state(zombie, {"CRASHED"}, 200)
    print(f"marked as crashed after {time.monotonic() - started:.0f} s")
    assert "No heartbeat" in crashed["state"]["message"]
    assert published(host) == before


def test_the_next_scheduled_run_publishes(host: Host, source: Path) -> None:
    """It gets its turn: were the slot of the dead run still held, it would be cancelled."""
    before = published(host)
    soon = datetime.now(UTC) + timedelta(seconds=20)
    every_minute = {
        "schedule": {"interval": 60, "anchor_date": soon.isoformat()},  # a cron would begin with the next minute
        "active": True,
        "parameters": {"source": str(source), "n_clusters": 5},
    }
    path = f"deployments/{host.deployment['id']}/schedules"
    (schedule,) = host.call("POST", path, [every_minute])
    wait_for(lambda: published(host) != before, 150, "the scheduled run publishes")
    host.call("DELETE", f"{path}/{schedule['id']}")
    [run, *_] = wait_for(lambda: host.list_runs(type={"any_": ["COMPLETED"]}), 30, "the scheduled run is done")
    assert run["auto_scheduled"]
    assert run["parameters"]["n_clusters"] == 5
    assert favourites_of(host, 900_002), "the log is read by every retrain"
    assert not list((host.checkout / "data/.cinecluster").glob("build-*"))
