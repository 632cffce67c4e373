"""Every statement says what one row is, and every table and column of a build says so to its reader."""

import re
from importlib.resources import files

import pytest

from tasks.database import connect_to_published, statement
from tests.conftest import rows

STATEMENTS = sorted(path.name.removesuffix(".sql") for path in files("sql").iterdir() if path.name.endswith(".sql"))


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_first_line_names_the_file(name):
    assert re.match(rf"-- {name}\b.*: \S", statement(name))


def test_every_table_and_column_of_a_build_has_a_comment(good_build):
    with connect_to_published(good_build.build.database) as connection:
        tables = dict(rows(connection, "select table_name, comment from duckdb_tables()"))
        columns = rows(
            connection,
            "select table_name, column_name from duckdb_columns() "
            "where comment is null and table_name in (select table_name from duckdb_tables())",
        )
    assert len(tables) >= 15
    assert [table for table, comment in tables.items() if not comment] == []
    assert columns == []


def test_comments_are_the_text_of_the_statement_and_name_the_run(good_build):
    with connect_to_published(good_build.build.database) as connection:
        comment = rows(connection, "select comment from duckdb_tables() where table_name = 'favourites'")
        assert comment == [
            (f"one row per (user_id, movie_id) rated $min_rating stars or more. [run {good_build.build.run_id}]",)
        ]
        [(comment,)] = rows(
            connection,
            "select comment from duckdb_columns() where table_name = 'cluster_movies' and column_name = 'share'",
        )
        assert comment == "part of the cluster's users who favourited it, 0 to 1."


def test_the_view_and_the_macro_have_comments(good_build, article_build):
    for made in (good_build, article_build):
        with connect_to_published(made.build.database) as connection:
            [(view, about_view)] = rows(connection, "select view_name, comment from duckdb_views() where not internal")
            [(macro, about_macro)] = rows(
                connection, "select function_name, comment from duckdb_functions() where not internal"
            )
        assert (view, macro) == ("seen", "recommend")
        assert about_view.startswith("one row per user and movie that is never recommended")
        assert about_view.endswith("unless exclude_seen is off, one per rating.")
        assert about_macro.startswith("n movies for a user, best first")
        assert about_macro.endswith("that they have not seen.")


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_describes_a_column_that_its_table_has_not(name, good_build):
    described = re.findall(r"^-- (\w+): .", statement(name).split("create", 1)[0], re.MULTILINE)[1:]
    with connect_to_published(good_build.build.database) as connection:
        columns = rows(connection, "select column_name from duckdb_columns() where table_name = $1", name)
    if columns:
        assert set(described) <= {column for (column,) in columns}
