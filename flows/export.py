"""The published tables in the database of an app."""

import os
from pathlib import Path

from prefect import flow, get_run_logger
from prefect.blocks.system import Secret
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.notify import NOTIFIED
from flows.stations import export_to
from tasks.published.postgresql_server import ADDRESS, place_given
from tasks.text import tables_in_words


@flow(name="export", **NOTIFIED)
def export(
    tables: list[str] | None = None,
    changed_since: str | None = None,
    schema_name: str = "cinecluster",
    secret: str = "cinecluster-postgresql",  # noqa: S107
    database: Path = Path("data/cinecluster.duckdb"),
) -> dict[str, int] | State[None]:
    """Replace the tables of a PostgreSQL database by the published ones, in one transaction.

    The address of the database is in the variable CINECLUSTER_POSTGRESQL, or in a secret block. Where it is in
    neither, nothing is exported, and the run ends as skipped.

    Returns the number of rows of each table.

    Args:
        tables: Names of published tables; those that an app needs if none are given.
        changed_since: Run; replace the recommendations of those users alone whose lists changed since.
        schema_name: Schema in that database, which is made if it is not there.
        secret: Name of the secret block.
        database: Published DuckDB file.
    """
    address = os.environ.get(ADDRESS) or address_in(secret)
    if address is None:
        return Completed(name="Skipped", message=f"Neither the variable {ADDRESS} nor a secret block {secret} is set.")
    place = place_given(address, schema_name)
    rows = export_to(database, place, tables or [], changed_since)
    get_run_logger().info(f"{tables_in_words(rows)} in {place}, schema {schema_name}")
    return rows


def address_in(secret: str) -> str | None:
    """Return what a secret block holds, None if there is no such block."""
    try:
        return str(Secret.load(secret).get())  # type: ignore[union-attr]
    except ValueError:
        return None
