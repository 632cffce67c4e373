"""Trials: users and favourites held out for the evaluation, and nothing else decides an order."""

import numpy as np
import pandas as pd
import pytest

from tasks.blocks import favourites_of, rank_movies
from tasks.errors import CineclusterError
from tasks.quality.holdout import as_trial, cut_short, hold_out, hold_out_users
from tests.model.builders import UNSEEN, interactions_of
from tests.quality.made import make_users


def pairs(ids, matrix, movie_ids):
    """User and movie id of each entry."""
    rows, columns = matrix.nonzero()
    return set(zip(ids[rows].tolist(), movie_ids[columns].tolist(), strict=True))


def test_entries_of_one_time_are_in_random_order():
    users = interactions_of(np.ones((400, 10)), np.full(4000, 7))
    held_out = np.bincount(hold_out(users, "temporal", 3).test.indices, minlength=10)
    assert held_out.sum() == 800
    assert held_out.min() > 50
    assert held_out.max() < 110


def test_the_order_of_the_movies_says_nothing_about_what_is_held_out():
    random = np.random.default_rng(0)
    users = interactions_of(np.where(random.random((200, 600)) < 0.03, 1.0, UNSEEN))
    users, *_ = rank_movies(users)  # as it comes: movies with most favourites first, held-out ones among them
    split = hold_out(users, "random", 0)
    trial = as_trial(split, 0)
    assert trial.known is trial.train
    assert trial.test.nnz == split.test.nnz

    def lead_of_held_out(train, test):
        n_fans = np.bincount(train.indices, minlength=test.shape[1])
        is_tied, is_held_out = n_fans == 4, test.getnnz(axis=0) > 0
        places = np.flatnonzero(is_tied)
        return (places[~is_held_out[is_tied]].mean() - places[is_held_out[is_tied]].mean()) / np.ptp(places)

    assert lead_of_held_out(split.train.weights, split.test) > 0.3
    assert abs(lead_of_held_out(trial.train.weights, trial.test)) < 0.1
    assert (np.diff(np.bincount(trial.train.weights.indices)) <= 0).all()


def published(ratings: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return training, known and held-out rows of the test users, drawn as the published code of ML-20M draws them."""
    counts = ratings.groupby("user").size()
    ratings = ratings[ratings.user.isin(counts.index[counts >= 5])]
    users = np.array(sorted(ratings.user.unique()))
    np.random.seed(98765)  # noqa: NPY002
    users = users[np.random.permutation(users.size)]  # noqa: NPY002
    n = min(10_000, len(users) // 10)
    train = ratings[ratings.user.isin(users[: len(users) - 2 * n])]
    test = ratings[ratings.user.isin(users[-n:]) & ratings.movie.isin(train.movie.unique())]
    np.random.seed(98765)  # noqa: NPY002
    known, held_out = [], []
    for _, rows in test.groupby("user"):
        drawn = np.zeros(len(rows), dtype=bool)
        if len(rows) >= 5:
            drawn[np.random.choice(len(rows), size=int(0.2 * len(rows)), replace=False)] = True  # noqa: NPY002
        known.append(rows[~drawn])
        held_out.append(rows[drawn])
    return train, pd.concat(known), pd.concat(held_out)


def test_users_and_favourites_are_held_out_as_the_published_code_does():
    users = make_users(1, n_users=200, n_movies=90)
    movie_ids = np.random.default_rng(5).permutation(1000)[:90]
    table = pd.DataFrame(pairs(users.user_ids, favourites_of(users), movie_ids), columns=["user", "movie"])
    train, known, held_out = published(table.sort_values(["user", "movie"]))
    validation, test = hold_out_users(users, movie_ids)
    assert set(test.train.user_ids.tolist()) == set(train.user)
    assert not set(validation.known.user_ids) & (set(test.known.user_ids) | set(test.train.user_ids))
    assert len(validation.known.user_ids) == len(test.known.user_ids) == 20
    ids = ids_of_columns(test, train)
    assert pairs(test.train.user_ids, test.train.weights, ids) == set(zip(train.user, train.movie, strict=True))
    assert pairs(test.known.user_ids, test.known.weights, ids) == set(zip(known.user, known.movie, strict=True))
    assert pairs(test.known.user_ids, test.test, ids) == set(zip(held_out.user, held_out.movie, strict=True))
    assert not test.known.seconds.any()


def ids_of_columns(trial, train):
    """Return the movie ids of a trial's columns: most favourited in the training part first, then by id."""
    counts = train.groupby("movie").size()
    order = sorted(counts.index, key=lambda movie: (-counts[movie], movie))
    assert len(order) == trial.test.shape[1]
    return np.array(order)


def test_too_few_users_to_hold_out_is_a_clear_error():
    with pytest.raises(CineclusterError, match="Too few users to hold out a tenth: 4 have five favourites"):
        hold_out_users(interactions_of(np.ones((4, 6))), np.arange(6))


def test_a_history_cut_short_holds_so_many_favourites_and_nothing_else():
    users = make_users(2, n_users=100)
    trials = cut_short(users, (1, 3), 0)
    assert (trials[1].test != trials[3].test).nnz == 0
    assert not set(trials[1].known.user_ids) & set(trials[1].train.user_ids)
    measured = np.diff(trials[1].test.indptr) > 0
    assert measured.sum() > 10
    for n, trial in trials.items():
        assert (np.diff(trial.known.weights.indptr)[measured] == n).all()
        assert (trial.known.weights.data == 1).all()
        assert trial.known.weights.multiply(trial.test).nnz == 0
    fewer, more = (trials[n].known.weights.toarray() for n in (1, 3))
    assert (fewer <= more).all()
