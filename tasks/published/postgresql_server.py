"""A PostgreSQL database: where it is, how statements run there, and what to say when it refuses."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from tasks.errors import CineclusterError
from tasks.text import plain

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Connection

ADDRESS = "CINECLUSTER_POSTGRESQL"  # variable of the environment
SECONDS_TO_WAIT = 60  # for readers of tables that are going to be replaced, and for another export
PLAIN_ADDRESS = re.compile(r"postgres(?:ql)?://(?:[^@/?#]*@)?([^@/?#:]*(?::\d+)?(?:/[^@/?#]*)?)(?:\?[^@]*)?")
REACHING = re.compile(
    r"(?<=FATAL:  ).*|Connection refused|could not translate host name|timeout expired|No such file.*"
)
REFUSED = {
    "3D000": "Make it with createdb, or mend the address.",
    "28P01": "PGPASSWORD, or the file that PGPASSFILE names, may hold the password.",
    "42501": "A user with the right to do it can run: create schema {schema} authorization USER",
    "55P03": f"Readers, or another export, have kept them for {SECONDS_TO_WAIT} seconds. Run again later.",
    "2BP01": "Drop what depends on the tables of an export: they are replaced by new ones.",
}


class Place(NamedTuple):
    """A schema of a PostgreSQL database.

    address : such as postgresql://user@host:5432/database; it may hold a password, so it is never shown.
    """

    address: str
    schema: str = "cinecluster"

    def __str__(self) -> str:
        """Return where it is, without a password."""
        found = PLAIN_ADDRESS.fullmatch(self.address)
        return plain(f"postgresql://{found[1]}") if found else "The database of --to"


def place_given(address: str | None, schema: str) -> Place:
    """Return the place at an address, or at the one in ``CINECLUSTER_POSTGRESQL``.

    Raises
    ------
    CineclusterError
        If there is none, or it is no address of PostgreSQL. It is not repeated: it may hold a password.
    """
    place = Place(address or os.environ.get(ADDRESS, ""), schema)
    if not place.address:
        raise CineclusterError(f"No database is named. Give --to postgresql://user@host/database, or set {ADDRESS}.")
    if not place.address.startswith(("postgresql://", "postgres://")):
        raise CineclusterError(f"--to or {ADDRESS} is no address such as postgresql://user@host:5432/database.")
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema) or schema.startswith("pg_"):
        raise CineclusterError(f"--schema {plain(schema)!r}: a name has small letters, digits and underscores.")
    return place


@contextmanager
def transaction_in(place: Place) -> Iterator["Connection"]:
    """Yield a connection to PostgreSQL whose changes hold once what is done inside has ended, or not at all."""
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError as error:
        raise CineclusterError("PostgreSQL needs an extra. Run: pip install 'cinecluster[postgresql]'") from error
    try:
        connection = dbapi.connect(place.address)
    except dbapi.Error as error:
        raise not_reached(place, str(error)) from None  # the cause may hold the password
    with connection:
        try:
            yield connection
            connection.commit()
        except dbapi.Error as error:
            raise refused(place, error.sqlstate, str(error)) from None


def not_reached(place: Place, text: str) -> CineclusterError:
    """Return what to say of a server that cannot be reached, and nothing that could be of its password."""
    known = REACHING.search(text)
    if known is None:
        return CineclusterError(f"{place}: cannot be reached by this address. Nothing was changed.")
    states = {"does not exist": "3D000", "password": "28P01", "no password supplied": "28P01"}
    state = next((state for words, state in states.items() if words in known[0] and "role" not in known[0]), None)
    remedy = REFUSED[state] if state else "Is the server running, and the address right?"
    return CineclusterError(f"{place}: {plain(known[0]).rstrip('.')}. {remedy} Nothing was changed.")


def refused(place: Place, state: str | None, text: str) -> CineclusterError:
    """Return what to say of a statement that PostgreSQL refused."""
    said = re.search(r"(?:ERROR|FATAL): +(.*)", text)
    remedy = REFUSED.get(state or "", "").format(schema=place.schema)
    fault = plain(said[1] if said else text.strip().splitlines()[-1]).rstrip(".")
    return CineclusterError(f"{place}: {fault}. {remedy}{' ' if remedy else ''}The tables there stay as they were.")


def execute(target: "Connection", query: str, *parameters: str) -> None:
    """Run a statement in PostgreSQL."""
    with target.cursor() as cursor:
        cursor.execute(query, parameters or None)


def fetch(target: "Connection", query: str, *parameters: str) -> list[tuple]:
    """Return the rows of a query in PostgreSQL."""
    with target.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return cursor.fetchall()


def quoted(*names: str) -> str:
    """Return the name of a schema, table or column as PostgreSQL reads it."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """Return a text as PostgreSQL reads it in statements that take no parameters."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"
