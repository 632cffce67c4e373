"""A person who is forgotten is in no file of ours any more."""

import json
import re

import pytest

from flows.cli import main
from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.favourites.forget import forget_user
from tasks.favourites.log import log_of, read_log
from tasks.published.publish import hold_lock, roll_back
from tasks.published.read import connect_to_published, look_up
from tasks.published.status import read_status, read_versions
from tasks.published.versions import overlay_of, versions_of
from tests.conftest import publish, rows, two_tastes

USER = 777_777
TABLES = ("ratings", "favourites_log", "held_out_quality")
RATINGS = [*two_tastes(), *((USER, movie, 5.0) for movie in (1, 2, 3, 4)), (USER, 12, 1.0)]
RELATIONS = "select table_name from information_schema.columns where column_name = 'user_id' and table_schema = 'main'"


def content(database, user_id):
    """Return the rows of every table and view with a user_id: those of the user, and those of all others."""
    with connect_to_published(database) as connection:
        tables = sorted(name for (name,) in rows(connection, f"{RELATIONS} and table_catalog = current_database()"))
        own = {name: rows(connection, f"from {name} where user_id = $1 order by all", user_id) for name in tables}
        other = {name: rows(connection, f"from {name} where user_id <> $1 order by all", user_id) for name in tables}
    return own, other


DESCRIBED = (
    "from duckdb_tables() select table_name, comment where database_name = 'published' order by all",
    "from duckdb_views() select view_name, sql, comment where database_name = 'published' order by all",
    "from duckdb_columns() select table_name, column_name, data_type, comment where database_name = 'published' "
    "order by all",
    "from duckdb_functions() select function_name, comment where database_name = 'published' order by all",
)


def everything(database):
    """Return tables, views, macros, columns and comments, and the rows of tables without users."""
    with connect_to_published(database) as connection:
        names = rows(connection, "select table_name from duckdb_tables() where database_name = 'published'")
        described = [rows(connection, query) for query in DESCRIBED]
        held = {
            name: rows(connection, f"from {name}")
            for (name,) in names
            if "user_id" not in connection.sql(f"from {name}").columns
        }
    return described, held


@pytest.fixture(scope="module")
def forgotten(tmp_path_factory):
    """A database with two versions and favourites since, whose user 777777 was forgotten; what was there before."""
    database = tmp_path_factory.mktemp("forget") / "films.duckdb"
    first = publish(database, RATINGS)
    change_favourites(database, [(USER, 5), (2, 1)])
    second = publish(database, [*RATINGS, (USER, 6, 9.0), (3, 6, 9.0)], max_rejected_share=1)
    change_favourites(database, [(USER, 7), (USER + 1, 11), (4, 2)])
    before = content(database, USER), everything(database), read_status(database)
    return database, first, second, before, forget_user(database, second.reports, USER)


def test_no_row_of_the_user_is_left_and_no_other_is_lost(forgotten):
    database, first, second, ((own, others), whole, status), done = forgotten
    assert min(len(own[name]) for name in ("ratings", "favourites", "recommendations", "user_clusters")) > 0
    assert content(database, USER)[0] == {name: [] for name in own}
    after = content(database, USER)[1]
    assert {name for name in others if after[name] != others[name]} <= {"recommendations", "user_clusters"}
    for name in others:
        assert len(after[name]) == len(others[name])
    described, held = everything(database)
    assert described == whole[0]
    rejected = [(*row[:3], None if str(USER) in row[3] else row[3]) for row in whole[1]["rejected_rows"]]
    assert len(held["reports"]) == len(whole[1]["reports"])
    for (name, page), (was_called, before) in zip(held.pop("reports"), whole[1].pop("reports"), strict=True):
        assert (name, page) == (was_called, re.sub(rb"777777,6,9.0,\d+", b"", before))
        assert (page != before) == (name == "index.html")
    assert held == whole[1] | {"rejected_rows": rejected}
    assert sum(text is None for *_, text in rejected) == 1 < len(rejected)
    assert done.n_rows == sum(len(own[name]) for name in own if name in TABLES or "_ret" in name) + 1
    assert done.n_kept_rows > 0
    assert (done.n_lines, done.n_versions, done.source) == (2, 2, str(second.options.source))
    assert read_status(database)[:1] == (second.run_id,) == status[:1]
    assert [version.run_id for version in read_versions(database)] == [second.run_id, first.run_id]


def test_no_byte_of_the_user_is_left_in_log_and_overlays(forgotten):
    database = forgotten[0]
    overlays = list(versions_of(database).glob("overlays/*"))
    assert [path.name for path in overlays] == [overlay_of(database, forgotten[2].run_id).name]
    for path in (log_of(database), *overlays):
        assert re.search(rf"\b{USER}\b", path.read_text()) is None
    for path in (database, *versions_of(database).glob("*.duckdb"), *forgotten[2].reports.iterdir()):
        assert f"{USER},".encode() not in path.read_bytes()
    assert read_log(database).select("user_id", "movie_id").rows() == [(2, 1), (USER + 1, 11), (4, 2)]
    assert json.loads(overlays[0].read_text())["n_changes"] == 3
    assert not [path for path in versions_of(database).iterdir() if path.name.startswith("build")]


def test_favourites_of_others_since_are_there_and_the_user_is_a_stranger(forgotten):
    database = forgotten[0]
    assert look_up(database, USER, 5).n_favourites == 0
    assert look_up(database, USER + 1, 5).n_favourites == 1
    assert len(look_up(database, USER, 5).recommendations) == 5
    with connect_to_published(database) as connection:
        assert rows(connection, "select count(*) from favourites where (user_id, movie_id) in ((2, 1), (4, 2))") == [
            (2,)
        ]


def test_it_can_be_done_again_and_kept_versions_are_clean(forgotten):
    database, first, second, _, _ = forgotten
    again = forget_user(database, second.reports, USER)
    assert (again.n_rows, again.n_kept_rows, again.n_lines, again.n_versions) == (0, 0, 0, 2)
    roll_back(database, first.reports, first.run_id)
    change_favourites(database, [])
    own, others = content(database, USER)
    assert own == {name: [] for name in own}
    assert len(others["ratings"]) == len(two_tastes())
    roll_back(database, second.reports, second.run_id)


def test_who_is_in_rejected_lines_alone_is_known(tmp_path, capsys):
    database = tmp_path / "films.duckdb"
    publish(database, [*two_tastes(), (USER, 6, 9.0)], max_rejected_share=1)
    for code, said in ((0, "is forgotten: 1 rows"), (1, "is unknown")):
        with pytest.raises(SystemExit) as ended:
            main(["forget", str(USER), "--database", str(database), "--reports", str(tmp_path / "reports"), "--yes"])
        assert ended.value.code == code
        assert said in " ".join(str(capsys.readouterr()).split())


def test_nothing_is_touched_while_a_run_works_or_where_nothing_is_published(forgotten, tmp_path, capsys):
    database = forgotten[0]
    inode = database.stat().st_ino
    with hold_lock(versions_of(database), "run"), pytest.raises(CineclusterError, match="another run holds the lock"):
        forget_user(database, tmp_path, 2)
    assert database.stat().st_ino == inode
    with pytest.raises(CineclusterError, match="no such database"):
        forget_user(tmp_path / "none.duckdb", tmp_path, 2)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SystemExit):
        main(["forget", "3", "--yes", "--database", str(database), "--reports", str(forgotten[2].reports)])
    output = " ".join(capsys.readouterr().out.split())
    assert "User 3 is forgotten" in output
    assert f"What {forgotten[2].options.source} holds of the user remains" in output
    assert look_up(database, 3, 5).n_favourites == 0


def test_without_a_terminal_it_has_to_be_told_not_to_ask(forgotten, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["forget", "5", "--database", str(forgotten[0])])
    assert ended.value.code == 1
    assert "Give --yes" in capsys.readouterr().err
    assert look_up(forgotten[0], 5, 5).n_favourites > 0


def test_who_is_unknown_is_said_to_be(forgotten, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["forget", "999999", "--yes", "--database", str(forgotten[0]), "--reports", str(forgotten[2].reports)])
    assert ended.value.code == 1
    assert "User 999999 is unknown" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "acts"), [("y", True), ("no", False), ("", False)])
def test_on_a_terminal_it_asks_first(forgotten, monkeypatch, capsys, answer, acts):
    done = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda *_: answer)
    monkeypatch.setattr("tasks.favourites.forget.forget_user", lambda *given: done.append(given) or forgotten[4])
    with pytest.raises(SystemExit) as ended:
        main(["forget", "5", "--database", str(forgotten[0])])
    output, error = capsys.readouterr()
    assert f"What {forgotten[2].options.source} holds of the user remains." in " ".join(output.split())
    assert (bool(done), ended.value.code or 0, "Nothing was changed." in error) == (acts, 0 if acts else 1, not acts)
    done.clear()
    with pytest.raises(SystemExit):
        main(["forget", "5", "--yes", "--database", str(forgotten[0])])
    assert len(done) == 1
    assert "Go on?" not in capsys.readouterr().out
