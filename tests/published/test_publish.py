"""Publishing: one at a time, in one step for readers, with a way back."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tasks.engine.duckdb import run
from tasks.errors import CineclusterError
from tasks.files import alone_in
from tasks.published.publish import (
    hold_lock,
    new_build,
    publish_tables,
    published_runs,
    restore_reports,
    roll_back,
    versions,
)
from tasks.published.versions import versions_of
from tests.conftest import connect

READER = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    for _ in range(2):
        print(connection.execute("select max(run_id) from runs").fetchone()[0], flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def database(tmp_path):
    """Where to publish."""
    return tmp_path / "data" / "films.duckdb"


def publish(database: Path, keep: int = 3) -> str:
    """Publish a run with a list of runs and one picture, which is its run_id; return that."""
    with new_build(database) as build:
        history = published_runs(database)
        with connect(build.database) as connection:
            run(connection, "published/runs")
            connection.register("history", history)
            connection.execute("insert into runs by name from history")
            connection.execute("insert into runs (run_id) values ($1)", [build.run_id])
            run(connection, "report/reports")
            connection.execute("insert into reports values ('elbow.png', $1::varchar::blob)", [build.run_id])
        publish_tables(build, database, keep)
    return build.run_id


def run_ids(database: Path) -> list[str]:
    """The run_ids in the published file."""
    return published_runs(database)["run_id"].to_list()


def test_published_file_is_the_build_and_nothing_else_is_left(database):
    run_id = publish(database)
    assert run_ids(database) == [run_id]
    assert sorted(path.name for path in database.parent.iterdir()) == [".films", "films.duckdb"]
    assert sorted(path.name for path in versions_of(database).iterdir()) == [f"{run_id}.duckdb", "lock"]
    assert database.samefile(versions_of(database) / f"{run_id}.duckdb"), "a second name, not a second copy"


def test_runs_are_taken_over_oldest_first(database):
    published = [publish(database) for _ in range(3)]
    assert run_ids(database) == published
    columns = ["run_id", "started_at", "finished_at", "schema_version", "config", "versions", "metrics"]
    assert published_runs(database).columns == columns


def test_as_many_versions_are_kept_as_wanted(database):
    published = [publish(database, keep=2) for _ in range(4)]
    assert [path.stem for path in versions(database)] == published[:1:-1]
    publish(database, keep=1)
    assert len(versions(database)) == 1
    assert database.exists()


def test_a_file_system_without_hard_links_has_copies(database, monkeypatch):
    def no_links(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    first, second = publish(database), publish(database)
    assert run_ids(database) == [first, second]
    assert sorted(path.suffix for path in versions_of(database).iterdir()) == ["", ".duckdb", ".duckdb"]


def test_left_over_builds_are_removed_and_versions_are_not(database):
    run_id = publish(database)
    folder = versions_of(database)
    dead = "build-20260101T030405-abcd"
    for name in (f"{dead}.duckdb", f"{dead}.duckdb.wal", dead.replace("-", "-link-", 1) + ".duckdb"):
        (folder / name).write_text("half a run")
    (folder / f"{dead}.duckdb.tmp").mkdir()
    (folder / f"{dead}.duckdb.tmp" / "spill").write_text("spilled")
    with new_build(database) as build:
        assert sorted(path.name for path in folder.iterdir()) == [f"{run_id}.duckdb", "lock"]
        assert build.database.parent == folder
    assert run_ids(database) == [run_id]


def test_a_failing_run_leaves_no_build_and_the_published_file_as_it_was(database):
    publish(database)
    before = database.read_bytes()
    with pytest.raises(ZeroDivisionError), new_build(database) as build, connect(build.database) as connection:
        connection.execute("create table t as select 1 as i")
        1 / 0  # noqa: B018
    assert list(versions_of(database).glob("build-*")) == []
    assert database.read_bytes() == before


def hold(database: Path, pipe) -> None:
    """Hold the lock until something comes through the pipe, or its other end is closed."""
    with new_build(database):
        pipe.send("held")
        pipe.poll(60)


@pytest.fixture
def holder(database):
    """Another process that holds the lock."""
    processes = multiprocessing.get_context("fork")
    here, there = processes.Pipe()
    process = processes.Process(target=hold, args=(database, there))
    process.start()
    assert here.poll(30)
    yield process
    if process.is_alive():
        here.send("stop")
    process.join(30)


def test_second_run_is_told_who_holds_the_lock(database, holder):
    with (
        pytest.raises(CineclusterError, match=rf'another run holds the lock: .*"pid": {holder.pid}.*Wait for it'),
        new_build(database),
    ):
        pass
    with pytest.raises(CineclusterError, match=f'"pid": {holder.pid}'):  # and reading who it is changes nothing
        hold_lock(versions_of(database), "me").__enter__()


def test_lock_of_a_killed_run_is_free(database, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.join(30)
    with new_build(database) as build:
        assert json.loads((versions_of(database) / "lock").read_text())["run_id"] == build.run_id


def test_a_folder_that_cannot_be_written_to_is_an_error_that_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CineclusterError, match=r"file/\.films: cannot be written: Not a directory"):
        new_build(tmp_path / "file" / "films.duckdb").__enter__()


def test_a_build_that_was_not_closed_is_not_published(database):
    before = publish(database)
    with pytest.raises(RuntimeError, match="write-ahead log"), new_build(database) as build:
        build.database.touch()
        Path(f"{build.database}.wal").touch()
        publish_tables(build, database, 3)
    assert run_ids(database) == [before]
    assert list(versions_of(database).glob("build-*")) == []


def test_a_reader_keeps_reading_the_old_file_and_the_next_one_sees_the_new(database):
    old = publish(database, keep=1)
    reader = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", READER, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout.readline().strip() == old
    new = publish(database, keep=1)
    answer, _ = reader.communicate("\n\n", timeout=30)
    assert answer.strip() == old
    assert run_ids(database) == [old, new]


def test_pictures_come_out_of_the_published_file(database, tmp_path):
    reports = tmp_path / "reports"
    assert restore_reports(database, reports) == []
    run_id = publish(database)
    (reports / "mine.txt").write_text("mine")
    assert restore_reports(database, reports) == [reports / "elbow.png"]
    found = {path.name: path.read_text() for path in reports.iterdir() if path.name != ".cinecluster-reports"}
    assert found == {"elbow.png": run_id, "mine.txt": "mine"}


def test_a_picture_cannot_be_written_outside_of_the_folder(database, tmp_path):
    publish(database)
    version = next(versions_of(database).glob("2*.duckdb"))
    with connect(version) as connection:
        connection.execute("update reports set name = '../../elbow.png'")
    with pytest.raises(CineclusterError, match="not a database of cinecluster: it has a report"):
        restore_reports(database, tmp_path / "a" / "reports")
    assert not (tmp_path / "elbow.png").exists()


def test_roll_back_goes_one_version_back_each_time_with_its_pictures(database, tmp_path):
    reports = tmp_path / "reports"
    first, second, third = (publish(database) for _ in range(3))
    for expected in (second, first):
        assert roll_back(database, reports) == expected
        assert run_ids(database)[-1] == expected
        assert (reports / "elbow.png").read_text() == expected
    with pytest.raises(CineclusterError, match="no earlier version is kept"):
        roll_back(database, reports)
    assert run_ids(database) == [first]
    assert third in [path.stem for path in versions(database)]


def test_publishing_after_a_roll_back_follows_the_version_that_is_back(database, tmp_path):
    first, second = publish(database), publish(database)
    roll_back(database, tmp_path)
    third = publish(database)
    assert run_ids(database) == [first, third]
    assert roll_back(database, tmp_path) == first, "not the version that was rolled back"
    assert second in [path.stem for path in versions(database)]


def test_nothing_to_roll_back(database, tmp_path):
    with pytest.raises(CineclusterError, match="no such database"):
        roll_back(database, tmp_path)
    publish(database)
    with pytest.raises(CineclusterError, match="no earlier version is kept"):
        roll_back(database, tmp_path)


def test_rolling_back_waits_for_no_retrain(database, tmp_path):
    publish(database)
    publish(database)
    with new_build(database), pytest.raises(CineclusterError, match="another run holds the lock"):
        roll_back(database, tmp_path)


def test_published_runs_of_nothing_are_none(database):
    assert published_runs(database).rows() == []
    assert isinstance(published_runs(database), pl.DataFrame)


def test_a_foreign_database_is_not_taken_for_a_published_one(tmp_path):
    with duckdb.connect(tmp_path / "other.duckdb") as connection:
        connection.execute("create table t as select 1 as i")
    (tmp_path / "text.duckdb").write_text("userId,movieId,rating\n" * 1000)
    for name in ("other.duckdb", "text.duckdb"):
        with pytest.raises(CineclusterError, match=rf"{name}: cannot be read as a database.*choose another --database"):
            published_runs(tmp_path / name)
    with pytest.raises(CineclusterError, match=r"is a folder. --database is a file"):
        published_runs(tmp_path)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("no tables"), lambda path: cut(path)])
def test_rolling_back_mends_what_was_lost_or_damaged(damage, database, tmp_path):
    first, _ = publish(database), publish(database)
    damage(versions(database)[0])
    if database.exists():
        damage(database)
    assert roll_back(database, tmp_path / "reports") == first
    assert run_ids(database) == [first]


def cut(path: Path) -> None:
    """Cut a file, as a broken copy is."""
    os.truncate(path, 20_000)


def test_a_link_stays_a_link_and_shares_lock_and_versions_with_its_file(database, tmp_path):
    first = publish(database)
    link = tmp_path / "link.duckdb"
    link.symlink_to(database)
    second = publish(link)
    assert link.is_symlink()
    assert run_ids(database) == run_ids(link) == [first, second]
    assert roll_back(link, tmp_path) == first
    assert run_ids(database) == [first]


def test_files_that_differ_in_their_suffix_keep_versions_of_their_own(database):
    folders = {versions_of(database.with_name(name)) for name in ("films.duckdb", "films.db", "films", "Films.duckdb")}
    assert len(folders) == 4
    assert versions_of(database).name == ".films"


def test_two_databases_share_a_folder_of_pictures_and_never_mix_them(tmp_path):
    one, other = tmp_path / "one.duckdb", tmp_path / "other.duckdb"
    publish(one)
    publish(other)
    with alone_in(tmp_path):
        waiting = threading.Thread(target=restore_reports, args=(one, tmp_path), daemon=True)
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert not (tmp_path / "elbow.png").exists()
    waiting.join(30)
    assert (tmp_path / "elbow.png").read_text() == run_ids(one)[-1]
