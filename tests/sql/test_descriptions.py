"""Every statement says what one row is, and every table and column of a build says so to its reader."""

import re
from importlib.resources import files

import pytest

from tasks.engine.duckdb import statement
from tasks.published.read import connect_to_published
from tests.conftest import rows

ROOMS = ("source", "model", "quality", "published", "views", "changes", "report", "app", "postgresql")
STATEMENTS = sorted(
    f"{room}/{path.name.removesuffix('.sql')}"
    for room in ROOMS
    for path in files("sql").joinpath(room).iterdir()
    if path.name.endswith(".sql")
)


def test_every_statement_is_in_a_room():
    rooms = {path.name for path in files("sql").iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert rooms == {*ROOMS, "checks", "files", "spark"}
    assert [path.name for path in files("sql").iterdir() if path.name.endswith(".sql")] == []


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_first_line_names_the_file(name):
    assert re.match(rf"-- {name.split('/')[1]}\b.*: \S", statement(name))


def test_every_table_and_column_of_a_build_has_a_comment(good_tables):
    with connect_to_published(good_tables.database) as connection:
        tables = dict(
            rows(
                connection,
                "select table_name, comment from duckdb_tables() union all select view_name, comment "
                "from duckdb_views() where not internal",
            )
        )
        columns = rows(
            connection,
            "select table_name, column_name from duckdb_columns() where comment is null and not internal",
        )
    assert len(tables) >= 25
    assert [table for table, comment in tables.items() if not comment] == []
    assert columns == []


def test_comments_are_the_text_of_the_statement_and_name_the_run(good_tables):
    with connect_to_published(good_tables.database) as connection:
        comment = rows(connection, "select comment from duckdb_tables() where table_name = 'ratings_summary'")
        assert comment == [(f"one row per run, what the source held. [run {good_tables.run_id}]",)]
        [(comment,)] = rows(
            connection,
            "select comment from duckdb_columns() where table_name = 'cluster_movies' and column_name = 'share'",
        )
        assert comment == "share of the cluster's users who favourited it, 0 to 1."


def test_comments_of_several_lines_are_whole(good_tables):
    with connect_to_published(good_tables.database) as connection:
        [(about_view,)] = rows(connection, "select comment from duckdb_views() where view_name = 'seen'")
        [(about_macro,)] = rows(
            connection, "select comment from duckdb_functions() where function_name = 'recommend' and not internal"
        )
    run = f" [run {good_tables.run_id}]"
    assert about_view.startswith("one row per user and movie that is never recommended")
    assert about_view.endswith(f"unless exclude_seen is off, one per rating.{run}")
    assert about_macro.startswith("n movies for a user, best first")
    assert about_macro.endswith(f"among := [] lets no movie pass.{run}")


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_describes_a_column_that_its_table_has_not(name, reader):
    described = re.findall(r"^-- (\w+): .", statement(name).split("create", 1)[0], re.MULTILINE)[1:]
    columns = rows(reader, "select column_name from duckdb_columns() where table_name = $1", name.split("/")[1])
    if columns:
        assert set(described) <= {column for (column,) in columns}


def test_comments_name_the_values_of_the_run_and_no_parameters(good_tables):
    with connect_to_published(good_tables.database) as connection:
        found = rows(connection, "select comment from duckdb_tables() union all select comment from duckdb_views()")
    comments = [comment or "" for (comment,) in found]
    assert any("rated 4 stars or more" in comment for comment in comments)
    assert [comment for comment in comments if "$" in comment] == []
