"""Tables that a server holds."""

import shutil
from pathlib import Path

import pytest

from tasks.app.store import Store
from tasks.app.tables import session
from tests.conftest import Made


@pytest.fixture(params=["good_tables", "article_tables"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A published file of its own for each test, by the default method and by the article's."""
    made: Made = request.getfixturevalue(request.param)
    return Path(shutil.copy(made.database, tmp_path / "films.duckdb"))


@pytest.fixture
def store(database: Path) -> Store:
    """What a server answers from."""
    return Store(database)


def asked(store: Store, query: str, *parameters: object) -> list[tuple]:
    """Return the rows of a query on what the server holds, as any client would see them."""
    with session(store.tables) as cursor:
        return cursor.execute(query, parameters).fetchall()
