"""A server follows what is published, and the log of favourites, while it answers."""

import gc
import shutil
import threading
import time
from pathlib import Path

import pytest

from tasks.app.changes import Changes, state_of
from tasks.app.follow import Follower
from tasks.app.known import n_groups
from tasks.app.store import Store
from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.favourites.forget import forget_user
from tasks.favourites.log import complete_lines, log_of
from tasks.published.publish import roll_back
from tasks.published.read import connect_to_published
from tests.conftest import publish, rows


def open_files(folder: Path) -> list[str]:
    """The files in a folder, removed ones too, that this process has open."""
    found = []
    for handle in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(handle.readlink()))
        except OSError:
            continue
    return [name for name in found if name.startswith(str(folder)) and ".duckdb" in name]


def test_a_publish_and_a_rollback_are_followed_and_old_files_let_go(published, tmp_path):
    store = Store(published.database)
    first = store.tables.status.run_id
    held = store.tables
    assert open_files(tmp_path)
    store.follow()
    assert store.tables is held, "nothing was published"
    second = publish(published.database)
    store.follow()
    assert store.tables.status.run_id == second.run_id
    assert held.status.run_id == first
    assert store.person(1)[0] is store.tables
    roll_back(published.database, published.reports)
    store.follow()
    assert store.tables.status.run_id == first
    n_open = len(open_files(tmp_path))
    del held
    gc.collect()
    assert 0 < len(open_files(tmp_path)) < n_open
    del store
    gc.collect()
    assert open_files(tmp_path) == []


def test_what_cannot_be_read_is_not_followed_and_told(published, tmp_path, caplog):
    store = Store(published.database)
    aside = shutil.copy(published.database, tmp_path / "aside.duckdb")
    broken = tmp_path / "broken"
    broken.write_bytes(b"not a database at all" * 1000)
    broken.replace(published.database)
    for _ in range(3):
        store.follow()
    assert store.tables.status.run_id == published.run_id
    assert "films.duckdb: cannot be read" in store.problem
    assert len(caplog.records) == 1, "told once"
    published.database.unlink()
    store.follow()
    assert "no such database" in store.problem or "cannot be read" in store.problem
    Path(aside).replace(published.database)
    store.follow()
    assert (store.tables.status.run_id, store.problem) == (published.run_id, None)


def test_a_thread_follows_within_a_second(published):
    store = Store(published.database)
    worker = threading.Thread(target=store.keep_following)
    worker.start()
    try:
        second = publish(published.database)
        ends = time.monotonic() + 1
        while store.tables.status.run_id != second.run_id and time.monotonic() < ends:
            time.sleep(0.01)
        assert store.tables.status.run_id == second.run_id
        ends = time.monotonic() + 10
        while len(store.tables.known) < n_groups(store.tables) and time.monotonic() < ends:
            time.sleep(0.01)
        assert len(store.tables.known) == n_groups(store.tables), "users are read ahead"
    finally:
        store.is_ending.set()
        worker.join(10)
    assert not worker.is_alive()


def test_users_are_the_same_alone_and_in_their_group(published, monkeypatch):
    monkeypatch.setattr("tasks.app.known.USERS", 3)
    store = Store(published.database)
    with connect_to_published(published.database) as connection:
        users = [user for (user,) in rows(connection, "select distinct user_id from ratings order by 1")]
        alone = [store.person(user)[1] for user in users]
        while store.read_ahead():
            pass
        assert len(store.tables.known) == n_groups(store.tables) == 7
        assert users == [user for group in store.tables.known for user in group.users.tolist()], "everybody once"
        for user, before in zip(users, alone, strict=True):
            after = store.person(user)[1]
            assert (before.judged, before.cluster) == (after.judged, after.cluster)
            assert set(after.judged) == {
                m for (m,) in rows(connection, "select movie_id from seen where user_id=$1", user)
            }


def test_no_more_groups_are_kept_than_there_is_room_for(published, monkeypatch):
    monkeypatch.setattr("tasks.app.known.USERS", 3)
    monkeypatch.setattr("tasks.app.known.MOST_GROUPS", 2)
    store = Store(published.database)
    assert [store.read_ahead() for _ in range(3)] == [True, True, False]
    last = max(store.tables.lists.users.tolist())
    assert not store.is_at_hand(last)
    assert store.person(last)[1].judged


def test_nothing_published_or_a_former_release_is_an_error(tmp_path):
    with pytest.raises(CineclusterError, match=r"no such database. `cinecluster retrain` makes it"):
        Store(tmp_path / "none.duckdb")


def test_unknown_movies_and_bad_ids_are_refused_and_leave_no_line(published):
    store = Store(published.database)
    with pytest.raises(LookupError, match="Movie 777 is unknown"):
        store.change(1, 777, remove=False)
    with pytest.raises(CineclusterError, match="ids are whole numbers"):
        store.change(0, 1, remove=False)
    assert not log_of(published.database).exists()


def test_a_list_is_at_hand_once_the_group_is_read_and_the_user_has_a_place(published):
    store = Store(published.database)
    assert not store.is_at_hand(1)
    assert store.read_ahead()
    assert store.is_at_hand(1)
    assert store.is_at_hand(700), "unknown"
    change_favourites(published.database, [(700, 3), (1, 3)])
    assert not store.is_at_hand(700)
    assert store.is_at_hand(1)


def test_what_is_so_already_takes_no_line(published):
    told = []
    store = Store(published.database, lambda: told.append(1))
    assert [store.change(700, 3, remove=False) for _ in range(2)] == [1, 0]
    assert told == [1]


def test_the_log_is_read_from_where_one_stopped(published):
    database = published.database
    changes = Changes(database)
    changes.follow()
    assert changes.of(7) == {}
    change_favourites(database, [(7, 11)])
    changes.follow()
    before = changes.of(7)
    assert before[11].is_favourite
    change_favourites(database, [(7, 11)], remove=True)
    with log_of(database).open("a") as log:
        log.write("2026-01-01T00:00:00.0")  # a process that died while it wrote
    changes.follow()
    assert (changes.of(7)[11].is_favourite, before[11].is_favourite) == (False, True)
    change_favourites(database, [(8, 3)])
    changes.follow()
    assert set(changes.words) == {7, 8}
    forget_user(database, published.reports, 7)
    changes.follow()
    assert set(changes.words) == {8}
    log_of(database).unlink()
    changes.follow()
    assert changes.words == {}


def test_while_the_log_is_read_anew_nobody_sees_a_part_of_it(published, monkeypatch):
    log = log_of(published.database)
    changes = Changes(published.database)
    change_favourites(published.database, [(7, 11), (8, 11)])
    changes.follow()
    log.rename(log.with_suffix(".before"))
    shutil.copyfile(log.with_suffix(".before"), log)  # another file in its place
    seen = []
    monkeypatch.setattr("tasks.app.changes.seconds_of", lambda _: seen.append(set(changes.words)) or 0)
    changes.follow()
    assert seen == [{7, 8}, {7, 8}]


def test_a_line_that_comes_while_the_log_is_read_is_read_next(published, monkeypatch):
    database = published.database
    change_favourites(database, [(7, 11)])

    def read_and_add(path: Path) -> bytes:
        text = complete_lines(path)
        if b",8,11," not in text:
            change_favourites(database, [(8, 11)])
        return text

    monkeypatch.setattr("tasks.app.changes.complete_lines", read_and_add)
    changes = Changes(database)
    changes.follow()
    assert set(changes.words) == {7}
    changes.follow()
    assert set(changes.words) == {7, 8}


def test_a_thread_that_looked_before_another_one_read_does_not_read_the_whole_log_again(published, monkeypatch):
    database = published.database
    change_favourites(database, [(7, 11)])
    changes = Changes(database)
    changes.follow()
    looks = [state_of(log_of(database))]
    change_favourites(database, [(8, 11)])
    changes.follow()
    monkeypatch.setattr("tasks.app.changes.state_of", lambda path: looks.pop() if looks else state_of(path))
    monkeypatch.setattr("tasks.app.changes.complete_lines", lambda _: pytest.fail("read anew"))
    changes.follow()
    assert set(changes.words) == {7, 8}


def test_a_line_that_is_none_is_an_error_that_names_the_log(published):
    changes = Changes(published.database)
    change_favourites(published.database, [(7, 11)])
    changes.follow()
    with log_of(published.database).open("a") as log:
        log.write("2026-01-01T00:00:00.000000Z,7,12,perhaps\n")
    with pytest.raises(CineclusterError, match=r"films-favourites\.csv: not a log"):
        changes.follow()


def test_a_process_of_its_own_brings_the_tables_up_to_date(published, monkeypatch):
    monkeypatch.setattr("tasks.app.follow.SECONDS_BETWEEN", 0.05)
    follower = Follower(published.database)
    worker = threading.Thread(target=follower.keep_following)
    worker.start()
    store = Store(published.database, follower.tell)
    store.change(700, 3, remove=False)
    store.change(700, 4, remove=False)
    follower.end()
    worker.join(60)
    assert not worker.is_alive()
    assert follower.problem is None
    assert follower.process.returncode == 0
    with connect_to_published(published.database) as connection:
        assert rows(connection, "select movie_id from favourites where user_id = 700 order by 1") == [(3,), (4,)]


def test_a_process_that_was_killed_is_started_again(published, caplog):
    follower = Follower(published.database)
    assert follower.bring_up_to_date() == ""
    first = follower.process
    first.kill()
    first.wait()
    assert follower.bring_up_to_date() == ""
    assert follower.process is not first
    log_of(published.database).write_text("something else\n")
    assert "not a log of favourites" in follower.bring_up_to_date()
    follower.process.stdin.close()
    assert follower.process.wait(10) == 0
