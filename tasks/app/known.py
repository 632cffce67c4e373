"""What the retrain knew of users: of some thousand at a time, read ahead and kept, or of one who is asked for."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.app.tables import Tables, session
from tasks.blocks import order_of
from tasks.engine.duckdb import arrays, frame
from tasks.favourites.change import LARGEST_ID
from tasks.favourites.fold_in import read_placement
from tasks.model.types import Placement

SEEN, NEAR, FAVOURITE = 0, 1, 2
LARGEST_SECOND = 2**32 - 1
USERS = 2048  # with recommendations, in a group
MOST_GROUPS = 256  # kept; all of them up to half a million users


class Known(NamedTuple):
    """Some users.

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
    """Return the group that a user is in; the user alone, read for this once, where the group is not kept."""
    known = kept_with(tables, user_id)
    return read_known(tables, user_id, user_id) if known is None else known


def kept_with(tables: Tables, user_id: int) -> Known | None:
    """Return the group that a user is in if it is kept."""
    number = max(0, int(np.searchsorted(tables.lists.users[::USERS], np.int32(user_id), side="right")) - 1)
    return tables.known[number] if number < len(tables.known) else None


def n_groups(tables: Tables) -> int:
    """Return the number of groups that can be kept."""
    return min(max(1, -(-len(tables.lists.users) // USERS)), MOST_GROUPS)


def keep_next_group(tables: Tables) -> None:
    """Read the group behind those that are kept, and keep it."""
    firsts, number = tables.lists.users[::USERS], len(tables.known)
    first = int(firsts[number]) if number else 0
    last = int(firsts[number + 1]) - 1 if number + 1 < len(firsts) else LARGEST_ID
    tables.known.append(read_known(tables, first, last))


def read_known(tables: Tables, first: int, last: int) -> Known:
    """Return the users from ``first`` to ``last``."""
    with session(tables) as cursor:
        min_rating = tables.rules["min_rating"]
        rows = arrays(cursor, "app/judged_movies", first=first, last=last, min_rating=min_rating)
        placed = frame(cursor, "app/placements", first=first, last=last)
    order = order_of(rows["user_id"].astype(np.int64))
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
