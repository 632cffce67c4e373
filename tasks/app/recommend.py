"""Recommendations for one user, filtered or not: the stored ones, or new ones by the formula of the retrain."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.app.person import Person
from tasks.app.tables import Movies, Tables
from tasks.model.rank import rank, seen_by
from tasks.published.filters import NO_FILTERS, Filters


class Recommended(NamedTuple):
    """Movies for a user, best first.

    cluster : the user's cluster; None for a user without favourites, who gets the overall favourites.
    movies : int32, positions in `tasks.app.tables.Movies`.
    scores : as in the table ``recommendations``; of overall favourites the share of all users.
    """

    cluster: int | None
    movies: NDArray[np.int32]
    scores: NDArray

    @property
    def is_personal(self) -> bool:
        """Whether they come from the user's own favourites."""
        return self.cluster is not None

    def first(self, n: int) -> "Recommended":
        """Return the first ``n`` of them."""
        return self._replace(movies=self.movies[:n], scores=self.scores[:n])


def recommend_stored(tables: Tables, user_id: int, n: int) -> Recommended | None:
    """Return the first ``n`` of a user's stored recommendations, None where fewer are stored."""
    mine = tables.lists.of(user_id)
    if n > mine.stop - mine.start:
        return None
    best = slice(mine.start, mine.start + n)
    return Recommended(int(tables.lists.clusters[mine.start]), tables.lists.movies[best], tables.lists.scores[best])


def recommend_to(tables: Tables, person: Person, n: int, filters: Filters = NO_FILTERS) -> Recommended:
    """Return ``n`` movies for a person."""
    allowed = None if filters == NO_FILTERS else allowed_movies(tables.movies, filters)[tables.columns]
    if person.placement is None:
        return recommend_overall(tables, person, n, allowed)
    model, depth = tables.model, min(n, len(tables.columns))
    if allowed is not None and model.scoring.diversity:
        depth = len(tables.columns)  # lists are diversified before they are filtered
    elif allowed is not None:
        left_out = ~allowed
        left_out[model.withheld] = True
        model = model._replace(withheld=np.flatnonzero(left_out).astype(np.int32))
    best = rank(person.interactions, person.placement, model, max(1, depth))
    kept = slice(n) if allowed is None else np.flatnonzero(allowed[best.movie])[:n]
    return Recommended(person.cluster, tables.columns[best.movie[kept]], best.score[kept])


def recommend_overall(tables: Tables, person: Person, n: int, allowed: NDArray[np.bool_] | None) -> Recommended:
    """Return the overall favourites that a person has not seen."""
    left = np.ones(len(tables.columns), dtype=bool) if allowed is None else allowed.copy()
    left[tables.model.withheld] = False
    left[seen_by(person.interactions, tables.model.scoring).indices] = False
    columns = np.flatnonzero(left)[:n]
    return Recommended(None, tables.columns[columns], tables.shares[columns])


def allowed_movies(movies: Movies, filters: Filters) -> NDArray[np.bool_]:
    """Return whether each movie passes the filters; ``sql/views/recommend.sql`` says the same in SQL."""
    mask = movies.of_genres(filters.genres) if filters.genres else np.ones(len(movies.ids), dtype=bool)
    if filters.from_year is not None or filters.to_year is not None:
        years = movies.year_numbers
        mask &= (years > 0) & (years >= (filters.from_year or 0))
        mask &= years <= (filters.to_year if filters.to_year is not None else np.iinfo(np.int32).max)
    if filters.exclude:
        mask &= ~np.isin(movies.ids, filters.exclude)
    if filters.only is not None:
        mask &= np.isin(movies.ids, filters.only)
    return mask
