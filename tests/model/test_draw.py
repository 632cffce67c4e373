"""Random choices that depend on ids alone."""

import numpy as np
import pytest

from tasks.blocks import slice_users
from tasks.model.draw import draw_users, limit_of, mix, shuffle_key, user_key
from tests.model.builders import interactions_of

USERS = interactions_of(np.ones((100, 3)))


def test_mix_is_splitmix64():
    """The first outputs of the generator with state 1234567, as its authors publish them."""
    step = 0x9E3779B97F4A7C15
    states = np.array([(1234567 + number * step) % 2**64 for number in range(5)], dtype=np.uint64)
    assert mix(states, 0).tolist() == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
    ]  # fmt: skip


@pytest.mark.parametrize("n_users", [1, 10, 99, 100, 1000])
def test_as_many_users_are_drawn_as_there_are_or_are_wanted(n_users):
    drawn = draw_users(USERS, n_users, 0).user_ids
    assert len(drawn) == min(n_users, 100)
    assert (np.diff(drawn) > 0).all()
    assert set(drawn.tolist()) <= set(draw_users(USERS, n_users + 1, 0).user_ids.tolist())


def test_a_draw_depends_on_ids_and_seed_alone():
    drawn = draw_users(USERS, 30, 0).user_ids.tolist()
    assert draw_users(USERS, 30, 1).user_ids.tolist() != drawn != list(range(1, 31))
    limit = limit_of(user_key(USERS.user_ids, 0), 30)
    by_blocks = [slice_users(USERS, start, start + 7).user_ids for start in range(0, 100, 7)]
    assert [int(user) for ids in by_blocks for user in ids[user_key(ids, 0) <= limit]] == drawn


def test_entries_have_keys_of_their_own_whatever_the_block():
    keys = shuffle_key(USERS)
    assert len(set(keys.tolist())) == 300
    np.testing.assert_array_equal(shuffle_key(slice_users(USERS, 40, 60)), keys[120:180])
    assert not (shuffle_key(USERS, 1) == keys).any()
