"""What is published, as people and programs are told."""

import fcntl
import json
import re
from datetime import UTC, datetime

import pytest

from flows.cli import main
from flows.cli_read import quality_of
from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.published.publish import hold_lock, published_runs, roll_back
from tasks.published.read import connect_to_published, look_up
from tasks.published.status import (
    lock_holder,
    metric_lines,
    read_status,
    read_versions,
    require_metrics_of_ours,
    write_metrics,
)
from tasks.published.versions import versions_of
from tests.conftest import publish, rows, two_tastes


@pytest.fixture
def place(tmp_path):
    """Where nothing is published yet."""
    return tmp_path / "elsewhere" / "films.duckdb"


@pytest.fixture
def database(published):
    """Published tables, one version."""
    return published.database


def outcome(arguments, capsys):
    """Run the command; return its exit code, output and errors."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code or 0, *capsys.readouterr()


def test_status_counts_what_the_tables_hold(database):
    found = read_status(database)
    with connect_to_published(database) as connection:
        for table, count in {
            "ratings": found.n_ratings,
            "favourites": found.n_favourites,
            "(select distinct user_id from ratings)": found.n_users,
            "user_clusters": found.n_users_with_favourites,
            "recommendations": found.n_recommendations,
        }.items():
            assert len(rows(connection, f"from {table}")) == count
    assert found.versions == [found.run_id] == published_runs(database)["run_id"].to_list()
    assert 0 < found.seconds < 600
    assert 0 <= found.age.total_seconds() < 3600
    assert found.lock_holder is None


def test_quality_is_what_the_run_measured(database):
    with connect_to_published(database) as connection:
        [(mean,)] = rows(connection, "select avg(ndcg) from held_out_quality")
    found = read_status(database)
    assert found.quality == pytest.approx(mean)
    assert f"cinecluster_quality {found.quality!r}\n" in "".join(metric_lines(found))
    assert (found.quality_change, found.quality_change_low, found.quality_change_high) == (None, None, None)


def test_quality_is_told_with_its_change_where_there_is_one(database):
    found = read_status(database)
    assert quality_of(found._replace(quality=None)) == "not measured"
    assert "no run of the same users before" in quality_of(found)
    found = found._replace(quality=0.3, quality_change=-0.01, quality_change_low=-0.031, quality_change_high=0.0125)
    changes = "\N{MINUS SIGN}1.0 % since the run before (95 % interval \N{MINUS SIGN}3.1 % to +1.2 %)"
    assert quality_of(found) == f"NDCG@10 0.3000, {changes}"
    assert "cinecluster_quality_change -0.01\n" in "".join(metric_lines(found))


def test_status_on_the_command_line(database, capsys):
    code, output, error = outcome(["status", "--database", database], capsys)
    assert (code, error) == (0, "")
    for text in (read_status(database).run_id, "hours ago", "ratings", "NDCG@10", "free"):
        assert text in output
    code, output, _ = outcome(["status", "--json", "--database", database], capsys)
    assert code == 0
    told = json.loads(output)
    assert told["run_id"] == read_status(database).run_id
    assert told["n_ratings"] == read_status(database).n_ratings
    assert datetime.fromisoformat(told["finished_at"]) <= datetime.now(UTC)


def test_old_or_missing_tables_are_exit_code_1(database, place, capsys):
    assert outcome(["status", "--max-age", "1", "--database", database], capsys)[0] == 0
    code, output, error = outcome(["status", "--json", "--max-age", "1e-9", "--database", database], capsys)
    assert code == 1
    assert json.loads(output)["run_id"] == read_status(database).run_id
    assert "hours old, more than --max-age 1e-09." in error
    code, _, error = outcome(["status", "--database", place], capsys)
    assert code == 1
    assert "no such database" in error
    assert outcome(["status", "--max-age", "nan", "--database", database], capsys)[0] != 0
    assert not versions_of(place).exists(), "who only looks makes nothing"


def test_status_says_who_holds_the_lock_and_leaves_it_alone(database, capsys):
    with hold_lock(versions_of(database), "20261122T174147-f45c"):
        assert json.loads(read_status(database).lock_holder)["run_id"] == "20261122T174147-f45c"
        assert "20261122T174147-f45c" in outcome(["status", "--database", database], capsys)[1]
    assert lock_holder(database) is None
    assert read_status(database).lock_holder is None


def test_a_run_that_begins_while_somebody_looks_waits(database, monkeypatch):
    with (versions_of(database) / "lock").open() as look:
        fcntl.flock(look, fcntl.LOCK_SH)
        monkeypatch.setattr("tasks.published.publish.time.sleep", lambda seconds: fcntl.flock(look, fcntl.LOCK_UN))
        with hold_lock(versions_of(database), "me"):
            assert '"me"' in lock_holder(database)


def test_versions_and_rolling_back_and_forwards(published, capsys):
    first, place = published, published.database
    second = publish(place, two_tastes(24))
    third = publish(place)
    elbow = third.reports / "elbow.png"
    newest = elbow.read_bytes()
    change_favourites(place, [(2, 1)])
    everybody = [third.run_id, second.run_id, first.run_id]
    for run in (first, third, second):
        code, output, _ = outcome(
            ["rollback", "--to", run.run_id, "--database", place, "--reports", run.reports], capsys
        )
        assert code == 0
        assert f"is run {run.run_id} again." in " ".join(output.split())
        assert (elbow.read_bytes() == newest) == (run is third)
        assert [version.run_id for version in read_versions(place)] == everybody == read_status(place).versions
        assert [version.run_id for version in read_versions(place) if version.is_published] == [run.run_id]
        assert 1 in [movie.movie_id for movie in look_up(place, 2, 20).favourites], "the favourite came with it"
        code, output, _ = outcome(["versions", "--database", place], capsys)
        lines = [line for line in output.splitlines() if re.search(r"\d{8}T\d{6}-", line)]
        assert [re.search(r"\d{8}T\d{6}-\w{4}", line)[0] for line in lines] == everybody
        assert [line for line in lines if "published" in line] == [lines[everybody.index(run.run_id)]]


@pytest.mark.parametrize("to", ["20200101T000000-abcd", "../../etc/passwd", "lock", ""])
def test_a_version_that_is_not_kept_changes_nothing(to, database, capsys):
    inode = database.stat().st_ino
    code, _, error = outcome(["rollback", f"--to={to}", "--database", database, "--reports", database.parent], capsys)
    assert code == 1
    assert f"no version {to!r} is kept, only {read_status(database).run_id}." in error
    assert database.stat().st_ino == inode


def test_a_damaged_version_is_not_published(published):
    first, place = published, published.database
    second = publish(place)
    version = versions_of(place) / f"{first.run_id}.duckdb"
    version.write_bytes(b"damaged")
    with pytest.raises(CineclusterError, match="cannot be read"):
        roll_back(place, first.reports, first.run_id)
    assert read_status(place).run_id == second.run_id


def test_metrics_are_a_textfile_for_prometheus(place):
    metrics = place.with_name("films.prom")
    publish(place, metrics=metrics)
    found = read_status(place)
    lines = metrics.read_text().splitlines()
    values = dict(line.split(" ") for line in lines if not line.startswith("#"))
    assert float(values.pop("cinecluster_last_success_timestamp_seconds")) == found.finished_at.timestamp()
    assert float(values.pop("cinecluster_duration_seconds")) == found.seconds
    assert float(values.pop("cinecluster_quality")) == found.quality
    assert {name: int(value) for name, value in values.items()} == {
        "cinecluster_ratings": found.n_ratings,
        "cinecluster_favourites": found.n_favourites,
        "cinecluster_users": found.n_users,
        "cinecluster_users_with_favourites": found.n_users_with_favourites,
        "cinecluster_recommendations": found.n_recommendations,
    }, "there was no run to compare the quality with"
    described = [line.split(" ")[2] for line in lines if line.startswith("# TYPE ")]
    assert described == [line.split(" ")[2] for line in lines if line.startswith("# HELP ")]
    assert set(values) < set(described)
    publish(place, metrics=metrics)
    assert metrics.read_text().splitlines() != lines
    assert [path.name for path in place.parent.iterdir() if ".prom" in path.name] == ["films.prom"]


def test_metrics_replace_no_other_file(database, place, tmp_path):
    other, link = tmp_path / "notes.txt", tmp_path / "link.prom"
    other.write_text("mine")
    link.symlink_to(other)
    for path in (other, link, tmp_path):
        with pytest.raises(CineclusterError, match="another --metrics"):
            write_metrics(database, path)
    with pytest.raises(CineclusterError, match="no such folder"):
        require_metrics_of_ours(tmp_path / "none" / "films.prom")
    with pytest.raises(CineclusterError, match="is not a file of an earlier run"):
        publish(place, metrics=other)
    assert other.read_text() == "mine"
    assert not place.exists(), "told before the work begins"
