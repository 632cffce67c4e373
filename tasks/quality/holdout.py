"""Favourites held out from a recommender, which has to foretell them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions, select_entries
from tasks.model.embedding import shuffle_key

MIN_FAVOURITES = 5
TEST_SHARE = 0.2


class Split(NamedTuple):
    """Interactions to learn from, and held-out favourites to be predicted.

    train : what is known at the time of the split: without the held-out favourites, and in a split by time also
        without all that came later. Only what it holds may be excluded from recommendations.
    test : shape (n_users, n_movies), CSR; empty rows for users of whom nothing is held out.
    """

    train: Interactions
    test: csr_matrix


def hold_out(users: Interactions, kind: str, seed: int) -> Split:
    """Hold out favourites.

    Parameters
    ----------
    users : whole users.
    kind : ``"random"``, a fifth of the favourites of each user who has five or more, at least one;
        ``"temporal"``, the latest fifth instead, and whatever the user rated from then on is not in the training part
        either; ``"cut"``, all favourites after the moment up to which four fifths of all entries were made, of users
        who have favourites before it.
    seed : of the random choice; entries of one time are in random order.
    """
    return cut_in_time(users) if kind == "cut" else hold_out_fifth(users, kind, seed)


def hold_out_fifth(users: Interactions, kind: str, seed: int) -> Split:
    """Hold out a fifth of each user's favourites, by chance or the latest."""
    rows = rows_of(users)
    is_favourite = users.weights.data == 1
    n_favourites = np.bincount(rows[is_favourite], minlength=len(users.user_ids))
    n_test = np.where(n_favourites >= MIN_FAVOURITES, np.maximum(1, (n_favourites * TEST_SHARE).astype(int)), 0)
    time = users.seconds if kind == "temporal" else np.zeros_like(users.seconds)
    order = np.lexsort((shuffle_key(users, seed), time, rows))  # oldest first
    place = np.empty(len(rows), dtype=np.int64)
    place[order] = np.arange(len(rows))
    last_favourites = np.lexsort((-place, ~is_favourite, rows))
    n_after = np.empty(len(rows), dtype=np.int64)  # later favourites of the user
    n_after[last_favourites] = np.arange(len(rows)) - np.repeat(
        users.weights.indptr[:-1], np.diff(users.weights.indptr)
    )
    is_test = is_favourite & (n_after < n_test[rows])
    is_train = ~is_test
    if kind == "temporal":
        first = np.full(len(users.user_ids), len(rows))
        np.minimum.at(first, rows[is_test], place[is_test])
        is_train = place < first[rows]
    return Split(select_entries(users, is_train), select_entries(users, is_test).weights)


def cut_in_time(users: Interactions) -> Split:
    """Hold out all favourites after one moment."""
    is_late = users.seconds > np.quantile(users.seconds, 1 - TEST_SHARE)
    rows, is_favourite = rows_of(users), users.weights.data == 1
    is_known = np.bincount(rows[is_favourite & ~is_late], minlength=len(users.user_ids)) > 0
    is_test = is_late & is_favourite & is_known[rows]
    return Split(select_entries(users, ~is_late), select_entries(users, is_test).weights)


def rows_of(users: Interactions) -> NDArray[np.intp]:
    """Return the row of each entry."""
    return np.repeat(np.arange(len(users.user_ids)), np.diff(users.weights.indptr))
