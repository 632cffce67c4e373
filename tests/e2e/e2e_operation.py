"""A team's own server, from the first command on: each test goes on where the one before it ended."""

import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from adbc_driver_postgresql import dbapi

from tasks.source.demo_data import make_demo_data
from tests.e2e.host import DEPLOYMENT, EXPORT, POOL, Host, wait_for

HOSTILE = "<img src=x onerror=alert(1)> [free](javascript:alert(2)) | **now**"
SLOW = {"max_clusters": 100, "n_init": 100, "elbow_users": 100}  # minutes in the elbow, stoppable at any time
SECONDS_WITHOUT_HEARTBEAT = 80  # instead of those of deploy/zombie-runs.yaml; one comes every 30 seconds


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with Host(tmp_path_factory.mktemp("host")) as host:
        host.start_server()
        yield host


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Demo data of 20,000 ratings, every title with markup in it."""
    folder = tmp_path_factory.mktemp("source")
    make_demo_data(folder, 20_000, seed=1)
    movies = pl.read_csv(folder / "movies.csv").with_columns(
        pl.format("{} {}", pl.lit(HOSTILE), "title").alias("title")
    )
    movies.write_csv(folder / "movies.csv")
    return folder


def published(host: Host) -> tuple[int, ...]:
    """Return what changes with every published file."""
    status = (host.checkout / "data/cinecluster.duckdb").stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_four_commands_set_it_up(host: Host) -> None:
    for command in (
        ("work-pool", "create", POOL, "--type", "process", "--overwrite"),
        ("--no-prompt", "deploy", "--all"),
        ("automation", "create", "--from-file", str(shortened_automation(host))),
    ):
        done = host.prefect(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    host.start_worker()
    assert host.deployment["description"].startswith("Reads the ratings")
    assert host.deployment["tags"] == ["cinecluster", "movie-recommendations"]


def shortened_automation(host: Host) -> Path:
    text = (host.checkout / "deploy/zombie-runs.yaml").read_text()
    assert "within: 120" in text
    short = host.folder / "zombie-runs.yaml"
    short.write_text(text.replace("within: 120", f"within: {SECONDS_WITHOUT_HEARTBEAT}"))
    return short


def test_the_schedule_makes_runs_at_three_in_berlin(host: Host) -> None:
    runs = wait_for(lambda: host.list_runs(type={"any_": ["SCHEDULED"]}), 90, "scheduled runs")
    starts = [datetime.fromisoformat(run["expected_start_time"]) for run in runs]
    assert {f"{start.astimezone(ZoneInfo('Europe/Berlin')):%H:%M}" for start in starts} == {"03:00"}
    assert len({start.date() for start in starts}) == len(starts) >= 2
    assert all(run["auto_scheduled"] for run in runs)


def test_the_form_of_parameters_has_descriptions_and_bounds(host: Host) -> None:
    properties = host.deployment["parameter_openapi_schema"]["properties"]
    assert all(option.get("description") for option in properties.values())
    assert (properties["top_n"]["minimum"], properties["top_n"]["maximum"]) == (1, 1000)
    refused = host.prefect("deployment", "run", DEPLOYMENT, "--param", "top_n=0")
    assert refused.returncode == 1
    assert "0 is less than the minimum of 1" in refused.stdout + refused.stderr


def test_a_run_on_demand_publishes(host: Host, source: Path) -> None:
    code, run = host.run_and_watch(source=source, n_clusters=15)
    assert (code, run["state_name"]) == (0, "Completed"), run["state"]["message"]
    assert run["name"] == f"{source.name}, preset default"
    with duckdb.connect(host.checkout / "data/cinecluster.duckdb", read_only=True) as connection:
        users, recommended = connection.execute(
            "select count(*), (select count(distinct user_id) from recommendations) from user_clusters"
        ).fetchall()[0]
    assert users == recommended > 50
    assert len(list((host.checkout / "reports").glob("*.png"))) >= 6

    artifacts = host.list_artifacts(run["id"])
    assert {f"retrain-{name}" for name in ("result", "tables", "clusters", "elbow", "pictures", "options")} <= set(
        artifacts
    )
    assert "20,000" in artifacts["retrain-result"]["data"]
    assert "**15**" in artifacts["retrain-elbow"]["data"]
    assert artifacts["retrain-pictures"]["data"].count("data:image/webp;base64,") == 6
    assert any(artifact["type"] == "progress" and artifact["data"] == 100 for artifact in artifacts.values())
    clusters = artifacts["retrain-clusters"]["data"]
    assert r"\<img src\=x onerror\=alert\(1\)\>" in clusters
    assert "<img" not in clusters.replace(r"\<img", "")


def test_an_export_follows_the_run_and_is_skipped_where_no_database_is_named(host: Host) -> None:
    def ended() -> list[str]:
        deployment = host.call("GET", f"deployments/name/{EXPORT}")["id"]
        wanted = {"deployment_id": {"any_": [deployment]}, "state": {"type": {"any_": ["COMPLETED", "FAILED"]}}}
        return [run["state_name"] for run in host.call("POST", "flow_runs/filter", {"flow_runs": wanted})]

    assert wait_for(ended, 120, "the export has run") == ["Skipped"]


def test_an_export_goes_where_a_secret_block_says(host: Host, app_database: str) -> None:
    save = (
        "import sys; from prefect.blocks.system import Secret; Secret(value=sys.argv[1]).save('cinecluster-postgresql')"
    )
    address = app_database.replace("postgres@", "postgres:open-sesame@")
    assert host.run(sys.executable, "-c", save, address).returncode == 0
    code, run = host.run_and_watch(EXPORT)
    assert (code, run["state_name"]) == (0, "Completed"), run["state"]["message"]
    with dbapi.connect(app_database) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from cinecluster.recommendations")
        assert cursor.fetchall()[0][0] > 1000
    kept = [path for path in host.folder.rglob("*") if path.is_file() and b"open-sesame" in path.read_bytes()]
    assert kept == [], "no log and no table of the server has the password"
    assert host.prefect("--no-prompt", "block", "delete", "secret/cinecluster-postgresql").returncode == 0


def favourites_of(host: Host, user_id: int) -> set[int]:
    with duckdb.connect(host.checkout / "data/cinecluster.duckdb", read_only=True) as connection:
        rows = connection.execute("select movie_id from favourites where user_id = $1", [user_id]).fetchall()
    return {movie_id for (movie_id,) in rows}


def test_favourites_on_demand(host: Host) -> None:
    before = published(host)
    with duckdb.connect(host.checkout / "data/cinecluster.duckdb", read_only=True) as connection:
        liked = connection.execute("select movie_id from overall_favourites order by rank limit 3").fetchall()
        one, two, three = (movie_id for (movie_id,) in liked)
        code, run = host.run_and_watch("favourite/on-demand", user_id=900_001, movie_id=one)
        assert (code, run["name"]) == (0, f"user 900001, movie {one}")
        code, run = host.run_and_watch("favourite/on-demand", pairs=f"[[900001, {two}], [900002, {three}]]")
        assert (code, run["name"]) == (0, "2 pairs")
        recommended = "select count(*) from recommendations where user_id in (900001, 900002)"
        assert connection.execute(recommended).fetchall() == [(40,)], "in a connection that was open before"
    assert (favourites_of(host, 900_001), favourites_of(host, 900_002)) == ({one, two}, {three})
    code, run = host.run_and_watch("favourite/on-demand", user_id=900_001, movie_id=one, remove="true")
    assert code == 0
    assert favourites_of(host, 900_001) == {two}
    code, run = host.run_and_watch("favourite/on-demand", user_id=900_001, movie_id=987_654)
    assert (code, run["state_name"]) == (1, "Failed")
    assert "Movie 987654 is unknown" in run["state"]["message"]
    assert published(host) == before


def test_an_evaluation_leaves_the_tables_and_shows_how_everyone_did(host: Host, source: Path) -> None:
    before = published(host)
    code, run = host.run_and_watch("evaluate/weekly", source=source, evaluate_users=100, budget_minutes=0.1)
    assert (code, run["state_name"]) == (0, "Completed"), run["state"]["message"]
    standings = host.list_artifacts(run["id"])["evaluation"]["data"]
    assert all(name in standings for name in ("cinecluster", "overall favourites", "ALS", "EASE"))
    assert (host.checkout / "data/evaluation.duckdb").exists()
    assert published(host) == before


def test_a_run_that_fails_says_why_and_leaves_the_tables(host: Host) -> None:
    before = published(host)
    code, run = host.run_and_watch(source="/no/such/folder")
    assert (code, run["state_name"]) == (1, "Failed")
    assert "/no/such/folder" in run["state"]["message"]
    assert "CineclusterError" in run["state"]["message"]
    assert published(host) == before
    posted = host.webhook.wait_for(run["id"])
    assert (posted["flow"], posted["state"]) == ("retrain", "Failed")
    assert "/no/such/folder" in posted["text"]
    assert posted["url"].endswith(run["id"])


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
    said = (refused.stdout + refused.stderr).strip()
    assert refused.returncode == 1, said
    assert reason in said
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 8, said
    assert (published(host), len(host.list_runs())) == (before, runs)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"database": "../../../../../../etc/passwd"}, "etc/passwd"),
        ({"source": "/etc/passwd"}, "/etc/passwd"),
        ({"memory_limit": "1KB"}, "memory_limit"),
    ],
)
def test_a_run_refuses_hostile_paths_and_numbers_with_a_reason(
    host: Host, parameters: dict[str, str], reason: str
) -> None:
    before, passwords = published(host), Path("/etc/passwd").read_bytes()
    code, run = host.run_and_watch(**parameters)
    assert (code, run["state_name"]) == (1, "Failed")
    assert reason in run["state"]["message"]
    print(run["state"]["message"])
    assert (published(host), Path("/etc/passwd").read_bytes()) == (before, passwords)


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
    every_minute = {
        "schedule": {"cron": "* * * * *", "timezone": "Europe/Berlin"},
        "active": True,
        "parameters": {"source": str(source), "n_clusters": 5},
    }
    path = f"deployments/{host.deployment['id']}/schedules"
    (schedule,) = host.call("POST", path, [every_minute])
    wait_for(lambda: published(host) != before, 150, "the scheduled run publishes")
    host.call("DELETE", f"{path}/{schedule['id']}")
    run = wait_for(lambda: host.list_runs(type={"any_": ["COMPLETED"]})[1:], 30, "the scheduled run is done")[-1]
    assert run["auto_scheduled"]
    assert run["parameters"]["n_clusters"] == 5
    assert favourites_of(host, 900_002), "the log is read by every retrain"
    assert not list((host.checkout / "data/.cinecluster").glob("build-*"))


def test_serve_runs_the_deployments_without_a_worker(host: Host) -> None:
    host.stop("worker")
    refused = host.run("cinecluster", "serve")
    assert refused.returncode == 1
    commands = [line for line in refused.stderr.splitlines() if line.startswith("prefect deployment delete ")]
    assert len(commands) == 5
    for command in commands:
        assert host.run(*command.split(), "--no-prompt").returncode == 0
    host.start("serve", "cinecluster", "serve")
    wait_for(lambda: "retrain/nightly" in host.log("serve").read_text(), 120, "the deployments are served")
    assert [schedule["schedule"]["cron"] for schedule in host.deployment["schedules"]] == ["0 3 * * *"]
    code, run = host.run_and_watch(source="/no/such/folder")
    assert (code, run["state_name"]) == (1, "Failed")
    assert "/no/such/folder" in run["state"]["message"]
