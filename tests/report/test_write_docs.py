"""docs/sql.md: its chapter on the tables is current, and what it shows can be run."""

import re
import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tasks.engine.duckdb import DuckDBEngine
from tasks.published.read import connect_to_published
from tasks.quality.evaluate import SCHEMA
from tasks.report.write_docs import DOCUMENT, tables_in_markdown, with_chapter
from tasks.stations.evaluation import write_evaluation

TEXT = (Path(__file__).parents[2] / DOCUMENT).read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```\n", TEXT, re.DOTALL)
SNIPPETS = re.findall(r"```python\n(.*?)```\n", TEXT, re.DOTALL)
NUMBERS = {"seconds": 1.0, "value": 0.3, "low": 0.2, "high": 0.4}
MEASURED = {"split": "random", "recommender": "EASE", "setting": "{}", "metric": "NDCG", "depth": 10, "n_users": 9}


@pytest.fixture
def evaluated(good_tables, tmp_path) -> Path:
    """A build with the table ``evaluation``, as ``data/cinecluster.duckdb`` in a folder of its own."""
    (tmp_path / "data").mkdir()
    database = Path(shutil.copy(good_tables.database, tmp_path / "data" / "cinecluster.duckdb"))
    write_evaluation(DuckDBEngine(database), pl.DataFrame([MEASURED | NUMBERS], schema=SCHEMA))
    return database


def test_the_chapter_on_the_tables_is_current(evaluated):
    assert with_chapter(TEXT, tables_in_markdown(evaluated)) == TEXT, "run python -m tasks.report.write_docs DATABASE"


def test_there_are_ten_queries_with_their_output():
    assert len(QUERIES) == 10
    assert len(re.findall(r"```\n\n```text\n", TEXT)) == 10


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_runs_and_has_the_columns_that_are_shown(query, evaluated):
    shown = TEXT.split(query)[1].split("```text\n")[1].splitlines()[0].split()
    with connect_to_published(evaluated) as connection:
        found = connection.sql(query)
        assert found.columns == shown
        assert found.fetchall() is not None


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_of_python_runs(snippet, evaluated, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(snippet, names)  # noqa: S102
    connection = names["connection"]
    assert isinstance(connection, duckdb.DuckDBPyConnection)
    connection.close()


def test_a_refreshed_reader_sees_what_was_published_since(evaluated, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    [snippet] = [snippet for snippet in SNIPPETS if "def refresh" in snippet]
    names: dict[str, object] = {}
    exec(snippet, names)  # noqa: S102
    new = Path(shutil.copy(evaluated, tmp_path / "new.duckdb"))
    with duckdb.connect(new) as connection:
        connection.execute("update runs set run_id = '3'")
    new.replace(evaluated)
    connection = names["connection"]
    assert isinstance(connection, duckdb.DuckDBPyConnection)
    query = "select max(run_id) from runs"
    before = connection.sql(query).fetchall()
    names["refresh"]()  # type: ignore[operator]
    assert (before == [("3",)], connection.sql(query).fetchall()) == (False, [("3",)])
    assert len(connection.sql("from recommend(2, n := 4)").fetchall()) == 4
    connection.close()
