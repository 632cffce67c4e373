# ruff: noqa: S608
"""A database file that somebody else made is read with no access to anything but itself."""

import contextlib
import json
import shutil
from pathlib import Path

import duckdb
import pytest

from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.published.export import export_tables
from tasks.published.publish import history
from tasks.published.read import connect_to_published, look_up
from tasks.published.versions import versions_of
from tests.security.conftest import copy_of


@pytest.fixture
def hostile(published, tmp_path) -> Path:
    """A copy to put something into."""
    (tmp_path / "secret").write_text("the secret")
    return copy_of(published.database, tmp_path / "data" / "hostile.duckdb")


def change(database: Path, *statements: str) -> None:
    """Run statements as somebody who owns the file."""
    with duckdb.connect(database) as connection:
        for statement in statements:
            connection.execute(statement)


def answers(database: Path) -> str:
    """Return all that the commands say of a database, errors too."""
    said = []
    for command in (
        lambda: look_up(database, 1, 5),
        lambda: history(database),
        lambda: change_favourites(database, [(1, 1)]),
        lambda: export_tables(database, database.parent / "out"),
    ):
        try:
            said.append(str(command()))
        except CineclusterError as error:
            said.append(str(error))
    return "\n".join(said)


def test_a_view_in_the_place_of_the_runs_reads_no_file(hostile, tmp_path):
    change(
        hostile,
        "create schema other",
        "create table other.runs as from runs",
        "drop table runs",
        f"create view runs as select content as run_id, '{{}}' as config from read_text('{tmp_path}/secret')",
    )
    assert "the secret" not in answers(hostile)


def test_a_macro_in_the_place_of_a_function_reads_no_file(hostile, tmp_path):
    change(
        hostile,
        f"create macro last(x) as (select content from read_text('{tmp_path}/secret'))",
        f"create or replace macro recommend(user_id, n := 20) as table select 1 as rank, content as title, "
        f"['x'] as genres, 1.0 as score from read_text('{tmp_path}/secret')",
    )
    assert "the secret" not in answers(hostile)


def test_a_view_in_the_place_of_the_favourites_reads_no_file(hostile, tmp_path):
    secret = f"select 1 as user_id, length(content) as movie_id, content as title from read_text('{tmp_path}/secret')"
    change(
        hostile,
        f"create or replace view favourites as {secret}",
        "drop table movies",
        f"create view movies as {secret}",
    )
    assert "the secret" not in answers(hostile)


def plant(folder: Path, secret: Path) -> dict[str, Path]:
    """Put a Parquet file where views may read it, and ways to another one where they may not; return all by name."""
    run, other = folder / "20260101T000000-abcd.parquet", folder / "20260101T000000-ef01.parquet"
    for path in (run, folder / "theirs.parquet"):
        path.mkdir(parents=True)
        shutil.copy(secret, path / "real.parquet")
    (run / "link.parquet").symlink_to(secret)
    other.symlink_to(secret.parent)
    return {
        "own": run / "real.parquet",
        "beside": secret,
        "above": run / ".." / ".." / ".." / secret.name,
        "link": run / "link.parquet",
        "linked folder": other / secret.name,
        "foreign folder": folder / "theirs.parquet" / "real.parquet",
        "all": run / "**" / "*.parquet",
    }


@pytest.mark.parametrize("way", ["own", "beside", "above", "link", "linked folder", "foreign folder", "all"])
def test_a_view_reads_parquet_files_of_its_own_versions_alone(way, hostile, tmp_path):
    secret = tmp_path / "secret.parquet"
    duckdb.sql("select 'the secret' as title").write_parquet(str(secret))
    path = plant(versions_of(hostile), secret)[way]
    change(hostile, "drop table movies", f"create view movies as from read_parquet('{path}')")
    said = contextlib.nullcontext() if way == "own" else pytest.raises(CineclusterError, match=r"disabled|Parquet file")
    with said, connect_to_published(hostile) as connection:
        assert connection.execute("from movies").fetchall() == [("the secret",)]


def test_nothing_is_installed_or_loaded(published):
    with connect_to_published(published.database) as connection:
        for setting in ("autoinstall_known_extensions", "autoload_known_extensions", "enable_external_access"):
            assert connection.execute("select current_setting($name)", {"name": setting}).fetchall() == [(False,)]
        for query in ("install httpfs", "load httpfs", "attach '/tmp/x.duckdb' as x", "copy movies to '/tmp/x.csv'"):
            with pytest.raises(duckdb.Error):
                connection.execute(query)


def test_the_settings_hold_beside_other_connections_of_the_process(published):
    with (
        duckdb.connect(published.database, read_only=True),
        connect_to_published(published.database) as connection,
        pytest.raises(duckdb.PermissionException),
    ):
        connection.execute("from read_text('/etc/hostname')")


@pytest.mark.parametrize(
    "run_id", ["x/../../victim", "../victim", "20260101T000000-abcd/../../victim", "nul\0byte", ""]
)
def test_a_run_id_that_is_a_path_is_refused(run_id, hostile, tmp_path):
    victim = tmp_path / "data" / "victim.json"
    victim.write_text("mine")
    change(hostile, "create or replace table runs as select * replace ('' as run_id) from runs")
    with duckdb.connect(hostile) as connection:
        connection.execute("update runs set run_id = $1", [run_id])
    for command in (lambda: change_favourites(hostile, [(1, 1)]), lambda: look_up(hostile, 1, 3)):
        with pytest.raises(CineclusterError, match="not a database of cinecluster: its run"):
            command()
    assert victim.read_text() == "mine"
    assert {path.name for path in tmp_path.rglob("*.json")} == {"victim.json"}


def test_a_model_of_absurd_sizes_is_an_error(hostile):
    change(hostile, "update model set n_rows = 2000000000, n_columns = 2000000000")
    with pytest.raises(CineclusterError):
        change_favourites(hostile, [(1, 1)])


def test_options_of_a_run_that_are_none_are_an_error(hostile):
    for config in ("[]", "7", json.dumps({"top_n": "many"}), json.dumps({"top_n": 10**9})):
        with duckdb.connect(hostile) as connection:
            connection.execute("update runs set config = $1", [config])
        with pytest.raises(CineclusterError, match="not a database of cinecluster"):
            change_favourites(hostile, [(1, 1)])
