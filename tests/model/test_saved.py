"""The model as rows of a table and back."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.model.saved import pack, unpack
from tasks.model.types import Model, Scoring, TasteSpace


def some_model(n_movies=5, n_candidates=3, n_components=2, seed=0):
    """A model of random numbers."""
    random = np.random.default_rng(seed)

    def array(*shape):
        return random.normal(size=shape).astype(np.float32)

    space = TasteSpace(array(n_movies), array(n_movies, n_components), array(n_components), array(n_components))
    movie_ids = random.integers(1, 2**31 - 1, n_movies, dtype=np.int32)
    centres = [array(k, n_components) for k in (4, 3, 6)]
    shares, tastes, items = array(6, n_candidates), array(n_candidates, n_components), array(0, 0)
    scoring = Scoring("idf", 0.2, 7, 2.5, 1.0, 1.25, 0.5, 0.1 + 0.2, 0.3, 0.05, 0.15, True)
    return Model(movie_ids, space, *centres, shares, tastes, items, array(n_candidates), scoring)


def rows_of(model):
    """The rows of a packed model."""
    return list(zip(*(column.tolist() for column in pack(model).values()), strict=True))


def check_equal(one, other):
    """Check that two models are the same, bit by bit."""
    for name, mine, theirs in zip(Model._fields, one, other, strict=True):
        for array, same in zip(mine, theirs, strict=True) if name == "space" else [(mine, theirs)]:
            if name != "scoring":
                assert (array.shape, array.dtype) == (same.shape, same.dtype)
            np.testing.assert_array_equal(array, same)
    assert one.scoring == other.scoring
    assert type(other.scoring.exclude_seen) is bool


@given(*[st.integers(0, 4)] * 3, st.integers(0, 9))
def test_what_was_packed_is_unpacked_whatever_the_shapes(n_movies, n_candidates, n_components, seed):
    model = some_model(n_movies, n_candidates, n_components, seed)
    check_equal(model, unpack(rows_of(model)))


def test_the_item_model_is_left_to_a_table_of_its_own():
    model = some_model()._replace(items=np.ones((2, 2), dtype=np.float32))
    assert unpack(rows_of(model)).items.shape == (0, 0)


def test_rows_come_in_any_order():
    model = some_model()
    check_equal(model, unpack(rows_of(model)[::-1]))


def test_columns_are_plain():
    packed = pack(some_model())
    assert list(packed) == ["name", "dtype", "n_rows", "n_columns", "is_matrix", "content"]
    assert set(packed["dtype"]) == {"float32", "int32", "json"}
    assert all(type(content) is bytes for content in packed["content"])
    assert {"space.axes", "shares", "scoring"} < set(packed["name"])


def test_arrays_of_views_and_other_orders_are_packed_row_by_row():
    model = some_model(n_movies=6)
    turned = model._replace(shares=np.asfortranarray(model.shares), movie_ids=model.movie_ids[::-2])
    check_equal(turned, unpack(rows_of(turned)))


def test_an_unpacked_model_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        unpack(rows_of(some_model())).shares[0, 0] = 1


def test_nothing_that_could_run_is_read():
    rows = rows_of(some_model())
    bad = [row if row[0] != "shares" else ("shares", "object", 1, 1, True, pickle.dumps(print)) for row in rows]
    with pytest.raises(ValueError, match="An array of 'object' is no part of a model"):
        unpack(bad)


def test_rows_of_something_else_are_an_error():
    rows = rows_of(some_model())
    with pytest.raises(ValueError, match="cannot reshape"):
        unpack([row if row[0] != "fine" else (*row[:2], 99, *row[3:]) for row in rows])
    with pytest.raises((ValueError, KeyError, TypeError)):
        unpack([row for row in rows if row[0] not in ("scoring", "fine")])
