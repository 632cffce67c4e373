"""The ratings of the demo data: whom the people rate, how, and when."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.source.demo_titles import TASTES

STAR_COUNTS = np.array(
    [404_897, 843_310, 403_607, 1_762_440, 1_255_358, 5_256_722, 3_116_213, 6_998_802, 2_170_441, 3_812_499]
)
"""Ratings of 0.5, 1.0, ... 5.0 stars in the full MovieLens file; 12,981,742 of them are favourites."""

CHUNK_RATINGS = 500_000
"""Ratings held in memory at once, about. The files depend on it."""

TASTE_DRAWS = 30
"""Rounds in which users pick by taste, before anything they have not rated will do."""

EVERYBODY = len(TASTES)
"""Number of the pool that holds all movies, after those of the taste groups."""

LAST_DAY = np.datetime64("2018-08-01", "s").astype(np.int64)

DAY_SECONDS = 86_400
RATINGS_STREAM = 3


@dataclass(frozen=True)
class Users:
    """One entry per user, ordered by user id (1, 2, ...); shapes (n_users,)."""

    main_group: NDArray[np.intp]
    second_group: NDArray[np.intp]
    main_share: NDArray[np.float64]  # of the user's picks that come from the main group
    second_share: NDArray[np.float64]
    generosity: NDArray[np.float64]  # added to every rating, in standard deviations of the noise
    n_ratings: NDArray[np.int64]
    joined_at: NDArray[np.int64]  # seconds since 1970


@dataclass(frozen=True)
class Movies:
    """One entry per movie, ordered by movie id; shapes (n_movies,)."""

    movie_id: NDArray[np.int64]
    group: NDArray[np.intp]
    popularity: NDArray[np.float64]  # positive weights
    quality: NDArray[np.float64]  # added to every rating, in standard deviations of the noise
    year: NDArray[np.int64]


@dataclass(frozen=True)
class Pools:
    """Movies to pick from: those of each taste group, then those of everybody.

    Pool ``p`` is drawn from by looking up ``p + u``, ``u`` uniform in [0, 1), in ``edges``.
    """

    movies: NDArray[np.int64]  # shape (2 * n_movies,), index of a movie
    edges: NDArray[np.float64]  # shape (2 * n_movies,), pool number plus cumulative weight


def make_ratings(users: Users, movies: Movies, seed: int) -> Iterator[pl.DataFrame]:
    """Yield the ratings of some users at a time, sorted by user and movie."""
    rng = np.random.default_rng([seed, RATINGS_STREAM])
    pools = _make_pools(movies)
    first_raters = _first_raters(rng, users, movies)
    ends = np.cumsum(users.n_ratings)
    cuts = np.searchsorted(ends, np.arange(CHUNK_RATINGS, ends[-1], CHUNK_RATINGS))
    bounds = np.unique(np.concatenate([[0], cuts, [len(ends)]])).tolist()
    for start, stop in pairwise(bounds):
        user, movie = _pick_movies(rng, users, pools, first_raters, start, stop)
        n_before = int(ends[start - 1]) if start else 0
        yield pl.DataFrame(
            {
                "userId": user + 1,
                "movieId": movies.movie_id[movie],
                "rating": _deal_stars(_appeal(rng, users, movies, user, movie), n_before),
                "timestamp": _timestamps(rng, users, movies, user, movie),
            }
        )


def _make_pools(movies: Movies) -> Pools:
    """Lay out the movies of each group, then all movies, with their cumulative weights."""
    by_group = np.argsort(movies.group, kind="stable")
    members = [by_group[movies.group[by_group] == group] for group in range(len(TASTES))]
    members.append(np.arange(len(movies.group)))
    edges = []
    for pool, indices in enumerate(members):
        cumulative = np.cumsum(movies.popularity[indices])
        edges.append(pool + cumulative / cumulative[-1] if len(indices) else cumulative)
    return Pools(movies=np.concatenate(members), edges=np.concatenate(edges))


def _first_raters(rng: np.random.Generator, users: Users, movies: Movies) -> NDArray[np.int64]:
    """Give every movie one user who surely rates it, of its taste group where possible: no movie is unrated.

    No user gets more movies than ratings, because users are drawn by drawing different ratings.

    Returns
    -------
    Shape (n_movies,), index of a user.
    """
    ends = np.cumsum(users.n_ratings)
    ratings = rng.choice(ends[-1], len(movies.group), replace=False)
    raters = np.searchsorted(ends, ratings, side="right")
    chosen = np.empty(len(movies.group), dtype=np.int64)
    by_taste = np.argsort(users.main_group[raters], kind="stable")
    chosen[np.argsort(movies.group, kind="stable")] = raters[by_taste]
    return chosen


def _pick_movies(
    rng: np.random.Generator,
    users: Users,
    pools: Pools,
    first_raters: NDArray[np.int64],
    start: int,
    stop: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pick the movies that users ``start`` to ``stop - 1`` rate, each at most once.

    Users pick as many as they lack, pairs picked twice count once, and so on until nobody lacks any.

    Returns
    -------
    Indices of users and of movies, shapes (ratings of these users,), sorted by user and movie.
    """
    n_movies = len(first_raters)
    seeded = np.flatnonzero((first_raters >= start) & (first_raters < stop))
    pairs = np.sort(first_raters[seeded] * n_movies + seeded)
    n_round = 0
    while True:
        have = np.bincount(pairs // n_movies - start, minlength=stop - start)
        user = np.repeat(np.arange(start, stop), users.n_ratings[start:stop] - have)
        if len(user) == 0:
            return pairs // n_movies, pairs % n_movies
        by_taste = n_round < TASTE_DRAWS
        movie = _draw(rng, users, pools, user) if by_taste else rng.integers(0, n_movies, len(user))
        pairs = np.sort(np.concatenate([pairs, user * n_movies + movie]), kind="stable")
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
        n_round += 1


def _draw(rng: np.random.Generator, users: Users, pools: Pools, user: NDArray[np.int64]) -> NDArray[np.int64]:
    """Draw one movie for each entry of ``user``, of one of the two groups of that user or of all movies."""
    choice = rng.random(len(user)) - users.main_share[user]
    pool = np.where(choice < users.second_share[user], users.second_group[user], EVERYBODY)
    pool = np.where(choice < 0, users.main_group[user], pool)
    place = np.searchsorted(pools.edges, pool + rng.random(len(user)), side="right")
    return pools.movies.take(place, mode="clip")


def _appeal(
    rng: np.random.Generator, users: Users, movies: Movies, user: NDArray[np.int64], movie: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Say how much each user likes each movie: more if it is good, to their taste, or they are generous."""
    group = movies.group[movie]
    to_taste: NDArray[np.float64] = 0.9 * (group == users.main_group[user]) + 0.4 * (group == users.second_group[user])
    return to_taste + movies.quality[movie] + users.generosity[user] + rng.standard_normal(len(user))


def _deal_stars(appeal: NDArray[np.float64], n_before: int) -> NDArray[np.float64]:
    """Turn appeal into stars: the least liked movies get half a star, and so on up to five.

    Parameters
    ----------
    appeal : shape (n,).
    n_before : ratings dealt before these; all chunks together have the share of each star that MovieLens has.
    """
    cumulative = np.cumsum(STAR_COUNTS)
    n_up_to = cumulative * (n_before + len(appeal)) // cumulative[-1] - cumulative * n_before // cumulative[-1]
    dealt = np.empty(len(appeal))
    dealt[np.argsort(appeal, kind="stable")] = np.repeat(np.arange(1, 11) / 2, np.diff(n_up_to, prepend=0))
    return dealt


def _timestamps(
    rng: np.random.Generator, users: Users, movies: Movies, user: NDArray[np.int64], movie: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Put each user's ratings into sessions after joining; newer movies wait for a visit after their year.

    Returns
    -------
    Seconds since 1970, before October 2018.
    """
    first, of_user = np.unique(user, return_index=True, return_inverse=True)[1:]
    nth = np.empty(len(user), dtype=np.int64)
    nth[np.argsort(of_user + rng.random(len(user)), kind="stable")] = np.arange(len(user)) - first[of_user]
    joined_at = users.joined_at[user]
    length = rng.integers(20, 120, len(first))[of_user]  # ratings in a session
    most = (LAST_DAY - joined_at) / (users.n_ratings[user] // length + 1)
    pause = np.minimum(rng.exponential(30 * DAY_SECONDS, len(first))[of_user], most).astype(np.int64)
    second = nth % length * 15 + rng.integers(0, 15, len(user))
    new_year = (movies.year[movie] - 1969).astype("datetime64[Y]").astype("datetime64[s]").astype(np.int64)
    visit = new_year + joined_at % (180 * DAY_SECONDS)
    session: NDArray[np.int64] = np.maximum(joined_at + nth // length * pause, visit)
    return session + second
