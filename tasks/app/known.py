"""What the retrain knew of some hundred users at a time, read when one of them is asked for, and kept."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.app.tables import Tables, session
from tasks.engine.duckdb import arrays, frame
from tasks.favourites.change import LARGEST_ID
from tasks.favourites.fold_in import read_placement
from tasks.model.types import Placement

SEEN, NEAR, FAVOURITE = 0, 1, 2
LARGEST_SECOND = 2**32 - 1
USERS = 512  # with recommendations, in a group
MOST_GROUPS = 1000  # kept; all of them up to half a million users


class Known(NamedTuple):
    """The users of a group.

    users : int32, ascending, those with a rating or favourite.
    starts : shape (n_users + 1,), where the rows of each begin.
    movie_ids : int32, a rating or favourite each.
    seconds : uint32, since 1970, 0 where unknown.
    kinds : int8, `SEEN`, `NEAR` or `FAVOURITE`.
    placed : int32, ascending, users who have a place.
    placement : their places.
    """

    users: NDArray[np.int32]
    starts: NDArray[np.integer]
    movie_ids: NDArray[np.int32]
    seconds: NDArray[np.uint32]
    kinds: NDArray[np.int8]
    placed: NDArray[np.int32]
    placement: Placement | None

    def judged(self, user_id: int) -> list[tuple[int, int, int]]:
        """Return movie_id, seconds and kind of each rating and favourite of a user."""
        row = int(np.searchsorted(self.users, np.int32(user_id)))
        if row == len(self.users) or self.users[row] != user_id:
            return []
        mine = slice(self.starts[row], self.starts[row + 1])
        return list(zip(*(column[mine].tolist() for column in (self.movie_ids, self.seconds, self.kinds)), strict=True))

    def place(self, user_id: int) -> Placement | None:
        """Return where a user is, None for one without favourites."""
        row = int(np.searchsorted(self.placed, np.int32(user_id)))
        if self.placement is None or row == len(self.placed) or self.placed[row] != user_id:
            return None
        return self.placement.rows(row, row + 1)


def known_with(tables: Tables, user_id: int) -> Known:
    """Return the group that a user is in."""
    return group(tables, number_of_group(tables, user_id))


def kept_with(tables: Tables, user_id: int) -> Known | None:
    """Return the group that a user is in if it is kept, without reading it."""
    return tables.known.get(number_of_group(tables, user_id))


def number_of_group(tables: Tables, user_id: int) -> int:
    """Return the number of the group that a user is in."""
    return max(0, int(np.searchsorted(tables.lists.users[::USERS], np.int32(user_id), side="right")) - 1)


def n_groups(tables: Tables) -> int:
    """Return the number of groups."""
    return max(1, -(-len(tables.lists.users) // USERS))


def group(tables: Tables, number: int) -> Known:
    """Return a group, which is read if it is not kept."""
    known: Known | None = tables.known.get(number)
    if known is None:
        firsts = tables.lists.users[::USERS]
        first = int(firsts[number]) if number else 0
        last = int(firsts[number + 1]) - 1 if number + 1 < len(firsts) else LARGEST_ID
        known = read_known(tables, first, last)
        if len(tables.known) >= MOST_GROUPS:
            tables.known.clear()
        tables.known[number] = known
    return known


def read_known(tables: Tables, first: int, last: int) -> Known:
    """Return the users from ``first`` to ``last``."""
    with session(tables) as cursor:
        min_rating = tables.rules["min_rating"]
        rows = arrays(cursor, "app/judged_movies", first=first, last=last, min_rating=min_rating)
        placed = frame(cursor, "app/placements", first=first, last=last)
    order = np.argsort(rows["user_id"], kind="stable")
    users, starts = np.unique(rows["user_id"][order], return_index=True)
    return Known(
        users,
        np.append(starts, len(order)),
        rows["movie_id"][order],
        rows["seconds"][order].clip(0, LARGEST_SECOND).astype(np.uint32),
        rows["kind"][order],
        placed["user_id"].to_numpy(),
        read_placement(placed, tables.model) if len(placed) else None,
    )
