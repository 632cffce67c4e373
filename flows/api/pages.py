"""The pages: a user, a movie, a cluster and the runs, made on the server."""

import asyncio
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from flows.api.routes import Threads
from flows.api.sessions import COOKIE, SECONDS_SIGNED_IN, Sessions, form_of, is_from_here
from tasks.app import answers as found
from tasks.app.store import Store
from tasks.favourites.change import LARGEST_ID
from tasks.published.filters import Filters
from tasks.text import plain

MOST_SHOWN, MOST_FAVOURITES, MOST_FOUND, MOST_MOVIES = 20, 50, 50, 30
SECONDS_TO_TRY_AGAIN = 0.5
TYPES = {"style.css": "text/css", "script.js": "text/javascript", "icon.svg": "image/svg+xml"}
templates = Environment(
    loader=PackageLoader("flows.api"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
templates.filters |= {"plain": plain, "number": "{:,}".format}


class Pages:
    """What makes a page of what was found."""

    def __init__(self, store: Store, sessions: Sessions) -> None:
        self.store, self.sessions = store, sessions

    def show(self, request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Return the page ``<name>.html.jinja``."""
        always = {
            "status": self.store.tables.status,
            "session": self.sessions.of(request),
            "can_sign_in": self.sessions.token is not None,
        }
        return HTMLResponse(templates.get_template(f"{name}.html.jinja").render(always | values), status)

    def problem(self, request: Request, status: int, problem: str) -> HTMLResponse:
        """Return a page that says what went wrong."""
        return self.show(request, "problem", status, problem=problem)


def number_in(text: str, least: int = 1, most: int = LARGEST_ID) -> int | None:
    """Return the number that a text is, None where it is none between the bounds."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else -1
    return number if least <= number <= most else None


def page_routes(pages: Pages, threads: Threads) -> APIRouter:
    """Return the routes of the pages."""
    router = APIRouter(include_in_schema=False)
    add_reading(router, pages, threads)
    if pages.sessions.token is not None:
        add_signing(router, pages)
        add_changing(router, pages, threads)

    @router.get("/explore/{name}")
    async def static(request: Request, name: str) -> Response:
        if name not in TYPES:
            raise HTTPException(404)
        content = files("flows.api").joinpath("static", name).read_bytes()
        return Response(content, media_type=TYPES[name])

    return router


def add_reading(router: APIRouter, pages: Pages, threads: Threads) -> None:
    """Add the pages that anybody may see."""
    store = pages.store

    @router.api_route("/", methods=["GET", "HEAD"])
    async def home(request: Request, q: str = "") -> Response:
        q = q.strip()[:200]
        movies = await threads.run(found.find_movies, store.tables, q, MOST_FOUND) if q else []
        number = number_in(q)
        position, is_known = None, False
        if number is not None:
            position = store.tables.movies.position(number)
            is_known = bool((await threads.run(store.person, number))[1].judged)
        if position is not None:
            movies = [found.movie_at(store.tables, position), *movies]
        clusters = store.tables.clusters
        return pages.show(request, "home", q=q, user_id=number, is_known=is_known, movies=movies, clusters=clusters)

    @router.get("/explore/users/{user}")
    async def user(request: Request, user: str, genre: str = "", from_year: str = "", to_year: str = "") -> Response:
        user_id = number_in(user)
        if user_id is None:
            return pages.problem(request, 404, "There is no such user.")
        filters = Filters((genre,) if genre else (), number_in(from_year, most=9999), number_in(to_year, most=9999))
        values = await threads.run(user_values, store, user_id, filters)
        asked = filters._asdict() | {"genre": genre}
        return pages.show(request, "user", filters=asked, query=request.url.query, **values)

    @router.get("/explore/movies/{movie}")
    async def movie(request: Request, movie: str) -> Response:
        tables, movie_id = store.tables, number_in(movie)
        position = None if movie_id is None else tables.movies.position(movie_id)
        if position is None:
            return pages.problem(request, 404, "There is no such movie.")
        [item] = await threads.run(lambda: found.ask(tables, "app/movie", movie_id=movie_id))
        similar = await threads.run(found.similar_movies, tables, int(movie_id or 0), MOST_SHOWN)
        return pages.show(request, "movie", item=item, similar=similar)

    @router.get("/explore/clusters")
    async def clusters(request: Request) -> Response:
        return pages.show(request, "clusters", clusters=store.tables.clusters)

    @router.get("/explore/clusters/{cluster}")
    async def cluster(request: Request, cluster: str) -> Response:
        tables, number = store.tables, number_in(cluster, 0, len(store.tables.clusters) - 1)
        if number is None:
            return pages.problem(request, 404, "There is no such cluster.")
        values = await threads.run(found.cluster, tables, number, MOST_MOVIES)
        return pages.show(request, "cluster", cluster=values)

    @router.get("/explore/runs")
    async def runs(request: Request) -> Response:
        tables = store.tables
        rows = await threads.run(lambda: [found.ask(tables, f"app/{name}") for name in ("runs", "quality")])
        return pages.show(request, "runs", runs=rows[0], quality=rows[1])


def user_values(store: Store, user_id: int, filters: Filters) -> dict[str, Any]:
    """Return what the page of a user shows."""
    tables, person = store.person(user_id)
    return {
        "user": found.user(tables, person, MOST_FAVOURITES),
        "found": found.recommend_with_reasons(tables, person, MOST_SHOWN, filters, is_why=True),
        "all_genres": [plain(name) for name in sorted(tables.movies.genre_codes)][:100],
    }


def add_signing(router: APIRouter, pages: Pages) -> None:
    """Add signing in and out."""
    sessions = pages.sessions

    @router.get("/explore/sign-in")
    async def sign_in_page(request: Request, user: str = "") -> Response:
        return pages.show(request, "sign_in", problem=None, next=number_in(user) or "")

    @router.post("/explore/sign-in")
    async def sign_in(request: Request) -> Response:
        form = await form_of(request)
        next_user = number_in(form.get("next", ""))
        name = sessions.sign_in(form.get("token", "")) if is_from_here(request) else None
        if name is None:
            await asyncio.sleep(SECONDS_TO_TRY_AGAIN)
            return pages.show(request, "sign_in", 403, problem="That is not the token.", next=next_user or "")
        answer = RedirectResponse(f"/explore/users/{next_user}" if next_user else "/", 303)
        is_secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, name, SECONDS_SIGNED_IN, httponly=True, samesite="strict", secure=is_secure)
        return answer

    @router.post("/explore/sign-out")
    async def sign_out(request: Request) -> Response:
        if not is_from_here(request) or not sessions.allows(request, await form_of(request)):
            return pages.problem(request, 403, "That form is not of this session.")
        sessions.sign_out(request)
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer


def add_changing(router: APIRouter, pages: Pages, threads: Threads) -> None:
    """Add the forms that change favourites."""

    @router.post("/explore/users/{user}/favourites")
    @router.post("/explore/favourites")
    async def change(request: Request, user: str = "") -> Response:
        form = await form_of(request)
        if not is_from_here(request) or not pages.sessions.allows(request, form):
            return pages.problem(request, 403, "Sign in again: that form is not of this session.")
        user_id, movie_id = number_in(user or form.get("user_id", "")), number_in(form.get("movie_id", ""))
        if user_id is None or movie_id is None or form.get("change") not in ("add", "remove"):
            return pages.problem(request, 400, "Give the id of a user and of a movie, and whether to add or to remove.")
        try:
            await threads.run_in_line(pages.store.change, user_id, movie_id, form["change"] == "remove")
        except LookupError:
            return pages.problem(request, 404, "There is no such movie.")
        return RedirectResponse(f"/explore/users/{user_id}?{request.url.query}".rstrip("?"), 303)
