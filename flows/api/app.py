"""The application, and the process that serves it."""

import gc
import logging
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from threadpoolctl import threadpool_limits

from flows.api.fast import shorten
from flows.api.guard import Guard, Measures
from flows.api.pages import Pages, page_routes
from flows.api.routes import DEFAULT_N, Threads, changing_routes, reading_routes, stored_answer, watching_routes
from flows.api.sessions import Sessions
from flows.terminal import aside, say
from tasks.app.follow import Follower
from tasks.app.store import Store
from tasks.errors import CineclusterError

TOKEN = "CINECLUSTER_API_TOKEN"  # noqa: S105
SHORTEST_TOKEN = 16
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
SECONDS_TO_END = 10
SECONDS_OF_A_TURN = 0.0005  # of a thread, before one that answers a short request gets its turn


class ServeOptions(NamedTuple):
    """How to serve.

    hosts : names that the server goes by, besides those of this machine for itself.
    most_at_work : requests at a time; others get status 503.
    max_age : hours after which tables are stale.
    token : what allows to change favourites; None where nobody may.
    """

    hosts: tuple[str, ...] = ()
    most_at_work: int = 64
    max_age: float = 36.0
    token: str | None = None


def create_app(store: Store, follower: Follower, options: ServeOptions) -> Guard:
    """Return the application; its threads run from its start to its end."""
    threads, measures = Threads(), Measures()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        workers = [threading.Thread(target=each.keep_following, daemon=True) for each in (store, follower)]
        for worker in workers:
            worker.start()
        async with threads.open():
            yield
        store.is_ending.set()
        follower.end()
        for worker in workers:
            worker.join(SECONDS_TO_END)

    app = FastAPI(
        title="cinecluster",
        summary="Movie recommendations from clusters of people with the same taste.",
        version=version("cinecluster"),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.include_router(reading_routes(store, threads))
    if options.token is not None:
        app.include_router(changing_routes(store, threads, options.token))
    app.include_router(watching_routes(store, measures, options.max_age, lambda: follower.problem))

    pages = Pages(store, Sessions(options.token))
    app.include_router(page_routes(pages, threads))

    @app.exception_handler(HTTPException)
    async def say_what_is_missing(request: Request, error: HTTPException) -> Response:
        if error.detail == "Not Found" and "text/html" in request.headers.get("accept", ""):
            return pages.problem(request, 404, "There is no such page.")
        return await http_exception_handler(request, error)

    @app.exception_handler(CineclusterError)
    async def say_what_is_wrong(request: Request, error: CineclusterError) -> JSONResponse:
        logging.getLogger("cinecluster.api").warning("%s", error)
        return JSONResponse({"detail": "The tables cannot be read or written at the moment."}, 503)

    shorter = shorten(app, partial(stored_answer, store), DEFAULT_N)
    return Guard(shorter, frozenset({*LOOPBACK, *map(str.lower, options.hosts)}), options.most_at_work, measures)


def token_given() -> str | None:
    """Return the token in the environment, None where there is none.

    Raises
    ------
    CineclusterError
        If it is short enough to be guessed.
    """
    token = os.environ.get(TOKEN) or None
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii()):
        raise CineclusterError(
            f"{TOKEN} is shorter than {SHORTEST_TOKEN} characters, or not ASCII. `openssl rand -hex 32` makes one."
        )
    return token


def prepare(store: Store) -> None:
    """Read and import what requests will need, so that the first ones are as quick as later ones."""
    import tasks.model.neighbours  # noqa: F401 - takes a second, and places somebody new

    while store.read_ahead():
        pass


def serve_published(database: Path, host: str, port: int, options: ServeOptions) -> None:
    """Serve a published file until the process is told to end.

    Raises
    ------
    CineclusterError
        If nothing is published there, or the address cannot be used.
    """
    say(f"reading {database}", aside)
    follower = Follower(database)
    store = Store(database, follower.tell)
    if options.token:
        follower.start()
    prepare(store)
    app = create_app(store, follower, options)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=SECONDS_TO_END
    )
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise CineclusterError(
            f"{host}:{port}: {os.strerror(error.errno or 0)}. Choose another --host or --port."
        ) from error
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it; else clients wait 40 ms
    sys.setswitchinterval(SECONDS_OF_A_TURN)
    gc.freeze()  # looking for garbage in all that is loaded would take 40 ms every now and then
    with listening, threadpool_limits(1, "blas"):
        address = f"[{host}]" if ":" in host else host
        may = "favourites may be changed" if options.token else f"favourites cannot be changed: {TOKEN} is not set"
        say(f"run {store.tables.status.run_id} on http://{address}:{listening.getsockname()[1]}/, {may}")
        uvicorn.Server(config).run([listening])
