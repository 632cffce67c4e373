"""A message to a webhook when a run fails or is cancelled, for teams that do not watch the page of runs."""

import html
import os
from typing import Any

import httpx
from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging import get_logger
from prefect.settings import PREFECT_UI_URL

WEBHOOK = "CINECLUSTER_WEBHOOK"
SECONDS_TO_ANSWER = 10.0


def notify_webhook(flow: Flow[..., object], flow_run: FlowRun, state: State[object]) -> None:
    """Post the state of a run as JSON to the address in ``CINECLUSTER_WEBHOOK``; nothing happens without one.

    ``text`` alone is what Slack, Mattermost and Teams show; the other fields are for programs. A webhook that does
    not answer is a warning in the log, without its address, which often is a secret.
    """
    if not (address := os.environ.get(WEBHOOK)):
        return
    url = f"{PREFECT_UI_URL.value()}/runs/flow-run/{flow_run.id}" if PREFECT_UI_URL.value() else None
    message = (state.message or "").removeprefix("Flow run encountered an exception: ")[:2000]
    text = f"{flow.name} {state.name.lower() if state.name else 'ended'}: {flow_run.name}. {message}"
    text, message = (each.encode(errors="replace").decode() for each in (text, message))  # names that are not UTF-8
    text = html.escape(text, quote=False)  # a line of bad input calls nobody and links nowhere
    body = {
        "text": f"{text}\n{url}" if url else text,
        "flow": flow.name,
        "run": flow_run.name,
        "run_id": str(flow_run.id),
        "state": state.name,
        "message": message,
        "url": url,
    }
    try:
        httpx.post(address, json=body, timeout=SECONDS_TO_ANSWER).raise_for_status()
    except httpx.HTTPStatusError as error:
        get_logger("cinecluster").warning("The webhook answered %s.", error.response.status_code)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        get_logger("cinecluster").warning("The webhook was not reached: %s.", type(error).__name__)


NOTIFIED: dict[str, Any] = {
    "on_failure": [notify_webhook],
    "on_crashed": [notify_webhook],
    "on_cancellation": [notify_webhook],
}  # what a flow is given whose bad ends are told
