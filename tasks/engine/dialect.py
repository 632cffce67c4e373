"""Statements in DuckDB's SQL, translated for Spark."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from tasks.engine.duckdb import statement

Columns = Mapping[str, str]  # name: type


class Parsed(NamedTuple):
    """A statement taken apart.

    kind : ``table``, ``view``, ``empty`` (a table without rows), ``rows`` (added to a table), ``drop`` or ``query``.
    target : the table or view that it makes or adds to, empty for a query.
    query : what it selects, without its order unless it is a query.
    order : the columns that the target is in the order of, in DuckDB's SQL; ``all`` where the statement has none.
    """

    kind: str
    target: str
    query: exp.Expression
    order: str


@cache
def parse(name: str) -> Parsed:
    """Take apart ``sql/<name>.sql``.

    Raises
    ------
    ValueError
        If it does anything else.
    """
    parsed = sqlglot.parse_one(statement(name), dialect="duckdb")
    if isinstance(parsed, exp.Select):
        return Parsed("query", "", parsed, "")
    [target, *_] = (table.name for table in parsed.find_all(exp.Table))
    if isinstance(parsed, exp.Drop):
        return Parsed("drop", target, parsed, "")
    if not isinstance(parsed, exp.Create | exp.Insert):
        raise ValueError(f"sql/{name}.sql neither selects nor makes a table.")
    if parsed.expression is None:
        return Parsed("empty", target, parsed, "")
    kind = "rows" if isinstance(parsed, exp.Insert) else str(parsed.kind).lower()
    query = parsed.expression.copy()
    order = query.args.get("order")
    query.set("order", None)
    return Parsed(kind, target, query, order_of(order) if order else "all")


def order_of(order: exp.Expression) -> str:
    """Return the columns of an ``order by`` without the names of their tables."""
    order = order.copy()
    for column in order.find_all(exp.Column):
        column.set("table", None)
    return ", ".join(part.sql("duckdb") for part in order.expressions)


def tables_of(query: exp.Expression) -> list[str]:
    """Return the tables and views that a query reads."""
    steps = {step.alias for step in query.find_all(exp.CTE)}
    return sorted({table.name for table in query.find_all(exp.Table)} - steps)


def translate(query: exp.Expression, schema: Mapping[str, Columns], parameters: Mapping[str, Any]) -> str:
    """Return a query in Spark's SQL, with values for its parameters and every column named in full.

    Parameters
    ----------
    query : as `parse` returns it.
    schema : columns of the tables that it reads.
    parameters : by name; those that it does not name are left out.
    """
    bound = query.copy()
    for parameter in list(bound.find_all(exp.Placeholder)):
        parameter.replace(exp.convert(parameters[parameter.name]))
    tables: dict[str, object] = {name: dict(schema[name]) for name in tables_of(bound)}
    return qualify(bound, schema=tables, dialect="duckdb", identify=False, quote_identifiers=False).sql("spark")
