"""A team's own server, from the first command on: each test goes on where the one before it ended."""

import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from adbc_driver_postgresql import dbapi

from tests.e2e.host import DEPLOYMENT, EXPORT, Host, favourites_of, published, set_up, wait_for


def test_four_commands_set_it_up(host: Host) -> None:
    set_up(host)
    assert host.deployment["description"].startswith("Reads the ratings")
    assert host.deployment["tags"] == ["cinecluster", "movie-recommendations"]


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
    assert "0 is less than the minimum of 1" in refused.stdout


def test_a_run_on_demand_publishes(host: Host, source: Path) -> None:
    code, run = host.run_and_watch(source=source, n_clusters=15, n_init=60)  # the elbow takes seconds, and says so
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


def test_serve_runs_the_deployments_without_a_worker(host: Host) -> None:
    host.stop("worker")
    refused = host.run("cinecluster", "serve")
    assert refused.returncode == 1
    commands = [line for line in refused.stderr.splitlines() if line.startswith("prefect deployment delete ")]
    assert len(commands) == 5
    for command in commands:
        assert host.prefect(*command.split()[1:], "--no-prompt").returncode == 0
    host.start("serve", "cinecluster", "serve")
    wait_for(lambda: "retrain/nightly" in host.log("serve").read_text(), 120, "the deployments are served")
    assert [schedule["schedule"]["cron"] for schedule in host.deployment["schedules"]] == ["0 3 * * *"]
    code, run = host.run_and_watch(source="/no/such/folder")
    assert (code, run["state_name"]) == (1, "Failed")
    assert "/no/such/folder" in run["state"]["message"]
