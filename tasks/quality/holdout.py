"""Favourites held out from a recommender, which has to predict them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions, favourites_of, rank_movies, select_entries, select_movies, select_users
from tasks.errors import CineclusterError
from tasks.model.draw import limit_of, mix, shuffle_key, user_key
from tasks.model.types import NO_MOVIES

MIN_FAVOURITES = 5
TEST_SHARE = 0.2
PUBLISHED_SEED = 98765
MOST_HELD_OUT_USERS = 10_000


class Split(NamedTuple):
    """Interactions to learn from, and held-out favourites to be predicted.

    train : what is known at the time of the split: without the held-out favourites, and in a split by time also
        without all that came later. Only what it holds may be excluded from recommendations.
    test : shape (n_users, n_movies), CSR; empty rows for users of whom nothing is held out.
    kind : of `hold_out`.
    """

    train: Interactions
    test: csr_matrix
    kind: str = "random"


class Trial(NamedTuple):
    """What recommenders learn from, whom they recommend to, and what they have to predict.

    Columns are the movies, those with most favourites in ``train`` first, equal ones in random order: their order
    says nothing about what is held out.

    train : interactions to learn from.
    known : what is known of the users to recommend to; ``train`` itself where they are the users learned from.
    test : held-out favourites of the users in ``known``, shape (n_known, n_movies), CSR; none of ``withheld``.
    withheld : columns that nobody recommends.
    """

    train: Interactions
    known: Interactions
    test: csr_matrix
    withheld: NDArray[np.integer] = NO_MOVIES

    @property
    def n_users(self) -> int:
        """The number of users with held-out favourites."""
        return int(np.count_nonzero(np.diff(self.test.indptr)))


def hold_out(users: Interactions, kind: str, seed: int, fewest: int = MIN_FAVOURITES) -> Split:
    """Hold out favourites.

    Parameters
    ----------
    users : whole users.
    kind : ``"random"``, a fifth of the favourites of each user who has ``fewest`` or more, at least one;
        ``"temporal"``, the latest fifth instead, and whatever the user rated from then on is not in the training part
        either; ``"cut"``, all favourites after the moment up to which four fifths of all entries were made, and the
        users who have favourites before it.
    seed : of the random choice; entries of one time are in random order.
    """
    split = cut_in_time(users) if kind == "cut" else hold_out_fifth(users, kind, seed, fewest)
    return split._replace(kind=kind)


def draw_tested(test: csr_matrix, user_ids: NDArray[np.integer], n_users: int, seed: int) -> NDArray[np.bool_]:
    """Return which users to recommend to: ``n_users`` at most who have held-out favourites, by the hash of their id."""
    tested = np.diff(test.indptr) > 0
    keys = user_key(user_ids, seed)
    return tested & (keys <= limit_of(keys[tested], n_users))


def hold_out_fifth(users: Interactions, kind: str, seed: int, fewest: int) -> Split:
    """Hold out a fifth of each user's favourites, by chance or the latest."""
    rows = rows_of(users)
    is_favourite = users.weights.data == 1
    n_favourites = np.bincount(rows[is_favourite], minlength=len(users.user_ids))
    n_test = np.where(n_favourites >= fewest, np.maximum(1, (n_favourites * TEST_SHARE).astype(int)), 0)
    time = users.seconds if kind == "temporal" else np.zeros_like(users.seconds)
    order = np.lexsort((shuffle_key(users, seed), time, rows))  # oldest first
    place = np.empty(len(rows), dtype=np.int64)
    place[order] = np.arange(len(rows))
    is_test = is_favourite & (place_among(users, is_favourite, -place) < n_test[rows])
    is_train = ~is_test
    if kind == "temporal":
        first = np.full(len(users.user_ids), len(rows))
        np.minimum.at(first, rows[is_test], place[is_test])
        is_train = place < first[rows]
    return Split(select_entries(users, is_train), select_entries(users, is_test).weights)


def place_among(users: Interactions, chosen: NDArray[np.bool_], key: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the place, from 0, of each entry among the ``chosen`` ones of its user by ascending ``key``.

    Entries that are not chosen come after those that are.
    """
    rows, indptr = rows_of(users), users.weights.indptr
    place = np.empty(len(rows), dtype=np.int64)
    place[np.lexsort((key, ~chosen, rows))] = np.arange(len(rows)) - np.repeat(indptr[:-1], np.diff(indptr))
    return place


def cut_in_time(users: Interactions) -> Split:
    """Hold out all favourites after one moment, and leave out the users who have none before it."""
    is_late = users.seconds > np.quantile(users.seconds, 1 - TEST_SHARE)
    is_favourite = users.weights.data == 1
    is_known = np.bincount(rows_of(users)[is_favourite & ~is_late], minlength=len(users.user_ids)) > 0
    train, test = select_entries(users, ~is_late), select_entries(users, is_late & is_favourite)
    return Split(select_users(train, is_known), test.weights[is_known])


def rows_of(users: Interactions) -> NDArray[np.intp]:
    """Return the row of each entry."""
    return np.repeat(np.arange(len(users.user_ids)), np.diff(users.weights.indptr))


def as_trial(split: Split, seed: int, withheld: NDArray[np.integer] = NO_MOVIES) -> Trial:
    """Return the split of known users with its movies in an order that only the training part decides.

    ``withheld`` are columns of the split that nobody recommends.
    """
    columns = order_movies(split.train, seed)
    train = select_movies(split.train, columns)
    return without(Trial(train, train, split.test[:, columns]), columns, withheld)


def without(trial: Trial, columns: NDArray[np.integer], withheld: NDArray[np.integer]) -> Trial:
    """Return a trial in which nobody recommends some movies, or has to: ``columns`` are its own in their terms."""
    is_withheld = np.isin(columns, withheld)
    test = csr_matrix(trial.test.multiply(~is_withheld))
    test.eliminate_zeros()
    return trial._replace(test=test, withheld=np.flatnonzero(is_withheld))


def order_movies(train: Interactions, seed: int) -> NDArray[np.intp]:
    """Return the columns, those with most favourites first, equal ones in random order."""
    n_movies = train.weights.shape[1]
    n_fans = np.bincount(favourites_of(train).indices, minlength=n_movies)
    return np.lexsort((mix(np.arange(n_movies, dtype=np.uint64), seed), -n_fans))


def hold_out_users(
    users: Interactions, movie_ids: NDArray[np.integer], withheld: NDArray[np.integer] = NO_MOVIES
) -> tuple[Trial, Trial]:
    """Hold out users, and a fifth of the favourites of each: strong generalisation.

    Rules and random draws are those of the published code for ML-20M (D. Liang et al., "Variational Autoencoders for
    Collaborative Filtering", WWW 2018): users with five or more favourites are shuffled, the last 10,000 are for the
    test, those before for validation; movies without favourites of the others are dropped; then a fifth of what each
    held-out user favourited is drawn. Only favourites count, times do not.

    Parameters
    ----------
    users : all users.
    movie_ids : the ids of the columns; a user's movies are drawn from in the order of their ids.
    withheld : columns that nobody recommends.

    Returns
    -------
    The trials for validation and for the test, of 10,000 users each, or a tenth of the users if there are fewer.

    Raises
    ------
    CineclusterError
        If fewer than ten users have five favourites.
    """
    order_of_ids = np.argsort(movie_ids)
    favourites = select_movies(only_favourites(users), order_of_ids)
    favourites = select_users(favourites, np.diff(favourites.weights.indptr) >= MIN_FAVOURITES)
    n_users = len(favourites.user_ids)
    n_held_out = min(MOST_HELD_OUT_USERS, n_users // 10)
    if n_held_out == 0:
        raise CineclusterError(f"Too few users to hold out a tenth: {n_users} have five favourites, 10 are needed.")
    order = np.random.RandomState(PUBLISHED_SEED).permutation(n_users)
    kind = np.zeros(n_users, dtype=int)
    kind[order[n_users - 2 * n_held_out : n_users - n_held_out]] = 1
    kind[order[n_users - n_held_out :]] = 2
    train, columns, _ = rank_movies(select_users(favourites, kind == 0))
    trials = []
    for held_out in (1, 2):
        known, test = hold_out_as_published(select_users(favourites, kind == held_out), columns)
        trials.append(without(Trial(train, known, test), order_of_ids[columns], withheld))
    return trials[0], trials[1]


def hold_out_as_published(users: Interactions, columns: NDArray[np.intp]) -> tuple[Interactions, csr_matrix]:
    """Draw a fifth of the favourites of each user with five or more among ``columns``; return the rest, and those."""
    users = select_movies(users, np.sort(columns))
    users.weights.sort_indices()
    random = np.random.RandomState(PUBLISHED_SEED)
    is_test = np.zeros(users.weights.nnz, dtype=bool)
    for start, n in zip(users.weights.indptr, np.diff(users.weights.indptr), strict=False):
        if n >= MIN_FAVOURITES:
            is_test[start + random.choice(n, size=int(TEST_SHARE * n), replace=False)] = True
    place = np.searchsorted(np.sort(columns), columns)
    known = select_movies(select_entries(users, ~is_test), place)
    return known, select_entries(users, is_test).weights[:, place]


def only_favourites(users: Interactions) -> Interactions:
    """Return the favourites without their times."""
    favourites = select_entries(users, users.weights.data == 1)
    return favourites._replace(seconds=np.zeros_like(favourites.seconds))


def cut_short(
    users: Interactions, n_known: tuple[int, ...], seed: int, withheld: NDArray[np.integer] = NO_MOVIES
) -> dict[int, Trial]:
    """Hold out a fifth of the users, and return trials that know ``n_known`` favourites of each and nothing else.

    In every trial the same fifth of their favourites has to be predicted, and the same users are learned from. A trial
    knows what one with fewer favourites knows.
    """
    is_new = mix(users.user_ids.astype(np.uint64), seed) < np.uint64(TEST_SHARE * 2**64)
    train, new = select_users(users, ~is_new), hold_out(select_users(users, is_new), "random", seed)
    columns = order_movies(train, seed)
    place = place_among(new.train, new.train.weights.data == 1, shuffle_key(new.train, seed + 1).view(np.int64))
    is_favourite = new.train.weights.data == 1
    train, test = select_movies(train, columns), new.test[:, columns]
    known = {n: select_movies(select_entries(new.train, is_favourite & (place < n)), columns) for n in n_known}
    return {n: without(Trial(train, few, test), columns, withheld) for n, few in known.items()}
