import logging
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest

from flows.notify import notify_webhook

RUN: Any = SimpleNamespace(id=UUID(int=1), name="ml-latest, preset default")
FLOW: Any = SimpleNamespace(name="retrain")
FAILED: Any = SimpleNamespace(name="Failed", message="Flow run encountered an exception: no such folder")


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is posted, to a webhook that answers 204."""
    posts: list[dict[str, Any]] = []

    def post(address: str, json: dict[str, Any], timeout: float) -> httpx.Response:
        posts.append(json)
        return httpx.Response(204, request=httpx.Request("POST", address))

    monkeypatch.setattr(httpx, "post", post)
    return posts


def test_nothing_is_posted_without_an_address(posted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CINECLUSTER_WEBHOOK", raising=False)
    notify_webhook(FLOW, RUN, FAILED)
    assert posted == []


def test_a_failure_is_posted_with_its_reason(posted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CINECLUSTER_WEBHOOK", "http://hook.invalid/secret")
    notify_webhook(FLOW, RUN, FAILED)
    assert posted[0]["text"].startswith("retrain failed: ml-latest, preset default. no such folder")
    assert (posted[0]["state"], posted[0]["message"]) == ("Failed", "no such folder")


def test_hostile_input_is_no_markup(posted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CINECLUSTER_WEBHOOK", "http://hook.invalid/secret")
    notify_webhook(FLOW, RUN, SimpleNamespace(name="Failed", message="line 2: '<!channel> <http://e|x> &'"))
    assert "line 2: '&lt;!channel&gt; &lt;http://e|x&gt; &amp;'" in posted[0]["text"]


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/secret", "not an address/secret"])
def test_a_webhook_out_of_reach_is_a_warning_that_keeps_its_address(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CINECLUSTER_WEBHOOK", address)
    monkeypatch.setattr("flows.notify.get_logger", logging.getLogger)
    notify_webhook(FLOW, RUN, FAILED)
    assert "The webhook was not reached" in caplog.text
    assert "secret" not in caplog.text
