"""The strength of the item model for all users: what it is compared by, and when it changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.blocks import join_users, rank_movies, select_users, slice_users
from tasks.model.fit import fit_fine_clusters, fit_model, with_movies
from tasks.model.items import gram_of
from tasks.quality import choose, strength
from tasks.quality.item_search import USUAL, Tried
from tasks.quality.strength import fit_for_all, strength_for_all
from tests.model.builders import UNSEEN, interactions_of, options_of

SETTINGS = USUAL._replace(strength=64.0, unit=0.5)


def some_users(n_users=120, n_movies=60, seed=0, timed=True):
    """Users who favourited pairs of movies, some much more often than others; the most favourited movies first."""
    random = np.random.default_rng(seed)
    pairs = random.random((n_users, n_movies // 2)) < np.geomspace(0.6, 0.05, n_movies // 2)
    likes = np.repeat(pairs, 2, axis=1) & (random.random((n_users, n_movies)) < 0.8)
    likes[:, 0] = True
    seconds = random.permutation(np.count_nonzero(likes)) + 1 if timed else None
    return rank_movies(interactions_of(np.where(likes, 1.0, UNSEEN), seconds))[0]


def fit_of(users, n_sample):
    """A fit of some of the users."""
    ranked, movies = with_movies(users)
    return ranked, fit_fine_clusters(slice_users(ranked, 0, n_sample), movies, 4, options_of(n_components=5))


@given(st.integers(0, 99), st.sampled_from([0.0, 1.0]), st.integers(5, 60))
def test_exams_learn_from_everybody_but_what_is_held_out(seed, session_weight, n_movies):
    users, fit = fit_of(some_users(seed=seed), 40)
    exams = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strength, "MOST_MOVIES", n_movies)
        patch.setattr(strength, "search_for_all", lambda found, settings: exams.extend(found))
        settings = SETTINGS._replace(session_weight=session_weight)
        strength_for_all(gram_of(users, 60, session_weight), fit, settings, options_of(seed=seed))
    assert len(exams) == 2
    for mixture, basis in exams:
        everybody = join_users([mixture.train, slice_users(users, 40, 120)])
        expected = gram_of(everybody, 60, session_weight)[:n_movies, :n_movies]
        np.testing.assert_allclose(basis.gram, expected, atol=1e-5)
        assert mixture.test.shape == (len(mixture.users.user_ids), n_movies)
        assert np.diff(mixture.test.indptr).all()
        assert not mixture.test.multiply(mixture.users.weights[:, :n_movies] > 0).nnz


def test_where_settings_were_tried_on_all_users_nothing_changes():
    users, fit = fit_of(some_users(), 120)
    assert strength_for_all(gram_of(users, 60, 1.0), fit, SETTINGS, options_of()) is SETTINGS


@pytest.mark.parametrize("timed", [True, False])
def test_the_strength_predicts_held_out_favourites_about_best_and_the_unit_goes_with_it(timed):
    users, fit = fit_of(some_users(600, timed=timed), 200)
    settings = SETTINGS if timed else SETTINGS._replace(recency=0.0, session_weight=0.0)
    found = strength_for_all(gram_of(users, 60, settings.session_weight), fit, settings, options_of())
    assert found.strength < settings.strength
    assert found.unit < settings.unit, "with less regularisation scores are larger"
    assert found == settings._replace(strength=found.strength, unit=found.unit)


def test_the_best_of_the_strengths_is_taken(monkeypatch):
    def tried(mixtures, bases, start, first, low_ranks):
        assert (first, low_ranks, start.weight, start.low_rank) == ((64.0, 32.0), (0.0,), 1.0, 0.0)
        qualities = {64.0: 0.9, 32.0: 0.999, 16.0: 1.0, 8.0: 0.99}
        each = [start._replace(strength=value, unit=value) for value in qualities]
        return [Tried(one, 60, [quality], []) for one, quality in zip(each, qualities.values(), strict=True)]

    monkeypatch.setattr(strength, "search_strength", tried)
    users, fit = fit_of(some_users(), 40)
    found = strength_for_all(gram_of(users, 60, 1.0), fit, SETTINGS, options_of())
    assert (found.strength, found.unit) == (16.0, 0.125)


def test_nothing_changes_where_nothing_can_be_held_out():
    users, fit = fit_of(select_users(some_users(), np.arange(120) < 90), 30)
    few = fit._replace(sample=fit.sample._replace(weights=fit.sample.weights.multiply(0).tocsr()))
    assert strength_for_all(gram_of(users, 60, 1.0), few, SETTINGS, options_of()) == SETTINGS


def test_a_model_for_all_has_the_strength_for_all(monkeypatch):
    users, fit = fit_of(some_users(600), 600)
    options = options_of(n_components=5)
    monkeypatch.setattr(choose, "MOST_ENTRIES", users.weights.nnz // 4)
    model, _, settings = fit_for_all(fit, options, SETTINGS, lambda count: count(users))
    assert settings.strength < SETTINGS.strength
    expected, _ = fit_model(fit, options, settings, lambda count: count(users))
    np.testing.assert_array_equal(model.items, expected.items)
    alone = fit_for_all(fit, options, SETTINGS._replace(weight=0.0), lambda count: count(users))
    assert alone[2].strength == SETTINGS.strength
