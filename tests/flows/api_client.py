"""A server in this process, for tests."""

from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from flows.api.app import ServeOptions, create_app
from tasks.app.follow import Follower
from tasks.app.store import Store

TOKEN = "sixteen letters or more"  # noqa: S105
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Quiet(Follower):
    """Does nothing after a favourite: these tests are of what is answered before that."""

    def bring_up_to_date(self) -> str:
        return ""


def client_of(database: Path, **options: Any) -> TestClient:
    """Return a client of a server; a context."""
    follower = Quiet(database)
    app = create_app(Store(database, follower.tell), follower, ServeOptions(**{"token": TOKEN} | options))
    return TestClient(app, base_url="http://localhost:8000")
