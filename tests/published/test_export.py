"""The published tables as Parquet files."""

import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tasks.engine.duckdb import run
from tasks.errors import CineclusterError
from tasks.published.export import export_tables
from tasks.published.read import connect_to_published


def test_every_table_is_a_file_with_the_same_rows(good_tables, tmp_path):
    database, told = good_tables.database, []
    rows = export_tables(database, tmp_path / "a" / "parquet", lambda *progress: told.append(progress))
    with connect_to_published(database) as connection:
        tables = [name for (name,) in run(connection, "published/published_tables")]
        assert len(tables) > 12
        assert sorted(path.name for path in (tmp_path / "a" / "parquet").iterdir()) == [f"{t}.parquet" for t in tables]
        for table in tables:
            exported = pl.read_parquet(tmp_path / "a" / "parquet" / f"{table}.parquet")
            published = connection.sql(f"from {table}").pl()
            assert sorted(exported.rows(), key=repr) == sorted(published.rows(), key=repr), table  # views have no order
            assert rows[table] == len(exported)
    assert told[-1] == (len(tables), len(tables))


def test_lists_stay_lists_and_json_is_text(good_tables, tmp_path):
    export_tables(good_tables.database, tmp_path)
    assert pl.read_parquet(tmp_path / "movies.parquet").schema["genres"] == pl.List(pl.String)
    users = pl.read_parquet(tmp_path / "user_clusters.parquet").schema
    assert (users["neighbours"], users["weights"]) == (pl.List(pl.Int32), pl.List(pl.Float32))
    assert pl.read_parquet(tmp_path / "runs.parquet").schema["config"] == pl.String


def test_an_export_replaces_the_one_before_and_leaves_other_files(good_tables, article_tables, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    export_tables(article_tables.database, tmp_path)
    before = (tmp_path / "recommendations.parquet").read_bytes()
    export_tables(good_tables.database, tmp_path)
    assert (tmp_path / "recommendations.parquet").read_bytes() != before
    assert len(pl.read_parquet(tmp_path / "movies.parquet")) == 16
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert list(tmp_path.glob(".*")) == []


def test_what_cannot_be_exported_is_one_message(good_tables, tmp_path):
    with pytest.raises(CineclusterError, match=r"none\.duckdb: no such database"):
        export_tables(tmp_path / "none.duckdb", tmp_path / "parquet")
    (tmp_path / "file").touch()
    with pytest.raises(CineclusterError, match="file: cannot be written: File exists"):
        export_tables(good_tables.database, tmp_path / "file")


@pytest.mark.parametrize("table", ["../evil", "a/b", "*", "\x1b[31m", "x; drop table runs"])
def test_a_hostile_table_name_is_no_path_and_no_statement(table, good_tables, tmp_path):
    database = Path(shutil.copy(good_tables.database, tmp_path / "hostile.duckdb"))
    with duckdb.connect(database) as connection:
        connection.execute(f'create table "{table}" as select 1 as i')
    with pytest.raises(CineclusterError, match="not a database of cinecluster: it has a table") as caught:
        export_tables(database, tmp_path / "out")
    assert str(caught.value).isprintable()
    assert not (tmp_path / "out").exists()
