# ruff: noqa: S603
"""A file that somebody else writes to is whole: nobody is told to roll it back, and favourites are recorded."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.favourites.log import log_of, read_log
from tasks.published.publish import history, roll_back
from tasks.published.read import LockedError, look_up
from tasks.published.versions import versions_of
from tests.security.conftest import Place
from tests.security.test_overlay import read

WRITER = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.readline()"


@contextmanager
def held_open(database: Path) -> Iterator[int]:
    """Have another process hold a file open for writing; yield its id."""
    command = [sys.executable, "-c", WRITER, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.stdin.close()


def test_a_lock_is_told_as_a_lock_with_who_holds_it(database):
    with held_open(database) as holder, pytest.raises(LockedError) as caught:
        look_up(database, 1, 3)
    assert f"open for writing in {sys.executable}" in str(caught.value) or "python" in str(caught.value)
    assert f"(process {holder})" in str(caught.value)
    assert "rollback" not in str(caught.value)
    assert "not damaged" in str(caught.value)


def test_a_favourite_is_recorded_all_the_same_and_appears_when_the_lock_is_gone(database):
    with held_open(database):
        for _ in range(2):
            with pytest.raises(LockedError, match=r"is recorded in .*films-favourites\.csv"):
                change_favourites(database, [(2, 1)])
        with pytest.raises(CineclusterError, match="ids are whole numbers"):
            change_favourites(database, [(2, 0)])
    assert read_log(database).select("user_id", "movie_id").rows() == [(2, 1)]
    assert change_favourites(database, [(2, 1)]) == 0
    assert (2, 1) in read(database, "select user_id, movie_id from favourites")


def test_a_movie_that_nobody_could_check_changes_nothing_if_it_is_unknown(database):
    before = read(database, "from favourites order by all")
    with held_open(database), pytest.raises(LockedError):
        change_favourites(database, [(2, 999)])
    change_favourites(database, [])
    assert read(database, "from favourites order by all") == before


def test_a_healthy_run_is_not_rolled_back_because_of_a_lock(published_place: Place):
    place, [first] = published_place, history(published_place.database)
    second = place.retrain() and history(place.database)[-1]
    with held_open(place.database), pytest.raises(LockedError):
        roll_back(place.database, place.reports)
    assert history(place.database) == [first, second]


def test_a_retrain_under_a_lock_says_so_and_leaves_everything(published_place: Place):
    place = published_place
    before = history(place.database)
    with held_open(place.database), pytest.raises(LockedError):
        place.retrain()
    assert history(place.database) == before


def test_a_file_system_without_locks_is_told(place: Place, database, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("tasks.files.fcntl.flock", flock)
    with pytest.raises(CineclusterError, match=r"/lock: its file system has no locks \(No locks available\)"):
        place.retrain()
    with pytest.raises(CineclusterError, match="favourites-lock: its file system has no locks"):
        change_favourites(database, [(2, 1)])
    assert not log_of(database).exists()


@pytest.mark.parametrize("suffix", [".duckdb", ".db", ".versions.duckdb", "", ".versions"])
def test_one_database_has_one_log_and_one_lock(suffix, tmp_path):
    database = tmp_path / f"films{suffix}"
    others = {tmp_path / f"films{other}" for other in (".duckdb", ".db", "", ".x", ".DUCKDB")} - {database}
    assert log_of(database) not in {log_of(other) for other in others}
    assert versions_of(database) not in {versions_of(other) for other in others}


def test_the_log_of_a_release_before_goes_on_where_its_name_stays(tmp_path):
    assert log_of(tmp_path / "films.duckdb") == tmp_path / "films-favourites.csv"


def test_a_log_under_its_former_name_is_not_forgotten(tmp_path):
    (tmp_path / "films-favourites.csv").write_text("changed_at,user_id,movie_id,change\n2026-01-01T00:00:00Z,1,2,add\n")
    with pytest.raises(CineclusterError, match=r"films-favourites\.csv: .*Rename it to films\.db\.versions"):
        read_log(tmp_path / "films.db")
    (tmp_path / "films.duckdb").touch()
    assert read_log(tmp_path / "films.db").is_empty(), "the log is that of films.duckdb"
