"""Holding out favourites: by chance, the latest of each user, or all after one moment."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.blocks import favourites_of, select_users
from tasks.errors import CineclusterError
from tasks.quality.holdout import as_trial, cut_short, hold_out, hold_out_users, order_movies
from tests.model.builders import UNSEEN, interactions_of


def some_users(seed, n_users=40, n_movies=30):
    """Users with favourites, near favourites and movies only seen, at distinct times."""
    random = np.random.default_rng(seed)
    weights = random.choice([UNSEEN, 0, 0.5, 1], p=[0.4, 0.1, 0.2, 0.3], size=(n_users, n_movies))
    return interactions_of(weights, random.permutation(np.count_nonzero(~np.isnan(weights))) + 1)


def times_of(users):
    """The time of each entry by row and column."""
    rows = np.repeat(np.arange(len(users.user_ids)), np.diff(users.weights.indptr))
    pairs = zip(rows.tolist(), users.weights.indices.tolist(), strict=True)
    return dict(zip(pairs, users.seconds.tolist(), strict=True))


def pairs_of(matrix):
    """Row and column of each stored entry."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return set(zip(rows.tolist(), matrix.indices.tolist(), strict=True))


@given(st.integers(0, 2**31), st.sampled_from(["random", "temporal"]))
def test_a_fifth_of_the_favourites_is_held_out_of_users_with_five_or_more(seed, kind):
    users = some_users(seed)
    split = hold_out(users, kind, 0)
    counts = np.diff(favourites_of(users).indptr)
    expected = np.where(counts >= 5, np.maximum(1, counts // 5), 0)
    np.testing.assert_array_equal(np.diff(split.test.indptr), expected)
    known, held_out = pairs_of(split.train.weights), pairs_of(split.test)
    assert not known & held_out
    assert held_out <= pairs_of(favourites_of(users))
    if kind == "random":
        assert known | held_out == pairs_of(users.weights)


@given(st.integers(0, 2**31))
def test_a_temporal_split_holds_out_the_latest_and_forgets_all_from_then_on(seed):
    users = some_users(seed)
    split, times = hold_out(users, "temporal", 0), times_of(users)
    known, held_out, favourites = (pairs_of(m) for m in (split.train.weights, split.test, favourites_of(users)))
    for user in range(40):
        cut = min((times[pair] for pair in held_out if pair[0] == user), default=np.inf)
        assert {pair for pair in known if pair[0] == user} == {p for p in times if p[0] == user and times[p] < cut}
        assert {pair for pair in favourites if pair[0] == user and times[pair] >= cut} == {
            pair for pair in held_out if pair[0] == user
        }
    assert times_of(split.train).items() <= times.items()


def test_a_temporal_split_by_hand():
    users = interactions_of([[1, 1, 1, 1, 1, 0.5, 0.5]], [10, 20, 90, 30, 40, 50, 95])
    split = hold_out(users, "temporal", 0)
    assert split.test.indices.tolist() == [2]
    assert split.train.weights.indices.tolist() == [0, 1, 3, 4, 5]  # 6 was rated after the first held-out one
    assert split.train.seconds.tolist() == [10, 20, 30, 40, 50]


@given(st.integers(0, 2**31))
def test_a_cut_holds_out_all_favourites_after_one_moment_of_users_known_before(seed):
    users = some_users(seed)
    split, times = hold_out(users, "cut", 0), times_of(users)
    favourites, moment = pairs_of(favourites_of(users)), np.quantile(users.seconds, 0.8)
    before = sorted({user for user, movie in favourites if times[user, movie] <= moment})
    assert split.train.user_ids.tolist() == [user + 1 for user in before]
    known, held_out = ({(before[row], movie) for row, movie in pairs_of(m)} for m in (split.train.weights, split.test))
    assert known == {pair for pair, time in times.items() if time <= moment and pair[0] in before}
    assert held_out == {pair for pair in favourites if times[pair] > moment and pair[0] in before}


def test_users_without_favourites_before_the_cut_are_left_out():
    users = interactions_of([[1, 1, 1], [0.5, UNSEEN, 1]], [1, 2, 3, 4, 100])
    split = hold_out(users, "cut", 0)
    assert split.train.user_ids.tolist() == [1]
    assert split.test.shape == (1, 3)
    assert split.test.nnz == 0
    users = interactions_of([[1, 1, 1], [1, UNSEEN, 1]], [1, 2, 3, 4, 100])
    assert pairs_of(hold_out(users, "cut", 0).test) == {(1, 2)}


def test_chance_depends_on_the_seed_and_the_user_alone():
    users = some_users(3)
    one, again, other = (hold_out(users, "random", seed).test for seed in (0, 0, 1))
    assert pairs_of(one) == pairs_of(again) != pairs_of(other)
    kept = np.arange(40) % 3 == 0
    assert (hold_out(select_users(users, kept), "random", 0).test != one[kept]).nnz == 0


def test_of_entries_of_one_time_chance_decides():
    """Ratings sent together come in the order of movie ids, which says nothing of what comes next."""
    users = some_users(5)
    users = users._replace(seconds=np.full_like(users.seconds, 7))
    held_out = hold_out(users, "temporal", 0).test
    last = [favourites_of(users)[row].indices[-count:] for row, count in enumerate(np.diff(held_out.indptr)) if count]
    assert held_out.indices.tolist() != np.concatenate(last).tolist()


def test_nothing_is_held_out_of_users_with_few_favourites():
    users = interactions_of([[1, 1, 1, 1, 0.5], [1, UNSEEN, UNSEEN, UNSEEN, UNSEEN]])
    split = hold_out(users, "random", 0)
    assert split.test.nnz == 0
    assert (split.train.weights != users.weights).nnz == 0


@given(st.integers(0, 999))
def test_the_order_of_movies_in_a_trial_says_nothing_of_what_is_held_out(seed):
    split = hold_out(some_users(seed, 12, 9), "random", 0)
    trial = as_trial(split, 0)
    columns = order_movies(split.train, 0)
    assert sorted(columns.tolist()) == list(range(9))
    assert (np.diff(favourites_of(trial.train).toarray().sum(axis=0)) <= 0).all()
    np.testing.assert_array_equal(trial.test.toarray(), split.test.toarray()[:, columns])
    np.testing.assert_array_equal(trial.known.weights.toarray(), split.train.weights.toarray()[:, columns])
    assert trial.n_users == np.count_nonzero(split.test.sum(axis=1))


def test_equally_favourited_movies_come_at_random_and_not_by_their_former_order():
    users = interactions_of(np.ones((3, 20)))
    order = order_movies(users, 0)
    assert order.tolist() != sorted(order.tolist())
    assert order.tolist() != order_movies(users, 1).tolist()


def test_held_out_users_are_new_to_those_learned_from():
    users = some_users(1, 100, 30)
    validation, test = hold_out_users(users, np.arange(30))
    likes = favourites_of(users).toarray() > 0
    enough = users.user_ids[likes.sum(axis=1) >= 5]
    ids = [set(trial.user_ids.tolist()) for trial in (validation.train, validation.known, test.known)]
    assert set.union(*ids) == set(enough.tolist())
    assert sum(map(len, ids)) == len(enough), "nobody is in two of them"
    assert [len(i) for i in ids[1:]] == [len(enough) // 10] * 2
    assert test.train.user_ids.tolist() == validation.train.user_ids.tolist()
    assert not test.known.seconds.any()
    for trial in (validation, test):
        known, held_out = trial.known.weights.toarray() == 1, trial.test.toarray() == 1
        assert not (known & held_out).any()
        both, rows = known | held_out, np.searchsorted(users.user_ids, trial.known.user_ids)
        assert sorted(both.sum(axis=1).tolist()) == sorted(likes[rows][:, likes.any(axis=0)].sum(axis=1).tolist())
        np.testing.assert_array_equal(held_out.sum(axis=1), (0.2 * both.sum(axis=1)).astype(int))


def test_too_few_users_to_hold_out_a_tenth_is_an_error():
    with pytest.raises(CineclusterError, match="9 have five favourites, 10 are needed"):
        hold_out_users(interactions_of(np.ones((9, 6))), np.arange(6))


def test_cut_short_users_are_known_by_their_number_of_favourites_and_no_more():
    trials = cut_short(some_users(2, 200, 40), (0, 1, 3), 0)
    assert list(trials) == [0, 1, 3]
    for n, trial in trials.items():
        counts = np.diff(trial.known.weights.indptr)
        assert (counts <= n).all()
        assert (counts[np.diff(trial.test.indptr) > 0] == n).all()
        assert not set(trial.known.user_ids.tolist()) & set(trial.train.user_ids.tolist())
        assert not (trial.known.weights.toarray() * trial.test.toarray()).any()
        np.testing.assert_array_equal(trial.test.toarray(), trials[3].test.toarray())
    assert pairs_of(trials[1].known.weights) < pairs_of(trials[3].known.weights)
    assert len(trials[3].train.user_ids) == pytest.approx(160, abs=25)
