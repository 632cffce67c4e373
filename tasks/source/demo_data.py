"""MovieLens-shaped demo data, made on the spot: people with tastes, movies for them, and their ratings.

Every user has a main taste group, a second one, and an ear for what everybody watches. Movies belong to one
taste group each; genres and titles show which, so that clusters found in the ratings can be seen to be right.
The same arguments give the same files, byte for byte.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

from tasks.errors import CineclusterError
from tasks.files import replacing, writing
from tasks.source.demo_ratings import LAST_DAY, Movies, Users, make_ratings
from tasks.source.demo_titles import GROUP_SHARES, TASTES, invent_genres, invent_titles

SMALL_RATINGS, SMALL_USERS, SMALL_MOVIES = 100_000, 610, 9_700
"""Size of MovieLens "latest small", rounded."""

FULL_RATINGS, FULL_USERS, FULL_MOVIES = 26_024_289, 270_896, 45_115
"""Size of the full MovieLens file; only movies with a rating count."""

MINIMUM_RATINGS = 100
"""Below this there are too few users for twelve tastes."""

FIRST_DAY = np.datetime64("1996-01-29", "s").astype(np.int64)
USERS_STREAM, MOVIES_STREAM, RATINGS_STREAM = 1, 2, 3
"""Each part of the data has random numbers of its own, so that one can change and the others stay."""


@dataclass(frozen=True)
class DemoData:
    """What was written, and how much of it."""

    folder: Path
    n_ratings: int
    n_users: int
    n_movies: int


def make_demo_data(
    folder: Path,
    n_ratings: int = 100_000,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    replace: bool = False,
) -> DemoData:
    """Write ``ratings.csv``, ``movies.csv`` and ``links.csv`` in the form in which GroupLens publishes them.

    Parameters
    ----------
    folder : made if it is not there.
    n_ratings : number of ratings to write, exactly; at least 100.
    seed : not negative; the same seed and number of ratings give the same files.
    on_progress : called with the ratings written so far and ``n_ratings``.
    replace : files of the same names.

    Raises
    ------
    CineclusterError
        If there are fewer than 100 ratings to make, the seed is negative, a file of one of the names is there and
        must not be replaced, or the folder cannot be written to.
    """
    if n_ratings < MINIMUM_RATINGS:
        raise CineclusterError(f"Demo data needs at least {MINIMUM_RATINGS} ratings, not {n_ratings}.")
    if seed < 0:
        raise CineclusterError(f"The seed of demo data must be 0 or more, not {seed}.")
    for name in () if replace else ("ratings.csv", "movies.csv", "links.csv"):
        if (folder / name).exists():
            raise CineclusterError(f"{folder / name}: is there already. Choose another folder, or allow --replace.")
    n_users, n_movies = demo_sizes(n_ratings)
    users = _make_users(n_users, n_movies, n_ratings, seed)
    movies = _make_movies(n_movies, n_ratings, seed)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _write_movies(movies, folder, seed)
        chunks = make_ratings(users, movies, seed)
        _write_ratings(chunks, folder / "ratings.csv", n_ratings, on_progress)
    return DemoData(folder, n_ratings, n_users, n_movies)


def demo_sizes(n_ratings: int) -> tuple[int, int]:
    """Return the numbers of users and movies for a number of ratings: as in MovieLens at its two sizes, and between.

    Both numbers grow with ``n_ratings``. Above the full size users grow in proportion, movies slowly.
    """
    ratio, full_ratio = n_ratings / SMALL_RATINGS, FULL_RATINGS / SMALL_RATINGS
    users_power = np.log(FULL_USERS / SMALL_USERS) / np.log(full_ratio)
    movies_power = np.log(FULL_MOVIES / SMALL_MOVIES) / np.log(full_ratio)
    if ratio < 1:
        n_users = max(SMALL_USERS * ratio, np.sqrt(n_ratings) / 2)
        return round(n_users), round(min(SMALL_MOVIES * ratio**0.6, 0.6 * n_ratings))
    n_users = FULL_USERS * ratio / full_ratio if ratio > full_ratio else SMALL_USERS * ratio**users_power
    return round(n_users), round(SMALL_MOVIES * ratio**movies_power)


def taste_groups(n_users: int, seed: int = 0) -> NDArray[np.intp]:
    """Return the true main taste group of users 1 to ``n_users``: shape (n_users,), index into `TASTES`.

    What a clustering of the demo data ought to find. In no file.
    """
    rng = np.random.default_rng([seed, USERS_STREAM])
    return rng.choice(len(TASTES), size=n_users, p=GROUP_SHARES)


def _make_users(n_users: int, n_movies: int, n_ratings: int, seed: int) -> Users:
    """Draw everything that belongs to a user."""
    rng = np.random.default_rng([seed, USERS_STREAM, 1])
    main_group = taste_groups(n_users, seed)
    main_share = rng.beta(8, 11, n_users)
    order = np.arange(n_users) + rng.random(n_users)
    return Users(
        main_group=main_group,
        second_group=(main_group + rng.integers(1, len(TASTES), n_users)) % len(TASTES),
        main_share=main_share,
        second_share=0.3 * (1 - main_share),
        generosity=rng.normal(0, 0.45, n_users),
        n_ratings=rng.permutation(_activity(n_users, n_movies, n_ratings)),
        joined_at=(FIRST_DAY + (LAST_DAY - FIRST_DAY) * order / n_users).astype(np.int64),
    )


def _activity(n_users: int, n_movies: int, n_ratings: int) -> NDArray[np.int64]:
    """Share out the ratings among the users: a few rate thousands, most a few dozen.

    Counts are log-normal above a minimum and level off below half of the movies. The minimum is 20 ratings
    for a small file, as in MovieLens "latest small", and falls to 1 for a full-size one.

    Returns
    -------
    Shape (n_users,), ascending; the sum is ``n_ratings``.
    """
    progress = np.log(n_ratings / SMALL_RATINGS) / np.log(FULL_RATINGS / SMALL_RATINGS)
    least = min(20.0, n_ratings / n_users / 2) * (1 - np.clip(progress, 0, 1))
    above = np.exp(1.4 * ndtri((np.arange(n_users) + 0.5) / n_users))

    def counts(scale: float) -> NDArray[np.float64]:
        wanted: NDArray[np.float64] = least + scale * above
        return np.maximum(wanted / (1 + wanted / (n_movies / 2)), 1.0)

    low, high = 0.0, 1e9
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if counts(middle).sum() < n_ratings else (low, middle)
    ends = np.floor(np.cumsum(counts(high)) + 0.5).astype(np.int64)
    ends[-1] = n_ratings
    return np.diff(ends, prepend=0)


def _make_movies(n_movies: int, n_ratings: int, seed: int) -> Movies:
    """Draw everything that belongs to a movie.

    As in MovieLens, popular movies are mostly at the low ids, and the gaps between ids widen.
    By popularity rank, the taste groups take turns in proportion to their shares, and the weights fall from
    the most popular movie to one that hardly anybody would pick.
    """
    rng = np.random.default_rng([seed, MOVIES_STREAM])
    rank = np.argsort(np.arange(1, n_movies + 1) * np.exp(rng.normal(0, 3, n_movies)))
    turn = (rank * 0.618033988749895 + rng.random()) % 1
    group = np.minimum(np.searchsorted(np.cumsum(GROUP_SHARES), turn, side="right"), len(TASTES) - 1)
    depth = (rank + 0.5) / n_movies
    era = np.array([taste.era for taste in TASTES])[group]
    return Movies(
        movie_id=np.cumsum(1 + rng.poisson(6 * np.arange(n_movies) / n_movies)),
        group=group,
        popularity=np.exp(-1.3 * max(np.log(n_ratings / 150), 1.0) * depth**0.3),
        quality=rng.normal(0, 0.35, n_movies) - 0.6 * depth,
        year=np.clip(np.rint(rng.normal(era, 11)), 1915, 2016).astype(np.int64),
    )


def _write_movies(movies: Movies, folder: Path, seed: int) -> None:
    """Write ``movies.csv`` and ``links.csv``."""
    rng = np.random.default_rng([seed, MOVIES_STREAM, 1])
    n_movies = len(movies.movie_id)
    titles, genres = np.empty(n_movies, dtype=object), np.empty(n_movies, dtype=object)
    by_popularity = np.argsort(-movies.popularity)
    for group in range(len(TASTES)):
        members = by_popularity[movies.group[by_popularity] == group]
        titles[members] = invent_titles(group, len(members), rng)
        genres[members] = invent_genres(group, len(members), rng)
    dated = [f"{title} ({year})" for title, year in zip(titles, movies.year.tolist(), strict=True)]
    movie_frame = pl.DataFrame({"movieId": movies.movie_id, "title": dated, "genres": genres.tolist()})
    imdb_ids = rng.choice(8_000_000, n_movies, replace=False) + 10_000
    tmdb_ids = rng.choice(10 * n_movies, n_movies, replace=False) + 1
    link_frame = pl.DataFrame(
        {"movieId": movies.movie_id, "imdbId": [f"{i:07d}" for i in imdb_ids.tolist()], "tmdbId": tmdb_ids}
    )
    movie_frame.write_csv(folder / "movies.csv")
    link_frame.write_csv(folder / "links.csv")


def _write_ratings(
    chunks: Iterator[pl.DataFrame], path: Path, n_ratings: int, on_progress: Callable[[int, int], None] | None
) -> None:
    """Write ratings with one decimal, chunk by chunk; the file has its name only once it is complete."""
    n_done = 0
    with replacing(path) as new, new.open("wb") as file:
        for chunk in chunks:
            chunk.write_csv(file, include_header=n_done == 0, float_precision=1)
            n_done += len(chunk)
            if on_progress is not None:
                on_progress(n_done, n_ratings)
