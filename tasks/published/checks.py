"""Claims about the tables that must hold before they are published."""

import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import duckdb

from tasks.engine import Engine
from tasks.errors import CineclusterError
from tasks.progress import report_progress
from tasks.published.read import connect_to_published

SHOWN_ROWS = 5


class CheckOptions(NamedTuple):
    """What the claims are held to.

    top_n : recommendations a user.
    min_cluster_size : users.
    max_drop : share of the rows published before that may be missing.
    max_quality_drop : share of the held-out quality of the run before that may be lost.
    """

    top_n: int
    min_cluster_size: int
    max_drop: float
    max_quality_drop: float


def check_tables(engine: Engine, published: Path, options: CheckOptions) -> list[str]:
    """Run every ``sql/checks/<claim>.sql`` on the build; return the claims, which all hold.

    Row counts are compared with those of the file ``published``, if there is one.

    Raises
    ------
    CineclusterError
        Names the first claim that does not hold and shows five of the rows that break it.
    """
    values = options._asdict() | counts_before(published)
    claims = sorted(files("sql").joinpath("checks").iterdir(), key=lambda path: path.name)
    names = [claim.name.removesuffix(".sql") for claim in claims]
    with engine.connect() as connection:
        for done, (name, claim) in enumerate(zip(names, claims, strict=True), start=1):
            check_claim(connection, name, claim.read_text(encoding="utf-8"), values)
            report_progress(done, len(claims))
    return names


def counts_before(published: Path) -> dict[str, int]:
    """Return the row counts of the published file, 0 where there is none."""
    counts = {"n_ratings": 0, "n_favourites": 0, "n_users_with_favourites": 0}
    if published.exists():
        with connect_to_published(published) as connection:
            before = connection.table("ratings_summary").pl().to_dicts()[0]
        counts = {name: before[name] for name in counts}
    return {f"{name}_before": count for name, count in counts.items()}


def check_claim(connection: duckdb.DuckDBPyConnection, claim: str, statement: str, parameters: dict[str, Any]) -> None:
    """Raise a CineclusterError if the statement returns rows: they break the claim, which its first line explains."""
    sentence, code = statement.removeprefix("-- ").split("\n", 1)
    used = {name: parameters[name] for name in re.findall(r"\$(\w+)", code)}
    result = connection.execute(f"from (\n{code}\n) limit {SHOWN_ROWS}", used)
    columns = [column[0] for column in result.description or []]
    rows = result.fetchall()
    if rows:
        shown = "; ".join(", ".join(f"{c}={v}" for c, v in zip(columns, row, strict=True)) for row in rows)
        raise CineclusterError(
            f"Check failed: {claim.replace('_', ' ')}. {Template(sentence).safe_substitute(parameters)} "
            f"The published tables stay as they are. First rows: {shown}"
        )
