"""Whole users: selecting, slicing and joining keep every entry with its user, movie, weight and time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, vstack

from tasks.blocks import (
    add_to,
    evidence_of,
    favourites_of,
    join_users,
    order_of,
    rank_movies,
    select_entries,
    select_movies,
    select_users,
    slice_users,
    times,
)
from tests.model.builders import UNSEEN, interactions_of


@st.composite
def interactions(draw):
    """Users with favourites, near favourites, movies only seen, or nothing at all."""
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 8)))
    random = np.random.default_rng(draw(st.integers(0, 9999)))
    weights = random.choice([UNSEEN, 0, 0.5, 1], size=shape, p=[0.4, 0.2, 0.2, 0.2])
    users = interactions_of(weights, random.permutation(np.count_nonzero(~np.isnan(weights))) + 100)
    return users._replace(user_ids=np.sort(random.permutation(99)[: shape[0]]).astype(np.int32))


def entries_of(users):
    """Every entry: user id, column, weight and time."""
    rows = np.repeat(users.user_ids, np.diff(users.weights.indptr))
    return list(
        zip(
            rows.tolist(),
            users.weights.indices.tolist(),
            users.weights.data.tolist(),
            users.seconds.tolist(),
            strict=True,
        )
    )


def check_whole(users, n_movies):
    """Check that the arrays fit each other."""
    assert users.weights.shape == (len(users.user_ids), n_movies)
    assert len(users.seconds) == users.weights.nnz == users.weights.indptr[-1]
    assert users.weights.dtype == np.float32


@given(interactions(), st.data())
def test_selected_users_keep_their_entries_and_others_are_gone(users, data):
    n_users, n_movies = users.weights.shape
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=n_users, max_size=n_users)))
    some = select_users(users, kept)
    check_whole(some, n_movies)
    assert some.user_ids.tolist() == users.user_ids[kept].tolist()
    wanted = set(some.user_ids.tolist())
    assert entries_of(some) == [entry for entry in entries_of(users) if entry[0] in wanted]


@given(interactions(), st.data())
def test_selected_entries_stay_with_their_users(users, data):
    n_entries = users.weights.nnz
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=n_entries, max_size=n_entries)), dtype=bool)
    some = select_entries(users, kept)
    check_whole(some, users.weights.shape[1])
    assert some.user_ids is users.user_ids
    assert entries_of(some) == [entry for entry, is_kept in zip(entries_of(users), kept, strict=True) if is_kept]


@given(interactions(), st.integers(0, 9), st.integers(0, 12))
def test_a_slice_has_the_users_between_two_rows(users, start, stop):
    start = min(start, len(users.user_ids))
    some = slice_users(users, start, max(start, stop))
    check_whole(some, users.weights.shape[1])
    expected = np.zeros(len(users.user_ids), dtype=bool)
    expected[start : max(start, stop)] = True
    assert entries_of(some) == entries_of(select_users(users, expected))


@given(interactions(), st.integers(1, 4))
def test_joining_the_parts_gives_the_whole(users, size):
    parts = [slice_users(users, start, start + size) for start in range(0, len(users.user_ids), size)]
    joined = join_users(parts)
    check_whole(joined, users.weights.shape[1])
    assert joined.user_ids.tolist() == users.user_ids.tolist()
    assert entries_of(joined) == entries_of(users)


@given(interactions())
def test_favourites_are_the_incidence_and_evidence_leaves_out_what_was_only_seen(users):
    entries = entries_of(users)
    likes = favourites_of(users)
    assert likes.shape == users.weights.shape
    assert set(likes.data.tolist()) <= {1.0}
    assert likes.nnz == sum(weight == 1 for _, _, weight, _ in entries)
    for user, column, weight, _ in entries:
        assert likes[np.searchsorted(users.user_ids, user), column] == (weight == 1)
    assert entries_of(evidence_of(users)) == [entry for entry in entries if entry[2] > 0]


@given(interactions())
def test_ranked_movies_are_the_favourited_ones_most_favourited_first(users):
    ranked, columns, n_fans = rank_movies(users)
    check_whole(ranked, len(columns))
    counts = favourites_of(users).toarray().sum(axis=0).astype(int)
    expected = sorted(np.flatnonzero(counts).tolist(), key=lambda movie: (-counts[movie], movie))
    assert columns.tolist() == expected
    assert n_fans.tolist() == counts[expected].tolist()
    back = [(user, int(columns[column]), weight, time) for user, column, weight, time in entries_of(ranked)]
    assert sorted(back) == sorted(entry for entry in entries_of(users) if counts[entry[1]])


@given(interactions(), st.data())
def test_selected_movies_are_in_the_given_order_and_others_are_gone(users, data):
    n_movies = users.weights.shape[1]
    columns = data.draw(st.permutations(range(n_movies)))[: data.draw(st.integers(0, n_movies))]
    some = select_movies(users, np.array(columns, dtype=np.intp))
    check_whole(some, len(columns))
    back = [(user, columns[column], weight, time) for user, column, weight, time in entries_of(some)]
    assert back == [entry for entry in entries_of(users) if entry[1] in columns]


@given(interactions(), st.integers(1, 300), st.integers(1, 40))
def test_rows_times_a_matrix_are_the_same_to_the_last_bit_however_many(users, width, repeated):
    rows = csr_matrix(vstack([users.weights] * repeated))
    matrix = np.random.default_rng(width).normal(size=(rows.shape[1], width)).astype(np.float32)
    np.testing.assert_array_equal(times(rows, matrix), rows @ matrix)


@given(interactions())
def test_sparse_rows_are_added_in_place(users):
    matrix = np.ones(users.weights.shape, dtype=np.float32)
    add_to(matrix, users.weights)
    np.testing.assert_array_equal(matrix, 1 + users.weights.toarray())


@given(st.lists(st.integers(0, 2**62), max_size=50), st.integers(0, 60))
def test_keys_are_ordered_as_by_a_stable_sort(keys, shift):
    keys = np.array(keys, dtype=np.int64) >> shift
    np.testing.assert_array_equal(order_of(keys), np.argsort(keys, kind="stable"))
