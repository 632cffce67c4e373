"""Comments on tables, columns, views and macros, out of the statements that make them."""

import re
from functools import cache
from importlib.resources import files

import duckdb

from tasks.engine.duckdb import run, statement

ROOMS = ("source", "model", "published", "report", "quality", "views")
ENTRY = re.compile(r"^-- (\w+)(?:\(.*?\))?: (.+(?:\n-- (?!\w+: ).+)*)", re.MULTILINE)


def comment_tables(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Copy the opening comments of ``sql/<room>/<name>.sql`` into the database, as comments on what is called so.

    The first entry, ``-- name: text``, describes the table, view or macro, the following ones its columns.
    """
    connection.begin()  # one for all: each would be written to disk by itself
    for kind, relation in run(connection, "published/commented"):
        own_name = relation.removesuffix("_retrained")
        for name, text in ENTRY.findall(opening_of(own_name)):
            target = f"{kind} {relation}" if name == own_name else f"column {relation}.{name}"
            suffix = f" [run {run_id}]" if run_id and name == own_name else ""
            comment_on(connection, target, filled(connection, text.replace("\n--", "")) + suffix)
    connection.commit()


@cache
def opening_of(name: str) -> str:
    """Return what stands above the statement that makes the table, view or macro ``name``."""
    room = next(room for room in ROOMS if files("sql").joinpath(room, f"{name}.sql").is_file())
    return statement(f"{room}/{name}").split("create", 1)[0]


def filled(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """Return a comment with the stars from which a rating is a favourite, where it names them."""
    if "$min_rating" not in text:
        return text
    [(min_rating,)] = connection.table("interaction_rules").select("min_rating").fetchall()
    return text.replace("$min_rating", f"{min_rating:g}")


def comment_on(connection: duckdb.DuckDBPyConnection, target: str, text: str) -> None:
    """Set a comment; ``comment on`` takes no parameters, so the text, which is ours, is quoted here."""
    literal = text.replace("'", "''")
    connection.execute(f"comment on {target} is '{literal}'")
