"""The explorer in headless Chromium: a favourite that the list follows, quiet, and readable at each width."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.conftest import TITLES, publish
from tests.e2e.browser import CHROMIUM, Page, browser

TOKEN = "a token for this test alone"  # noqa: S105
TITLE = "</main><script>alert(1)</script><img src=x onerror=alert(2)>" + "Donaudampfschifffahrt" * 6
PATHS = ("/", "/?q=rocket", "/explore/users/2", "/explore/movies/1", "/explore/clusters/0", "/explore/runs")
PASSWORDS = "Password forms should have"  # a hint of Chromium: there is no name beside the token

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium; CHROMIUM names it")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server of tables with a hostile, long title listens."""
    folder = tmp_path_factory.mktemp("explorer")
    database = publish(folder / "films.duckdb", movies=TITLES | {1: (f"{TITLE} (1951)", "Sci-Fi|Action")}).database
    command = [sys.executable, "-m", "flows.cli", "api", "--port", "0", "--database", str(database)]
    environment = os.environ | {"CINECLUSTER_API_TOKEN": TOKEN, "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:  # noqa: S603
        try:
            assert server.stdout
            port = server.stdout.readline().partition("http://127.0.0.1:")[2].partition("/")[0]
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def page(root: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A tab that is signed in."""
    with browser(tmp_path_factory.mktemp("chromium")) as page:
        go(page, f"{root}/explore/sign-in?user=2", 1100)
        page.value(f"document.querySelector('[name=token]').value = {TOKEN!r}")
        page.value("document.querySelector('main button').click()")
        wait_for(page, "location.pathname == '/explore/users/2' && document.readyState == 'complete'")
        yield page


def go(page: Page, address: str, width: int, dark: bool = False) -> None:
    """Load a page at a width in CSS pixels, in light or dark."""
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    page.call("Emulation.setEmulatedMedia", features=[scheme])
    page.call("Page.navigate", url=address)
    wait_for(page, f"location.href == {address!r} && document.readyState == 'complete'")


def wait_for(page: Page, expression: str) -> None:
    """Return once an expression is true in the page."""
    ends = time.monotonic() + 30
    while not page.value(expression):
        assert time.monotonic() < ends, expression
        time.sleep(0.05)


def test_a_favourite_is_added_from_the_keyboard_and_the_list_follows(page: Page, root: str):
    go(page, f"{root}/explore/users/2", 1100)
    assert page.value("document.cookie") == "", "scripts do not see the session"
    first = page.value("document.querySelector('#list a').textContent")
    page.value("document.querySelector('#list button').focus()")
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    wait_for(page, "document.querySelector('#said').textContent.endsWith(': done')")
    assert page.value("document.querySelector('#favourites ~ ul a').textContent") == first
    assert first not in page.value("[...document.querySelectorAll('#list li > div > a')].map(a => a.textContent)")
    assert page.value("location.pathname") == "/explore/users/2"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("width", "dark"), [(1100, False), (1100, True), (360, False)])
def test_nothing_is_wider_than_the_screen(page: Page, root: str, path: str, width: int, dark: bool):
    go(page, root + path, width, dark)
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.value("getComputedStyle(document.body).backgroundColor") == (
        "rgb(20, 24, 31)" if dark else "rgb(251, 250, 247)"
    )


def test_nothing_is_asked_of_others_and_no_title_is_obeyed(page: Page, root: str):
    for path in PATHS:
        go(page, root + path, 1100)
    assert [complaint for complaint in page.complaints if PASSWORDS not in complaint] == []
    assert [request for request in page.requests if not request.startswith(root)] == []
