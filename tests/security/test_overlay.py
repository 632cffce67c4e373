# ruff: noqa: S603
"""The overlay: one state a query, whatever is in its file, and none in a copy of the tables."""

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from tasks.favourites import overlay
from tasks.favourites.change import change_favourites
from tasks.favourites.overlay import Overlay, with_history
from tasks.published.export import export_tables
from tasks.published.publish import history
from tasks.published.read import look_up
from tasks.published.versions import overlay_of, versions_of
from tests.security.conftest import copy_of

SECOND = 1_000_000


def read(database: Path, query: str) -> list[tuple]:
    """Return what somebody who only has the path and DuckDB reads."""
    with duckdb.connect(database, read_only=True) as connection:
        return connection.execute(query).fetchall()


def overlay_path(database: Path) -> Path:
    return overlay_of(database, history(database)[-1])


FLIP = """
import sys, time
from pathlib import Path
from tasks.favourites.overlay import Overlay, read_overlay, replace_overlay
path = Path(sys.argv[1])
here = Overlay({
    "favourites": [{"user_id": 500, "movie_id": 1, "changed_at": "2026-01-01", "is_favourite": True}],
    "user_clusters": [{"user_id": 500, "is_new": True, "cluster": 0, "fine_cluster": 0}],
    "recommendations": [{"user_id": 500, "cluster": 0, "movie_ids": [2], "scores": [1.0], "item_scores": [0.0]}],
}, 1)
print(flush=True)
ends = time.monotonic() + float(sys.argv[2])
while time.monotonic() < ends:
    for state in (here, Overlay({}, 1)):
        replace_overlay(path, read_overlay(path), state)
"""
ONE_STATE = """
    select
        (select count(*) from favourites where user_id = 500),
        (select count(*) from user_clusters where user_id = 500),
        (select count(*) from recommendations where user_id = 500)
"""


def states_seen(database: Path, seconds: float) -> Counter:
    """Return what queries saw of user 500, whom another process lets come and go as fast as it gets."""
    writer = [sys.executable, "-c", FLIP, str(overlay_path(database)), str(seconds)]
    seen: Counter = Counter()
    with (
        subprocess.Popen(writer, stdout=subprocess.PIPE) as process,
        duckdb.connect(database, read_only=True) as reader,
    ):
        process.stdout.readline()
        while process.poll() is None:
            seen.update(reader.execute(ONE_STATE).fetchall())
    assert process.returncode == 0
    return seen


def test_a_query_that_joins_views_sees_one_state(database):
    seen = states_seen(database, 5.0)
    assert seen.total() > 20
    assert set(seen) == {(0, 0, 0), (1, 1, 1)}


def test_rows_hold_from_one_moment_until_another():
    one, other = {"movie_id": 1}, {"movie_id": 2}
    first = with_history(Overlay({}, 0), Overlay({"favourites": [one]}, 1), 100 * SECOND)
    assert [(row["content"], row["since"]) for row in first] == [(one, 100 * SECOND)]
    second = with_history(Overlay({}, 1, first), Overlay({"favourites": [one, other]}, 2), 101 * SECOND)
    assert [(row["since"], row.get("until")) for row in second] == [(100 * SECOND, None), (101 * SECOND, None)]
    third = with_history(Overlay({}, 2, second), Overlay({"favourites": [other]}, 3), 102 * SECOND)
    assert [(row["content"], row.get("until")) for row in third] == [(one, 102 * SECOND), (other, None)]
    much_later = with_history(Overlay({}, 3, third), Overlay({"favourites": [other]}, 4), 1000 * SECOND)
    assert [row["content"] for row in much_later] == [other]


def test_a_clock_set_back_hides_nothing(database, monkeypatch):
    with monkeypatch.context() as patch:
        later = time.time() + 3600
        patch.setattr(overlay, "time", type("Clock", (), {"time": lambda: later, "sleep": lambda _: None}))
        change_favourites(database, [(2, 1)])
    change_favourites(database, [(2, 3)])
    assert read(database, "select movie_id from favourites where user_id = 2 and movie_id < 9 order by all") == [
        (1,),
        (3,),
    ]


DAMAGE = {
    "truncated": lambda text: text[: len(text) // 2],
    "empty": lambda _: b"",
    "NUL": lambda _: b"\0" * 100,
    "not UTF-8": lambda _: b"\xff\xfe\xfa",
    "a list": lambda _: b"[]",
    "a number": lambda _: b"7",
    "null": lambda _: b"null",
    "deep": lambda _: b"[" * 100_000,
    "other rows": lambda _: b'{"rows": [7, null, {"name": 3, "content": []}], "n_changes": 1}',
    "no rows": lambda _: b'{"n_changes": 1}',
    "rows of text": lambda _: b'{"n_changes": "x", "rows": "y"}',
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_overlay_fails_no_reader_and_is_made_again(damage, database, tmp_path):
    change_favourites(database, [(2, 1)])
    path = overlay_path(database)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    assert (2, 1) not in read(database, "select user_id, movie_id from favourites")
    assert look_up(database, 2, 3).favourites
    export_tables(database, tmp_path)
    assert change_favourites(database, [(2, 1)]) == 0
    assert (2, 1) in read(database, "select user_id, movie_id from favourites")


def test_a_folder_in_the_place_of_the_overlay_makes_way(database):
    path = overlay_path(database)
    (path / "theirs").mkdir(parents=True)
    assert look_up(database, 2, 3).favourites
    change_favourites(database, [(2, 1)])
    assert (2, 1) in read(database, "select user_id, movie_id from favourites")
    [folder] = path.parent.glob(".*.folder")
    assert (folder / "theirs").is_dir()
    shutil.rmtree(folder)


def test_a_link_in_the_place_of_the_overlay_is_replaced_and_not_followed(database, tmp_path):
    (tmp_path / "mine").write_text("mine")
    overlay_path(database).parent.mkdir(exist_ok=True)
    overlay_path(database).symlink_to(tmp_path / "mine")
    change_favourites(database, [(2, 1)])
    assert (tmp_path / "mine").read_text() == "mine"
    assert (2, 1) in read(database, "select user_id, movie_id from favourites")


def test_a_copy_shows_its_own_favourites_and_not_those_of_the_original(database, tmp_path):
    copy = copy_of(database, tmp_path / "elsewhere" / "films.duckdb")
    change_favourites(database, [(2, 1)])
    assert (2, 1) not in read(copy, "select user_id, movie_id from favourites")
    change_favourites(copy, [(4, 1)])
    assert "Rocket 1 (1951)" in {movie.title for movie in look_up(copy, 4, 20).favourites}
    assert "Rocket 1 (1951)" not in {movie.title for movie in look_up(database, 4, 20).favourites}
    with duckdb.connect(copy, read_only=True) as connection:
        connection.execute("set variable overlay = $path", {"path": str(overlay_path(copy))})
        assert connection.execute("from favourites where user_id in (2, 4) and movie_id = 1").fetchall()[0][:2] == (
            4,
            1,
        )


def test_every_way_to_the_file_shows_the_favourites(database, tmp_path, monkeypatch):
    change_favourites(database, [(2, 1)])
    (tmp_path / "link.duckdb").symlink_to(database)
    (tmp_path / "folder").symlink_to(database.parent)
    monkeypatch.chdir(tmp_path)
    version = versions_of(database) / f"{history(database)[-1]}.duckdb"
    ways = (database, "link.duckdb", "folder/films.duckdb", f"./folder/../{os.path.relpath(database)}", version)
    for way in ways:
        assert (2, 1) in read(way, "select user_id, movie_id from favourites"), way
    with duckdb.connect() as connection:
        connection.execute(f"attach '{database}' as films (read_only)")
        assert (2, 1) in connection.execute("select user_id, movie_id from films.favourites").fetchall()


def test_who_may_read_the_tables_may_read_what_changed_since(database):
    versions, before = versions_of(database), os.umask(0o077)
    modes = {path: path.stat().st_mode for path in (database, versions)}
    try:
        database.chmod(0o644)
        versions.chmod(0o700)
        change_favourites(database, [(2, 1)])
        path = overlay_path(database)
        assert [stat.S_IMODE(p.stat().st_mode) for p in (versions, path.parent, path)] == [0o755, 0o755, 0o644]
        database.chmod(0o640)
        change_favourites(database, [(2, 3)])
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(before)
        for path, mode in modes.items():
            path.chmod(mode)


def test_the_file_says_how_much_of_the_log_it_has(database):
    change_favourites(database, [(2, 1), (500, 3)])
    content = json.loads(overlay_path(database).read_text())
    assert content["n_changes"] == 2
    assert {"name", "content", "since"} == {key for row in content["rows"] for key in row}
