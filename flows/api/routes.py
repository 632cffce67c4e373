"""The routes of the API: what is asked is checked here, and answered by `tasks.app`."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from fastapi.responses import PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from flows.api import answers
from flows.api.guard import Measures
from tasks.app import answers as found
from tasks.app.store import Store
from tasks.favourites.change import LARGEST_ID, LARGEST_TOP_N
from tasks.published.filters import Filters
from tasks.published.status import metric_lines

Result = TypeVar("Result")
DEFAULT_N = 20
THREADS = 2  # requests that take longer, at a time
MOST_QUICK = 100  # recommendations that take 2 ms: a thread would have others wait longer than that
Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Count = Annotated[int, Query(ge=1, le=LARGEST_TOP_N, description="How many at most.")]
Year = Annotated[int | None, Query(ge=1, le=9999)]
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": answers.Problem}}
BUSY: dict[int | str, dict[str, Any]] = {503: {"model": answers.Problem, "description": "Too many requests at a time."}}
bearer = HTTPBearer(auto_error=False, description="The value of CINECLUSTER_API_TOKEN on the server.")


class Threads:
    """Where requests that take longer are answered, while others are, and where changes wait for each other."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(THREADS, "answer")
        self.line = ThreadPoolExecutor(1, "change")

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Return what a function makes of its arguments."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, function, *arguments)

    async def run_in_line(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Do the same one after the other."""
        return await asyncio.get_running_loop().run_in_executor(self.line, function, *arguments)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """End the threads at the end of the block."""
        yield
        self.pool.shutdown()
        self.line.shutdown()


def as_json(value: Any) -> Response:
    """Return a value as an answer."""
    return Response(orjson.dumps(value, option=orjson.OPT_NAIVE_UTC), media_type="application/json")


def stored_answer(store: Store, user_id: int, n: int) -> bytes | None:
    """Return the answer with a user's stored recommendations, None where it needs computing."""
    stored = store.stored(user_id, n)
    return stored and orjson.dumps(found.recommendations(stored[0], user_id, stored[1]))


def recommend(store: Store, user_id: int, n: int, filters: Filters, why: bool) -> found.Answer:
    """Return an answer that needs computing."""
    if filters == Filters() and not why and n <= store.tables.top_n:
        store.rank_again(user_id)
        if stored := store.stored(user_id, n):
            return found.recommendations(stored[0], user_id, stored[1])
    tables, person = store.person(user_id)
    return found.recommend_with_reasons(tables, person, n, filters, why)


async def filters_asked(
    genre: Annotated[list[str], Query(max_length=100, description="Movies of any of these genres.")] = [],  # noqa: B006
    from_year: Year = None,
    to_year: Year = None,
    exclude: Annotated[list[int], Query(max_length=1000, description="Ids of movies to leave out.")] = [],  # noqa: B006
    only: Annotated[list[int], Query(max_length=1000, description="Ids of the only movies wanted.")] = [],  # noqa: B006
) -> Filters:
    """Return the filters of a request."""
    return Filters(tuple(genre), from_year, to_year, tuple(exclude), tuple(only) or None)


def reading_routes(store: Store, threads: Threads) -> APIRouter:
    """Return the routes that anybody may ask."""
    router = APIRouter(responses=BUSY)

    @router.get("/users/{user_id}/recommendations", response_model=answers.Recommendations, tags=["users"])
    async def recommendations(
        user_id: Id, filters: Annotated[Filters, Depends(filters_asked)], n: Count = DEFAULT_N, why: bool = False
    ) -> Response:
        """Movies for a user as of now, best first. Unknown users get the overall favourites, and the answer says so."""
        if filters == Filters() and not why and (body := stored_answer(store, user_id, n)):
            return Response(body, media_type="application/json")
        if n <= MOST_QUICK and store.is_at_hand(user_id):
            return as_json(recommend(store, user_id, n, filters, why))
        return as_json(await threads.run(recommend, store, user_id, n, filters, why))

    @router.get("/users/{user_id}", response_model=answers.User, responses=NOT_FOUND, tags=["users"])
    async def user(user_id: Id, n: Count = 100) -> Response:
        """The cluster of a user, and the favourites as of now."""
        tables, person = await threads.run(store.person, user_id)
        if not person.judged:
            raise HTTPException(404, f"User {user_id} is unknown.")
        return as_json(await threads.run(found.user, tables, person, n))

    @router.get("/movies", response_model=list[answers.Movie], tags=["movies"])
    async def movies(
        q: Annotated[str, Query(min_length=1, max_length=200, description="Words of the title.")], n: Count = DEFAULT_N
    ) -> Response:
        """Movies whose titles have all words, the most favourited first."""
        return as_json(await threads.run(found.find_movies, store.tables, q, n))

    @router.get("/movies/{movie_id}", response_model=answers.MovieInFull, responses=NOT_FOUND, tags=["movies"])
    async def movie(movie_id: Id) -> Response:
        """A movie and its favourites as of now."""
        rows = await threads.run(lambda: found.ask(store.tables, "app/movie", movie_id=movie_id))
        if not rows:
            raise HTTPException(404, f"Movie {movie_id} is unknown.")
        return as_json(rows[0])

    @router.get(
        "/movies/{movie_id}/similar", response_model=list[answers.SimilarMovie], responses=NOT_FOUND, tags=["movies"]
    )
    async def similar(movie_id: Id, n: Count = 20) -> Response:
        """Movies that are similar to one, 20 at most; none for a movie with one favourite or none."""
        tables = store.tables
        if tables.movies.position(movie_id) is None:
            raise HTTPException(404, f"Movie {movie_id} is unknown.")
        return as_json(await threads.run(found.similar_movies, tables, movie_id, n))

    @router.get("/popular", response_model=list[answers.PopularMovie], tags=["movies"])
    async def popular(
        since: Annotated[date, Query(description="Day, in UTC, such as 2026-01-31.")], n: Count = 20
    ) -> Response:
        """Movies with most favourites since a day."""
        moment = datetime(since.year, since.month, since.day)
        return as_json(await threads.run(found.popular, store.tables, moment, n))

    @router.get("/clusters", response_model=list[answers.Cluster], tags=["clusters"])
    async def clusters() -> Response:
        """All clusters, the largest first."""
        return as_json(store.tables.clusters)

    @router.get("/clusters/{cluster}", response_model=answers.ClusterInFull, responses=NOT_FOUND, tags=["clusters"])
    async def cluster(cluster: Annotated[int, Path(ge=0, le=LARGEST_ID)], n: Count = 20) -> Response:
        """A cluster with its most favourited movies and its genres."""
        tables = store.tables
        if cluster >= len(tables.clusters):
            raise HTTPException(404, f"Cluster {cluster} is unknown.")
        return as_json(await threads.run(found.cluster, tables, cluster, n))

    return router


def changing_routes(store: Store, threads: Threads, token: str) -> APIRouter:
    """Return the routes that change favourites, for whoever has the token."""

    def check(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        if given is None or not secrets.compare_digest(given.credentials.encode(), token.encode()):
            raise HTTPException(401, "The token is missing or wrong.", {"WWW-Authenticate": "Bearer"})

    async def change(user_id: int, movie_id: int, remove: bool) -> Response:
        try:
            n_recorded = await threads.run_in_line(store.change, user_id, movie_id, remove)
        except LookupError as error:
            raise HTTPException(404, str(error.args[0])) from error
        changed = {"user_id": user_id, "movie_id": movie_id, "is_favourite": not remove}
        return as_json(changed | {"was_recorded": bool(n_recorded)})

    responses = BUSY | NOT_FOUND | {401: {"model": answers.Problem}}
    router = APIRouter(responses=responses, dependencies=[Depends(check)], tags=["users"])
    path = "/users/{user_id}/favourites/{movie_id}"

    @router.post(path, response_model=answers.Changed)
    async def add_favourite(user_id: Id, movie_id: Id) -> Response:
        """Add a favourite. It is on disk and in every later answer when this answers; the user may be new."""
        return await change(user_id, movie_id, remove=False)

    @router.delete(path, response_model=answers.Changed)
    async def remove_favourite(user_id: Id, movie_id: Id) -> Response:
        """Take a favourite back."""
        return await change(user_id, movie_id, remove=True)

    return router


def watching_routes(store: Store, measures: Measures, max_age: float, problem: Callable[[], str | None]) -> APIRouter:
    """Return the routes for those who watch the server; tables are stale after ``max_age`` hours."""
    router = APIRouter(tags=["operation"])

    @router.get("/health", response_model=answers.Health)
    async def health() -> Response:
        """What is served, and whether it is too old."""
        status = store.tables.status
        hours = status.age.total_seconds() / 3600
        return as_json(
            {
                "run_id": status.run_id,
                "finished_at": status.finished_at,
                "age_hours": round(hours, 3),
                "is_stale": hours > max_age,
                "problem": store.problem or problem(),
            }
        )

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """What is served, and how: the text format of Prometheus."""
        text = "".join([*metric_lines(store.tables.status), *measures.lines()])
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    return router
