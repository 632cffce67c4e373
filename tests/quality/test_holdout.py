"""Holding out favourites: by chance, the latest of each user, or all after one moment."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.blocks import favourites_of, select_users
from tasks.quality.holdout import hold_out
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
    known, held_out, favourites = (pairs_of(m) for m in (split.train.weights, split.test, favourites_of(users)))
    moment = np.quantile(users.seconds, 0.8)
    assert known == {pair for pair, time in times.items() if time <= moment}
    assert len(known) == pytest.approx(0.8 * len(times), abs=1)
    before = {user for user, movie in favourites & known}
    assert held_out == {pair for pair in favourites if times[pair] > moment and pair[0] in before}


def test_users_without_favourites_before_the_cut_are_not_tested():
    users = interactions_of([[1, 1, 1], [0.5, UNSEEN, 1]], [1, 2, 3, 4, 100])
    assert hold_out(users, "cut", 0).test.nnz == 0
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
