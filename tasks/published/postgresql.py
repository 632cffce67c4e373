"""The published tables in a PostgreSQL database, for an app that has one."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from duckdb import ColumnExpression, ConstantExpression, Expression, FunctionExpression

from tasks.engine.duckdb import run, statement
from tasks.errors import CineclusterError
from tasks.published.export import asked_tables
from tasks.published.postgresql_server import (
    SECONDS_TO_WAIT,
    Place,
    execute,
    fetch,
    literal,
    quoted,
    transaction_in,
)
from tasks.published.publish import version_called
from tasks.published.read import connect_to_published, last_run_id
from tasks.text import plain

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Connection

ROWS_AT_ONCE = 100_000
LISTS, CHANGED = "recommendations", "exported_changes"
KEYS = {
    "recommendations": ("user_id", "rank"),
    "user_clusters": ("user_id",),
    "clusters": ("cluster",),
    "cluster_movies": ("cluster", "rank"),
    "cluster_genres": ("cluster", "genre"),
    "favourites": ("user_id", "movie_id"),
    "movies": ("movie_id",),
    "overall_favourites": ("movie_id",),
    "similar_movies": ("movie_id", "rank"),
    "ratings": ("user_id", "movie_id"),
    "runs": ("run_id",),
}
INDEXES = {
    "recommendations": ("movie_id",),
    "user_clusters": ("cluster",),
    "cluster_movies": ("movie_id",),
    "favourites": ("movie_id",),
    "overall_favourites": ("rank",),
}
FOR_AN_APP = tuple(name for name in KEYS if name != "ratings")
MARK = re.compile(r"\[cinecluster run (\S+)\]$")


def export_to_postgresql(
    database: Path,
    place: Place,
    tables: Sequence[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, int]:
    """Replace tables in PostgreSQL by the published ones, all in one transaction; return the rows of each.

    They are loaded and indexed beside those of the export before, whose readers wait for a moment at the very end. Who
    may read those may read the new ones. Where this ends before its end, the database is as before, and doing it
    again completes it. Lists become arrays, JSON becomes jsonb.

    Parameters
    ----------
    database : published DuckDB file.
    place : where to.
    tables : names of published tables; those that an app needs if empty.
    on_progress : is told the number of tables that are loaded, and of all.

    Raises
    ------
    CineclusterError
        If nothing is published, there is no such table, the driver is missing, the server is away or refuses, or a
        table of that name is there that is not of an export.
    """
    rows = {}
    with connect_to_published(database) as source, transaction_in(place) as target:
        source.execute("begin transaction")
        run_id = last_run_id(source, database)
        names = asked_tables(source, database, tables)
        names = names if tables else [name for name in FOR_AN_APP if name in names]
        there = prepare(target, place, (*names, CHANGED))
        if LISTS in names:
            names = [*names, CHANGED]
        for done, name in enumerate(names, start=1):
            rows[name] = load(source, target, place, name)
            on_progress(done, len(names))
        lock(target, place, [name for name in names if name in there])
        for name in names:
            swap(target, place, name, run_id)
    rows.pop(CHANGED, None)
    return rows


def export_to(
    database: Path,
    place: Place,
    tables: Sequence[str],
    changed_since: str | None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, int]:
    """Export tables, or what changed since a run, as `export_to_postgresql` and `export_changes` say.

    Raises
    ------
    CineclusterError
        As these; and if other tables than the recommendations are to be exported by what changed.
    """
    if changed_since is None:
        return export_to_postgresql(database, place, tables, on_progress)
    if {*tables} - {LISTS}:
        raise CineclusterError(f"--changed-since is for the table {LISTS} alone: leave --tables out.")
    return export_changes(database, place, changed_since)


def export_changes(database: Path, place: Place, since: str) -> dict[str, int]:
    """Replace the recommendations in PostgreSQL of the users whose lists changed since a run; return their number.

    Those are the users whose movies, their order, cluster or reasons are others than that run stored, and those whose
    lists were others already when they were exported. Scores alone do not count.

    Parameters
    ----------
    database : published DuckDB file.
    place : where `export_to_postgresql` has put the recommendations of that run.
    since : id of a kept run, the published one or one before.

    Raises
    ------
    CineclusterError
        As `export_to_postgresql`; and if the run is not kept, or the recommendations there are not of that run.
    """
    version = version_called(database, since)
    with connect_to_published(version, database) as then:
        lists = then.sql(statement("published/recommendations_retrained")).to_arrow_table()
    with connect_to_published(database) as source, transaction_in(place) as target:
        source.execute("begin transaction")
        marks = prepare(target, place, (LISTS, CHANGED))
        if marks.get(LISTS) != since:
            there = f"are of run {plain(marks[LISTS])}" if LISTS in marks else "have not been exported"
            raise CineclusterError(f"{place}: the recommendations there {there}. Export whole, or name that run.")
        source.register("recommendations_then", lists)
        before = fetch(target, named("exported_changes", lists=quoted(place.schema, CHANGED)))
        changed = {*before, *run(source, "published/users_changed")}
        source.register("changed_users", pa.table({"user_id": pa.array([user for (user,) in changed], pa.int32())}))
        rows = replace_lists(source, target, place)
        load(source, target, place, CHANGED)
        run_id = last_run_id(source, database)
        swap(target, place, CHANGED, run_id)
        mark(target, quoted(place.schema, LISTS), LISTS, run_id)
    return {LISTS: rows}


def named(name: str, **texts: str) -> str:
    """Return ``sql/postgresql/<name>.sql`` with what cannot be a parameter put in, such as the names of tables."""
    text = statement(f"postgresql/{name}")
    for key, value in texts.items():
        text = text.replace(f"${{{key}}}", value)
    return text


def prepare(target: "Connection", place: Place, tables: Sequence[str]) -> dict[str, str]:
    """Make the schema if it is not there, let one export work at a time, and return the run of each table in it.

    Raises
    ------
    CineclusterError
        If one of these tables is there, and not of an export.
    """
    execute(target, "set client_encoding = 'UTF8'")
    execute(target, f"set local lock_timeout = '{SECONDS_TO_WAIT}s'")
    fetch(target, statement("postgresql/lock_schema"), place.schema)
    if not fetch(target, statement("postgresql/schema"), place.schema):
        execute(target, f"create schema {quoted(place.schema)}")
    comments: dict[str, str] = dict(fetch(target, statement("postgresql/exported_tables"), place.schema))
    marks = {name: found[1] for name, comment in comments.items() if (found := MARK.search(comment))}
    if foreign := [name for name in tables if name in comments and name not in marks]:
        raise CineclusterError(f"{place}: {place.schema}.{foreign[0]} is not of an export. Choose another --schema.")
    return marks


def load(source: duckdb.DuckDBPyConnection, target: "Connection", place: Place, name: str) -> int:
    """Write a published table beside the one of its name, with indexes and comments; return its rows."""
    new = quoted(place.schema, f"{name}_new")
    with target.cursor() as cursor:
        rows = selected(source, name).to_arrow_reader(ROWS_AT_ONCE)
        n_rows = cursor.adbc_ingest(f"{name}_new", rows, mode="create", db_schema_name=place.schema)
    for column in ("config", "versions", "metrics") if name == "runs" else ():
        execute(target, f"alter table {new} alter column {column} type jsonb using {column}::jsonb")
    if name in KEYS:
        execute(target, f"alter table {new} add primary key ({', '.join(KEYS[name])})")
    for column in INDEXES.get(name, ()):
        execute(target, f"create index on {new} ({column})")
    for column, comment in comments_of(source, name):
        execute(target, f"comment on column {new}.{quoted(column)} is {literal(comment)}")
    execute(target, f"analyze {new}")
    return n_rows


def selected(source: duckdb.DuckDBPyConnection, name: str) -> duckdb.DuckDBPyRelation:
    """Return what is exported of a table: PostgreSQL knows no text with NUL."""
    if name == CHANGED:
        return source.table("favourites_since").select("user_id").distinct()
    columns = [
        without_nul(column) if kind == "VARCHAR" else ColumnExpression(column)
        for table, _, column, kind, _ in run(source, "published/published_columns")
        if table == name
    ]
    return source.table(f'"{name}"').select(*columns)


def without_nul(column: str) -> Expression:
    """Return a column of text with the replacement character for each NUL."""
    nul, replacement = (FunctionExpression("chr", ConstantExpression(code)) for code in (0, 0xFFFD))
    return FunctionExpression("replace", ColumnExpression(column), nul, replacement).alias(column)


def comments_of(source: duckdb.DuckDBPyConnection, name: str) -> list[tuple[str, str]]:
    """Return the columns of a published table that have a comment, with it."""
    return [(row[2], row[4]) for row in run(source, "published/published_columns") if row[0] == name and row[4]]


def lock(target: "Connection", place: Place, names: Sequence[str]) -> None:
    """Wait until nobody reads the tables that are going to be replaced, and keep new readers out.

    All locks are taken, or none for longer than a moment: a reader of two tables that has one of them and waits for
    the other would be ended by PostgreSQL after a second.
    """
    if names:
        execute(target, "set local lock_timeout = '200ms'")
        tables = ", ".join(quoted(place.schema, name) for name in names)
        execute(target, named("lock_tables", tables=tables, attempts=str(2 * SECONDS_TO_WAIT)))


def swap(target: "Connection", place: Place, name: str, run_id: str) -> None:
    """Put a new table in the place of the one before, with its rights."""
    new, old = quoted(place.schema, f"{name}_new"), quoted(place.schema, name)
    mark(target, new, name, run_id)
    for privilege, receiver in fetch(target, statement("postgresql/grants"), place.schema, name):
        execute(target, f"grant {privilege} on {new} {receiver}")
    execute(target, f"drop table if exists {old}")
    execute(target, f"alter table {new} rename to {quoted(name)}")


def mark(target: "Connection", table: str, name: str, run_id: str) -> None:
    """Say on a table in PostgreSQL which run it is of."""
    execute(target, f"comment on table {table} is {literal(f'{name}: see docs/sql.md [cinecluster run {run_id}]')}")


def replace_lists(source: duckdb.DuckDBPyConnection, target: "Connection", place: Place) -> int:
    """Replace the recommendations of the users in ``changed_users``; return the rows that there are of them now."""
    with target.cursor() as cursor:
        users = source.table("changed_users").to_arrow_reader()
        cursor.adbc_ingest("changed_users", users, mode="create", temporary=True)
    execute(target, named("delete_changed_users", lists=quoted(place.schema, LISTS)))
    with target.cursor() as cursor:
        rows = source.sql(statement("published/recommendations_of_users")).to_arrow_reader(ROWS_AT_ONCE)
        return cursor.adbc_ingest(LISTS, rows, mode="append", db_schema_name=place.schema)
