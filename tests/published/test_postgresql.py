"""The published tables in a PostgreSQL server that the tests start."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.published import postgresql as exports
from tasks.published.postgresql import export_changes, export_to, export_to_postgresql
from tasks.published.postgresql_server import Place, place_given
from tasks.published.read import connect_to_published

dbapi = pytest.importorskip("adbc_driver_postgresql.dbapi")
TABLES = "select table_name from information_schema.tables where table_schema = 'cinecluster' order by 1"
LISTS = "select * from cinecluster.recommendations"
KILLED = """
import os, signal, sys
from pathlib import Path
from tasks.published import postgresql
from tasks.published.postgresql_server import Place
swap = postgresql.swap
def swap_once(*arguments):
    swap(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
postgresql.swap = swap_once
postgresql.export_to_postgresql(Path(sys.argv[1]), Place(sys.argv[2]))
"""


def ask(address: str, query: str) -> list[tuple]:
    """Return the rows of a query in PostgreSQL."""
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def tell(address: str, *statements: str) -> None:
    """Run statements in PostgreSQL."""
    with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def exported(address: str, table: str) -> list[tuple]:
    """Return the rows of an exported table, in any order that is always the same."""
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(f"select * from cinecluster.{table}")  # noqa: S608
        return sorted(pl.from_arrow(cursor.fetch_arrow_table()).rows(), key=repr)


def published(database: Path, table: str) -> list[tuple]:
    """Return the rows of a published table, in the same order."""
    with connect_to_published(database) as connection:
        return sorted(connection.sql(f"from {table}").pl().rows(), key=repr)


@pytest.fixture
def films(good_tables, tmp_path) -> Path:
    """A copy of the published tables, with their version."""
    folder = good_tables.database.parent
    shutil.copy(good_tables.database, tmp_path / "films.duckdb")
    shutil.copytree(folder / ".films", tmp_path / ".films")
    return tmp_path / "films.duckdb"


def test_every_table_of_an_app_has_the_same_rows_and_its_types(good_tables, app_database):
    place = Place(app_database)
    rows = export_to_postgresql(good_tables.database, place)
    assert {*exports.FOR_AN_APP} - {"similar_movies"} <= rows.keys()
    for table in rows.keys() - {"runs"}:
        assert exported(app_database, table) == published(good_tables.database, table), table
        assert rows[table] == len(published(good_tables.database, table))
    assert ask(app_database, "select genres[1] from cinecluster.movies where movie_id = 1") == [("Sci-Fi",)]
    assert ask(app_database, "select run_id, config ->> 'top_n' from cinecluster.runs") == [(good_tables.run_id, "3")]
    keys = dict(
        ask(app_database, "select tablename, indexdef from pg_indexes where indexdef like '%UNIQUE%(user_id, rank)'")
    )
    assert keys.keys() == {"recommendations"}


def test_all_tables_may_be_asked_for(good_tables, app_database):
    asked = ["ratings", "item_weights", "model", "reports", "rejected_rows", "favourites_since"]
    assert [*export_to_postgresql(good_tables.database, Place(app_database), asked)] == asked
    for table in asked:
        assert exported(app_database, table) == published(good_tables.database, table), table
    with pytest.raises(CineclusterError, match=r"no table 'ratigns'\. There are: .*ratings"):
        export_to_postgresql(good_tables.database, Place(app_database), ["ratigns"])


def test_an_export_replaces_the_one_before_and_keeps_the_rights(good_tables, article_tables, app_database):
    place = Place(app_database)
    export_to_postgresql(article_tables.database, place)
    tables = ask(app_database, TABLES)
    tell(
        app_database,
        "drop role if exists reader",
        "create role reader",
        "grant select on cinecluster.recommendations to reader",
    )
    for _ in range(2):
        export_to_postgresql(good_tables.database, place)
    assert ask(app_database, TABLES) == tables
    assert exported(app_database, "recommendations") == published(good_tables.database, "recommendations")
    assert ask(app_database, "select has_table_privilege('reader', 'cinecluster.recommendations', 'select')") == [
        (True,)
    ]
    tell(app_database, "drop owned by reader", "drop role reader")


def test_a_killed_export_leaves_nothing_and_the_next_one_completes(good_tables, article_tables, app_database):
    place = Place(app_database)
    export_to_postgresql(article_tables.database, place)
    before = exported(app_database, "recommendations"), ask(app_database, TABLES)
    command = [sys.executable, "-c", KILLED, good_tables.database, app_database]
    assert subprocess.run(command, cwd=Path(__file__).parents[2]).returncode == -signal.SIGKILL  # noqa: S603
    assert (exported(app_database, "recommendations"), ask(app_database, TABLES)) == before
    export_to_postgresql(good_tables.database, place)
    assert exported(app_database, "recommendations") == published(good_tables.database, "recommendations")
    assert ask(app_database, TABLES) == before[1]


def test_readers_of_several_tables_see_those_of_one_run_and_are_never_refused(
    good_tables, article_tables, app_database
):
    query = (
        "select (select max(run_id) from cinecluster.runs), (select sum(score) from cinecluster.recommendations), "
        "(select count(*) from cinecluster.cluster_movies)"
    )
    seen, faults, done = set(), [], threading.Event()

    def read() -> None:
        with dbapi.connect(app_database) as connection, connection.cursor() as cursor:
            while not done.is_set():
                try:
                    cursor.execute(query)
                    seen.update(cursor.fetchall())
                except dbapi.Error as error:
                    faults.append(error)
                connection.rollback()
                time.sleep(0.005)

    tables = ["cluster_movies", "recommendations", "runs"]
    export_to_postgresql(good_tables.database, Place(app_database), tables)
    expected = set(ask(app_database, query))
    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for made in (article_tables, good_tables, article_tables):
        export_to_postgresql(made.database, Place(app_database), tables)
        expected |= set(ask(app_database, query))
    done.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert seen == expected
    assert len(seen) == 2


def test_lists_that_changed_since_a_run_are_replaced_and_no_others(films, good_tables, app_database):
    place, run_id = Place(app_database), good_tables.run_id
    with pytest.raises(CineclusterError, match="the recommendations there have not been exported"):
        export_changes(films, place, run_id)
    export_to_postgresql(films, place)
    assert export_changes(films, place, run_id) == {"recommendations": 0}
    [best] = [row[2] for row in published(films, "recommendations") if row[:2] == (3, 1)]
    change_favourites(films, [(3, best), (777, 11)])
    tell(app_database, "update cinecluster.recommendations set title = 'untouched' where user_id = 5")
    assert export_changes(films, place, run_id) == {"recommendations": 6}
    now = [row for row in published(films, "recommendations") if row[0] != 5]
    assert [row for row in exported(app_database, "recommendations") if row[0] != 5] == now
    assert {row[0] for row in now} >= {3, 777}
    assert ask(app_database, "select distinct title from cinecluster.recommendations where user_id = 5") == [
        ("untouched",)
    ]
    change_favourites(films, [(3, best), (777, 11)], remove=True)
    export_to(films, place, ["recommendations"], run_id)
    before = [row for row in published(good_tables.database, "recommendations") if row[0] != 5]
    assert [row for row in exported(app_database, "recommendations") if row[0] != 5] == before


def test_a_run_that_is_not_kept_or_not_there_is_refused(films, article_tables, app_database):
    export_to_postgresql(article_tables.database, Place(app_database))
    with pytest.raises(CineclusterError, match="no version '2020' is kept"):
        export_to(films, Place(app_database), [], "2020")
    with pytest.raises(CineclusterError, match=rf"are of run {article_tables.run_id}\. Export whole, or name that run"):
        export_to(films, Place(app_database), [], next((films.parent / ".films").glob("*.duckdb")).stem)
    with pytest.raises(CineclusterError, match="for the table recommendations alone"):
        export_to(films, Place(app_database), ["movies"], "2020")


def test_what_the_server_refuses_is_one_line_with_a_remedy(good_tables, app_database):
    tell(app_database, "drop role if exists somebody", "create role somebody login password 'open sesame'")
    theirs = app_database.replace("postgres@", "somebody:open%20sesame@")
    with pytest.raises(
        CineclusterError, match=r"permission denied for database app.*create schema cinecluster"
    ) as caught:
        export_to_postgresql(good_tables.database, Place(theirs))
    assert "sesame" not in str(caught.value)
    tell(app_database, "create schema cinecluster authorization somebody")
    export_to_postgresql(good_tables.database, Place(theirs), ["movies"])
    tell(app_database, "create view cinecluster.titles as select title from cinecluster.movies")
    with pytest.raises(
        CineclusterError, match=r"cannot drop table cinecluster\.movies.*Drop what depends on"
    ) as caught:
        export_to_postgresql(good_tables.database, Place(theirs), ["movies"])
    assert "\n" not in str(caught.value)
    with pytest.raises(CineclusterError, match=r"cinecluster\.ratings is not of an export\. Choose another --schema"):
        tell(app_database, "create table cinecluster.ratings (mine int)")
        export_to_postgresql(good_tables.database, Place(app_database), ["movies", "ratings"])
    tell(app_database, "drop owned by somebody cascade", "drop role somebody")


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        (
            "postgresql://me:secret@127.0.0.1:1/db",
            r"postgresql://127\.0\.0\.1:1/db: Connection refused\. Is the server",
        ),
        ("postgresql://me:secret@/none?host={}", r'postgresql:///none: role "me" does not exist\.'),
        ("postgresql://postgres:secret@/none?host={}", r'database "none" does not exist\. Make it with createdb'),
        ("postgresql://me:secr%zet@h/db", "postgresql://h/db: cannot be reached by this address"),
        ("postgresql://me:secr/et@h/db", "The database of --to: c"),
        ("postgresql://me:secr?et@h/db", "The database of --to: c"),
        ("host=h password=secret", "is no address such as postgresql://"),
    ],
)
def test_a_server_that_cannot_be_reached_is_one_line_without_the_password(address, fault, good_tables, postgresql):
    with pytest.raises(CineclusterError, match=fault) as caught:
        export_to_postgresql(good_tables.database, place_given(address.format(postgresql.split("=")[1]), "cinecluster"))
    assert "secr" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_places_come_from_the_environment_and_schemas_are_names(monkeypatch):
    monkeypatch.delenv("CINECLUSTER_POSTGRESQL", raising=False)
    with pytest.raises(CineclusterError, match="No database is named"):
        place_given(None, "cinecluster")
    monkeypatch.setenv("CINECLUSTER_POSTGRESQL", "postgresql://me:secret@films.example.com:5433/app?sslmode=require")
    assert str(place_given(None, "films")) == "postgresql://films.example.com:5433/app"
    for schema in ("pg_catalog", 'a"b', "", "Films"):
        with pytest.raises(CineclusterError, match="--schema"):
            place_given(None, schema)


def test_a_missing_driver_names_the_extra(good_tables, monkeypatch):
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(CineclusterError, match=r"pip install 'cinecluster\[postgresql\]'"):
        export_to_postgresql(good_tables.database, Place("postgresql://h/db"))


def test_a_flow_without_an_address_is_skipped(monkeypatch):
    from flows import export

    monkeypatch.delenv("CINECLUSTER_POSTGRESQL", raising=False)
    monkeypatch.setattr(export, "address_in", lambda secret: None)
    state = export.export.fn()
    assert (state.name, state.is_completed()) == ("Skipped", True)
    assert os.environ.get("CINECLUSTER_POSTGRESQL") is None
