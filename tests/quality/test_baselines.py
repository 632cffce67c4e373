"""The known recommenders, and how they are tuned."""

from itertools import product, starmap

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tasks.quality import baselines, tune
from tasks.quality.baselines import BASELINES, EASE, Baseline, best_of_scores, ease, excluded_of, popular
from tasks.quality.holdout import Trial, as_trial, hold_out
from tasks.quality.tune import Variant, matrix_of, nearest_untried, recommend, walk_grid
from tests.model.builders import interactions_of
from tests.quality.made import OPTIONS, make_users

FAVOURITES = Variant("favourites", 0.0)


def favourites(n_users: int, n_movies: int = 20) -> csr_matrix:
    random = np.random.default_rng(0)
    own = np.arange(n_movies) % 2 == np.arange(n_users)[:, None] % 2
    return csr_matrix((random.random((n_users, n_movies)) < np.where(own, 0.5, 0.05)).astype(np.float32))


@pytest.mark.parametrize("n_users", [12, 60])  # fewer users than movies: by the matrix of users
@pytest.mark.parametrize("regularization", [0.5, 3.0, 400.0])
def test_ease_scores_equal_those_of_the_paper(n_users, regularization):
    learned, users = favourites(n_users), favourites(7)
    learned = csr_matrix(learned.multiply(np.arange(20) != 3))
    inverse = np.linalg.inv((learned.T @ learned).toarray().astype(float) + regularization * np.eye(20))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    weights[:, 3] = 0  # nobody favourited it
    expected = users @ weights
    score = ease(learned, users, regularization)
    np.testing.assert_allclose(np.vstack([score(slice(0, 4)), score(slice(4, 7))]), expected, rtol=2e-3, atol=1e-5)


def test_a_block_of_the_inverse_is_symmetric(monkeypatch):
    monkeypatch.setattr(baselines, "BLOCK_USERS", 7)
    learned = favourites(60)
    times_inverse, diagonal = baselines.invert_gram(learned, csr_matrix(np.eye(20, dtype=np.float32)), 3.0)
    inverse = times_inverse(slice(0, 20))
    np.testing.assert_array_equal(inverse, inverse.T)
    np.testing.assert_allclose(diagonal, np.diag(inverse))
    np.testing.assert_allclose(inverse @ ((learned.T @ learned).toarray() + 3 * np.eye(20)), np.eye(20), atol=1e-5)


@pytest.mark.parametrize("evidence", ["favourites", "all"])
@pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.name)
def test_baselines_recommend_the_users_taste_and_nothing_excluded(baseline, evidence):
    trial = as_trial(hold_out(make_users(), "random", 0), 0)
    found = recommend(baseline, trial, Variant(evidence, 0.2), baseline.start, 5, True)
    hit = trial.test[found.user, found.movie]
    assert hit.mean() > 2 * trial.test.mean()
    assert pattern(trial.known.weights)[found.user, found.movie].sum() == 0


def pattern(matrix: csr_matrix) -> csr_matrix:
    """Return 1 for every stored entry, of value 0 too."""
    return csr_matrix((np.ones(matrix.nnz), matrix.indices, matrix.indptr), matrix.shape)


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.name)
def test_users_not_learned_from_are_folded_in(baseline):
    users = make_users()
    trial = as_trial(hold_out(users, "random", 0), 0)
    copy = trial.known._replace(weights=trial.known.weights.copy())
    apart = Trial(trial.train, copy, trial.test)
    known = recommend(baseline, trial, FAVOURITES, baseline.start, 5, True)
    folded = recommend(baseline, apart, FAVOURITES, baseline.start, 5, True)
    pairs = [set(zip(one.user.tolist(), one.movie.tolist(), strict=True)) for one in (known, folded)]
    assert len(pairs[0] & pairs[1]) > 0.9 * len(pairs[0])


def test_popular_recommends_by_number_of_favourites():
    train = interactions_of(np.array([[1, 1, np.nan], [1, np.nan, 0], [0.5, np.nan, 1]]))
    trial = Trial(train, train, csr_matrix((3, 3)))
    found = popular(trial, excluded_of(train, True), 3)
    assert list(zip(found.user, found.movie, strict=True)) == [(0, 2), (1, 1), (2, 1)]
    found = popular(trial, excluded_of(train, False), 3)
    assert list(zip(found.user, found.movie, strict=True)) == [(0, 2), (1, 1), (1, 2), (2, 0), (2, 1)]


def test_near_favourites_count_their_weight_and_later_entries_more():
    users = interactions_of(np.array([[1, 0.5, 0, 1]]), [30, 20, 10, 40])
    assert matrix_of(users, "favourites", 0.0).toarray().tolist() == [[1, 0, 0, 1]]
    assert matrix_of(users, "all", 0.0).toarray().tolist() == [[1, 0.5, 0, 1]]
    expected = [[1 - 0.2 / 3, 0.5 * (1 - 0.2 * 2 / 4), 0, 1]]
    np.testing.assert_allclose(matrix_of(users, "all", 0.2).toarray(), expected, rtol=1e-6)


@pytest.fixture
def trial() -> Trial:
    return as_trial(hold_out(make_users(), "random", 0), 0)


@pytest.mark.parametrize(("best", "edge"), [((6, 4), []), ((8, 2), ["a"])])
def test_the_grid_is_walked_to_its_best_setting_and_an_edge_is_reported(trial, monkeypatch, best, edge):
    def steps_to_best(baseline, trials, variant, setting, depth, options):
        return -sum(abs(value - at) for value, at in zip(setting.values(), best, strict=True))

    monkeypatch.setattr(tune, "quality", steps_to_best)
    baseline = Baseline("any", ease, {"a": tuple(range(9)), "b": tuple(range(7))}, {"a": 1, "b": 1})
    tuned = tune.tune(baseline, [trial], 10, OPTIONS, 60)
    assert tuple(tuned.setting.values()) == best
    assert (tuned.at_edge, tuned.is_cut_off, tuned.n_settings) == (edge, False, 2 * 63)
    assert tuned.n_tried < tuned.n_settings


def test_without_time_one_setting_is_tried_and_that_is_said(trial):
    tried, is_cut_off = walk_grid(EASE, [trial], FAVOURITES, 10, OPTIONS, 0.0)
    assert (list(tried), is_cut_off) == ([(200.0,)], True)


def test_all_settings_within_two_steps_of_the_best_are_tried(trial):
    tried, is_cut_off = walk_grid(EASE, [trial], FAVOURITES, 10, OPTIONS, 60.0)
    values = EASE.grid["regularization"]
    best = values.index(max(tried, key=lambda one: tried[one])[0])
    assert {(value,) for value in values[max(0, best - 2) : best + 3]} <= set(tried)
    assert not is_cut_off
    assert nearest_untried(EASE, tried) is None


def test_the_evidence_and_discount_that_are_best_on_validation_count():
    trial = as_trial(hold_out(make_users(), "temporal", 0), 0)
    tuned = tune.tune(EASE, [trial], 10, OPTIONS, 60)
    kinds = product(("favourites", "all"), tune.recencies([trial], OPTIONS))
    values = {
        variant: tune.quality(EASE, [trial], variant, tuned.setting, 10, OPTIONS) for variant in starmap(Variant, kinds)
    }
    assert values[tuned.variant] == tuned.validation
    alone = tune.tune(EASE, [trial], 10, OPTIONS._replace(recency=0.0), 60)
    assert alone.variant.recency == 0


def test_best_of_scores_leaves_out_stored_zeros():
    users = interactions_of(np.array([[0, np.nan, 1, np.nan]]))
    found = best_of_scores(lambda rows: np.array([[9.0, 1, 8, 2]], dtype=np.float32), users.weights, 4)
    assert found.movie.tolist() == [3, 1]


def test_what_cannot_run_says_why(monkeypatch):
    assert [baselines.reason_to_leave_out(one, 100) for one in BASELINES] == [None] * 4
    assert "25,001 movies are more than 25,000, its matrix needs 2.5 GB" in baselines.reason_to_leave_out(EASE, 25_001)
    monkeypatch.setattr(baselines, "find_spec", lambda name: None)
    reasons = {one.name: baselines.reason_to_leave_out(one, 100) for one in BASELINES}
    assert reasons.pop("EASE") is None
    assert set(reasons.values()) == {'not installed: pip install "cinecluster[baselines]"'}
