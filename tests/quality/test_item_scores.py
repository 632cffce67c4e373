"""The item model's scores in a search: against its matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.blocks import slice_users
from tasks.model import items
from tasks.model.items import discounted, gram_of, item_weights
from tasks.model.types import ItemSettings
from tasks.quality.item_scores import basis_of, score_items
from tasks.quality.mixture import Mixture
from tests.model.builders import UNSEEN, interactions_of

SETTINGS = ItemSettings(
    strength=2.0,
    low_rank=0.0,
    weight=1.0,
    rarity_power=0.0,
    trend_power=0.0,
    recency=0.3,
    session_weight=1.0,
    unit=1.0,
)


def mixture_of(seed, n_users, n_movies):
    """A mixture of which the first five users are scored; only what the item model needs is in it."""
    random = np.random.default_rng(seed)
    weights = random.choice([UNSEEN, 0, 0.5, 1], size=(n_users, n_movies), p=[0.5, 0.1, 0.1, 0.3])
    train = interactions_of(weights, random.permutation(np.count_nonzero(~np.isnan(weights))) + 1)
    users = slice_users(train, 0, 5)
    return Mixture(users, train, None, None, np.ones(n_movies), np.ones(n_movies))


@given(
    st.integers(0, 999),
    st.sampled_from([(9, 14), (30, 14)]),
    st.floats(0.1, 50),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([0.0, 0.5]),
)
def test_scores_are_those_of_the_weights(seed, shape, strength, low_rank, session_weight):
    mixture = mixture_of(seed, *shape)
    settings = SETTINGS._replace(strength=strength, low_rank=low_rank, session_weight=session_weight)
    basis = basis_of(mixture, settings)
    assert (basis.gram is None) == (shape[0] < shape[1])
    scores = score_items(basis, settings)
    if basis.gram is None:
        settings = settings._replace(session_weight=0.0)
    gram = gram_of(mixture.train, shape[1], settings.session_weight)
    expected = discounted(mixture.users, shape[1], 0.3) @ item_weights(gram, settings)
    found = scores.regression + np.float32(low_rank * scores.scale) * scores.low_rank
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_axes_by_iteration_are_the_same(monkeypatch):
    mixture = mixture_of(0, 60, 50)
    exact = basis_of(mixture, SETTINGS)
    monkeypatch.setattr(items, "FEW_ITEMS", 40)
    iterated = basis_of(mixture, SETTINGS)
    np.testing.assert_allclose(iterated.low_rank, exact.low_rank, atol=1e-5)
    assert iterated.low_rank_total == pytest.approx(exact.low_rank_total)


def test_a_basis_is_left_as_it_is():
    mixture = mixture_of(0, 30, 14)
    basis = basis_of(mixture, SETTINGS)
    before = basis.gram.copy()
    score_items(basis, SETTINGS)
    np.testing.assert_array_equal(basis.gram, before)
