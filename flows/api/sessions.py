"""Who is signed in to the pages, and whether a form that is sent comes from one of them."""

import secrets
import time
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request

COOKIE = "cinecluster_session"
SECONDS_SIGNED_IN = 8 * 3600
MOST_SESSIONS = 1000
MOST_BYTES = 10_000
SAME = ("same-origin", "none")


class Session(NamedTuple):
    """csrf : what every form of this session holds; ends_at : on the clock of `time.monotonic`."""

    csrf: str
    ends_at: float


class Sessions:
    """Those who signed in with the token; they are forgotten when the server ends."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        self.open: dict[str, Session] = {}

    def sign_in(self, token: str) -> str | None:
        """Return the name of a new session, None if the token is wrong."""
        if self.token is None or not secrets.compare_digest(token.encode(), self.token.encode()):
            return None
        now = time.monotonic()
        self.open = {name: session for name, session in self.open.items() if session.ends_at > now}
        while len(self.open) >= MOST_SESSIONS:
            self.open.pop(next(iter(self.open)))
        name = secrets.token_urlsafe(32)
        self.open[name] = Session(secrets.token_urlsafe(32), now + SECONDS_SIGNED_IN)
        return name

    def of(self, request: Request) -> Session | None:
        """Return the session of a request."""
        session = self.open.get(request.cookies.get(COOKIE, ""))
        return session if session and session.ends_at > time.monotonic() else None

    def sign_out(self, request: Request) -> None:
        """End the session of a request."""
        self.open.pop(request.cookies.get(COOKIE, ""), None)

    def allows(self, request: Request, form: dict[str, str]) -> bool:
        """Return whether a form comes from a page of the session that the request belongs to."""
        session = self.of(request)
        return session is not None and secrets.compare_digest(form.get("csrf", "").encode(), session.csrf.encode())


def is_from_here(request: Request) -> bool:
    """Return whether the browser, if it says so, sent a form from a page of this server."""
    origin = request.headers.get("origin")
    is_same = origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
    return is_same and request.headers.get("sec-fetch-site", "none") in SAME


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form; none where it is too long or no form."""
    text = b""
    async for part in request.stream():
        text += part
        if len(text) > MOST_BYTES:
            return {}
    return dict(parse_qsl(text.decode("utf-8", "replace"), max_num_fields=20))
