"""What stands before all routes: the name of the host, a bound on requests at work, headers, and measures."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS = ("/health", "/metrics")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0)
HEADERS = [
    (b"content-security-policy", b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
     b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]  # fmt: skip


class Measures:
    """Counts for Prometheus: requests by status, their seconds, and how many are at work."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.buckets = [0] * (len(SECONDS) + 1)
        self.seconds = 0.0
        self.n_at_work = 0

    def note(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self.statuses[status] += 1
        self.buckets[bisect_left(SECONDS, seconds)] += 1
        self.seconds += seconds

    def lines(self) -> Iterator[str]:
        """Yield the lines of the text that Prometheus reads."""
        name = "cinecluster_api_requests_total"
        yield f"# HELP {name} Answers by status.\n# TYPE {name} counter\n"
        for status, count in sorted(self.statuses.items()):
            yield f'{name}{{status="{status}"}} {count}\n'
        name = "cinecluster_api_request_seconds"
        yield f"# HELP {name} Time from a request to the end of its answer.\n# TYPE {name} histogram\n"
        total = 0
        for limit, count in zip((*SECONDS, "+Inf"), self.buckets, strict=True):
            total += count
            yield f'{name}_bucket{{le="{limit}"}} {total}\n'
        yield f"{name}_sum {self.seconds:.6f}\n{name}_count {total}\n"
        name = "cinecluster_api_requests_at_work"
        yield f"# HELP {name} Requests that are being answered.\n# TYPE {name} gauge\n{name} {self.n_at_work}\n"


class Guard:
    """An application around another.

    hosts : names by which the server may be called, without ports; a page elsewhere that has its own name point here
        is refused.
    most_at_work : requests that are answered at a time; others are told to come again.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str], most_at_work: int, measures: Measures) -> None:
        self.app, self.hosts, self.most_at_work, self.measures = app, hosts, most_at_work, measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have the application do so."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started, status = time.perf_counter(), 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        measures = self.measures
        measures.n_at_work += 1
        try:
            if host_of(scope) not in self.hosts:
                await refuse(send_with_headers, 400, "This server does not go by that name: see --allowed-host.")
            elif measures.n_at_work > self.most_at_work and scope["path"] not in ALWAYS:
                await refuse(send_with_headers, 503, "Too many requests at a time. Come again in a second.")
            else:
                await self.app(scope, receive, send_with_headers)
        finally:
            measures.n_at_work -= 1
            measures.note(status, time.perf_counter() - started)


def host_of(scope: Scope) -> str:
    """Return the name in the header Host, without the port."""
    for name, value in scope["headers"]:
        if name == b"host":
            host: str = value.decode("latin-1").lower()
            return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return ""


async def refuse(send: Send, status: int, detail: str) -> None:
    """Answer with a problem."""
    body = orjson.dumps({"detail": detail})
    headers: list[Any] = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
