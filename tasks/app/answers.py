"""What a server answers, as plain values."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from tasks.app.person import Person
from tasks.app.recommend import Recommended, recommend_to
from tasks.app.tables import Tables, session
from tasks.app.why import because
from tasks.engine.duckdb import frame
from tasks.published.filters import NONE_LEFT, Filters
from tasks.text import fold

Answer = dict[str, Any]


def movie_at(tables: Tables, position: int) -> Answer:
    """Return a movie: movie_id, title, year, genres."""
    movies = tables.movies
    return {
        "movie_id": int(movies.ids[position]),
        "title": movies.titles[position],
        "year": movies.years[position],
        "genres": movies.genres[position],
    }


def recommendations(tables: Tables, user_id: int, found: Recommended, reasons: list[list[int]] | None = None) -> Answer:
    """Return a user's recommendations, where they come from, and with ``reasons`` why."""
    scored = zip(found.movies.tolist(), found.scores.tolist(), strict=True)
    return {
        "user_id": user_id,
        "is_personal": found.is_personal,
        "note": note_on(user_id, found),
        "cluster": cluster_named(tables, found.cluster),
        "recommendations": [
            {
                "rank": rank,
                **movie_at(tables, position),
                "score": round(score, 6),
                "because": None if reasons is None else [title_at(tables, reason) for reason in reasons[rank - 1]],
            }
            for rank, (position, score) in enumerate(scored, start=1)
        ],
    }


def note_on(user_id: int, found: Recommended) -> str | None:
    """Return what to say of recommendations that are nobody's own, or none."""
    if not len(found.movies):
        return NONE_LEFT
    return None if found.is_personal else f"User {user_id} has no favourites: these are the favourites of all users."


def recommend_with_reasons(tables: Tables, person: Person, n: int, filters: Filters, is_why: bool) -> Answer:
    """Return recommendations for a person, computed anew."""
    found = recommend_to(tables, person, n, filters)
    reasons = None
    if is_why:
        reasons = because(tables, person, found.movies) if found.is_personal else [[] for _ in found.movies]
    return recommendations(tables, person.user_id, found, reasons)


def title_at(tables: Tables, position: int) -> Answer:
    """Return a movie's id and title."""
    return {"movie_id": int(tables.movies.ids[position]), "title": tables.movies.titles[position]}


def similar_movies(tables: Tables, movie_id: int, n: int) -> list[Answer]:
    """Return up to ``n`` movies that are similar to one, the most similar first, of those that are stored."""
    return with_titles(tables, ask(tables, "app/similar_movies", movie_id=movie_id, n=n))


def popular(tables: Tables, since: datetime, n: int) -> list[Answer]:
    """Return the movies with most favourites since a moment."""
    return with_titles(tables, ask(tables, "app/popular", since=since, n=n))


def cluster_named(tables: Tables, cluster: int | None) -> Answer | None:
    """Return a cluster's number and name."""
    return None if cluster is None else {"cluster": cluster, "name": tables.clusters[cluster]["name"]}


def user(tables: Tables, person: Person, n: int) -> Answer:
    """Return a user's cluster and favourites, those favourited last first."""
    favourites = person.favourites
    latest = sorted(favourites, key=lambda movie_id: (favourites[movie_id], movie_id), reverse=True)[:n]
    return {
        "user_id": person.user_id,
        "cluster": cluster_named(tables, person.cluster),
        "n_seen": len(person.judged),
        "n_favourites": len(favourites),
        "favourites": with_titles(
            tables, [{"movie_id": movie_id, "rated_at": time_of(favourites[movie_id])} for movie_id in latest]
        ),
    }


def time_of(seconds: int) -> datetime | None:
    """Return seconds since 1970 as a time, None for 0."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def ask(tables: Tables, name: str, **parameters: Any) -> list[Answer]:
    """Return the rows of ``sql/<name>.sql``."""
    with session(tables) as cursor:
        return frame(cursor, name, **parameters).to_dicts()


def with_titles(tables: Tables, rows: list[Answer]) -> list[Answer]:
    """Return rows that have a movie_id with title, year and genres."""
    return [{**row, **movie_at(tables, int(tables.movies.position(row["movie_id"]) or 0))} for row in rows]


def cluster(tables: Tables, number: int, n: int) -> Answer:
    """Return a cluster with its ``n`` most favourited movies and its genres."""
    movies = with_titles(tables, ask(tables, "app/movies_of_cluster", cluster=number, n=n))
    return {**tables.clusters[number], "movies": movies, "genres": ask(tables, "app/genres_of_cluster", cluster=number)}


def find_movies(tables: Tables, text: str, n: int) -> list[Answer]:
    """Return up to ``n`` movies whose titles have all words of a text, the most favourited first.

    Case, accents and punctuation make no difference.
    """
    words = fold(text).split()
    if not words:
        return []
    found = [place for place, title in enumerate(tables.movies.folded) if all(word in title for word in words)]
    columns = tables.column_of[found] if found else np.zeros(0, dtype=np.int32)
    order = np.argsort(np.where(columns < 0, len(tables.columns), columns), kind="stable")
    return [movie_at(tables, found[place]) for place in order[:n]]
