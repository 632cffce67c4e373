"""What held-out favourites lead to: the number of fine clusters, and the settings of the item model."""

import numpy as np
import pytest

from tasks.blocks import rank_movies
from tasks.model.fit import fit_in_memory, known_of
from tasks.model.neighbours import place
from tasks.model.rank import rank
from tasks.model.types import CLUSTERS_ALONE
from tasks.quality import choose
from tasks.quality.choose import (
    USUAL,
    choose_n_fine_clusters,
    choose_settings,
    most_usual,
    users_to_try,
    ways_to_hold_out,
)
from tasks.quality.holdout import hold_out
from tasks.quality.metrics import find_hits, ndcg
from tasks.quality.mixture import count_ranked, make_mixture, ndcg_of, train_on
from tests.model.builders import from_incidence, interactions_of, options_of


@pytest.fixture(scope="module")
def four_tastes():
    """200 users who favourited movies of one of four kinds."""
    random = np.random.default_rng(0)
    taste = np.repeat([0, 1, 2, 3], 50)
    likes = np.where(np.arange(80) // 20 == taste[:, None], 0.4, 0.02)
    return rank_movies(from_incidence(random.random((200, 80)) < likes))[0]


@pytest.fixture(scope="module")
def chosen(four_tastes):
    """What is chosen for them."""
    return choose_settings(four_tastes, options_of())


@pytest.mark.parametrize(
    ("measured", "expected"),
    [({10: 0.30, 20: 0.31, 40: 0.309, 80: 0.28}, 40), ({10: 0.5, 20: 0.2}, 10), ({}, 25)],
)
def test_the_finest_number_of_near_best_quality_is_chosen(measured, expected):
    assert choose_n_fine_clusters("auto", measured, 100) == expected
    assert choose_n_fine_clusters(7, measured, 100) == 7


def test_quality_is_measured_for_rising_numbers_and_predicts_taste(chosen):
    assert list(chosen.by_n_fine_clusters) == [12, 25, 50]
    assert max(chosen.by_n_fine_clusters.values()) > 0.15  # any order of the 80 movies would have about 0.03
    assert chosen.n_fine_clusters == choose_n_fine_clusters("auto", chosen.by_n_fine_clusters, 200)


def test_the_settings_of_the_item_model_are_of_near_best_quality(chosen):
    best = max(chosen.by_items.values())
    assert chosen.by_items[chosen.items] >= choose.FLAT * best
    assert best >= max(quality for settings, quality in chosen.by_items.items() if settings.weight == 0)
    assert {settings.weight for settings in chosen.by_items} == set(choose.WEIGHTS)
    assert {settings.low_rank for settings in chosen.by_items} == set(choose.LOW_RANKS)
    assert {settings.regularisation_power for settings in chosen.by_items} >= set(choose.REGULARISATION_POWERS)
    assert {settings.recency for settings in chosen.by_items} == {0.0}, "times are not known"


def test_the_quality_of_what_was_chosen_is_told_by_user(four_tastes, chosen):
    assert chosen.by_user.keys() <= set(four_tastes.user_ids.tolist())
    assert len(chosen.by_user) > 150
    assert np.mean(list(chosen.by_user.values())) == pytest.approx(chosen.by_items[chosen.items], rel=0.2)
    alone = choose_settings(four_tastes, options_of(item_weight=0.0))
    mean = np.mean(list(alone.by_user.values()))
    assert mean in [pytest.approx(quality) for quality in alone.by_n_fine_clusters.values()]


def test_users_without_a_held_out_favourite_among_the_ranked_movies_are_left_out(four_tastes, monkeypatch):
    monkeypatch.setattr("tasks.quality.mixture.count_ranked", lambda n_fans: 10)
    found = choose_settings(four_tastes, options_of())
    assert 10 < len(found.by_user) < 150


def test_the_choice_is_the_same_again(four_tastes, chosen):
    assert choose_settings(four_tastes, options_of()) == chosen


def test_a_given_weight_and_number_are_kept(four_tastes):
    found = choose_settings(four_tastes, options_of(n_fine_clusters=7, item_weight=0.3))
    assert (found.n_fine_clusters, found.by_n_fine_clusters, found.items.weight) == (7, {}, 0.3)
    assert {settings.weight for settings in found.by_items} == {0.3}


@pytest.mark.parametrize("options", [{"item_weight": 0.0}, {"preset": "article"}])
def test_without_an_item_model_the_clusters_recommend_alone(four_tastes, options):
    found = choose_settings(four_tastes, options_of(n_fine_clusters=7, **options))
    assert (found.n_fine_clusters, found.items, found.by_items) == (7, CLUSTERS_ALONE, {})
    assert bool(found.by_user) == ("preset" not in options), "the way of the article is not measured"


def test_nothing_is_measured_where_nothing_can_be_held_out():
    found = choose_settings(from_incidence(np.eye(30)), options_of())
    assert found == (7, CLUSTERS_ALONE, {}, {}, {})


def test_quality_is_measured_on_some_users(four_tastes):
    options = options_of(quality_users=30)
    trained = train_on(hold_out(four_tastes, "random", 0), options)
    mixture = make_mixture(trained, options, 12)
    assert mixture.test.shape[0] == len(mixture.users.user_ids) == len(mixture.clusters) == 30
    assert np.diff(mixture.test.indptr).all()


def test_the_quality_of_a_mixture_is_that_of_what_would_be_recommended(four_tastes):
    split, options = hold_out(four_tastes, "random", 0), options_of()
    mixture = make_mixture(train_on(split, options), options, 12)
    model, fit = fit_in_memory(split.train, 12, options, CLUSTERS_ALONE)
    best = rank(fit.sample, place(fit.sample, model, known_of(fit)), model, 10)
    hits = find_hits(best._replace(movie=model.movie_ids[best.movie]), split.test, 10)
    assert ndcg_of(mixture, mixture.clusters) == pytest.approx(ndcg(hits, 10), rel=1e-6)


def test_few_users_are_split_twice_by_chance_and_by_time_where_it_is_known(four_tastes, monkeypatch):
    assert len(ways_to_hold_out(four_tastes, 0)) == 2
    timed = four_tastes._replace(seconds=np.arange(1, four_tastes.weights.nnz + 1))
    first, second, temporal = ways_to_hold_out(timed, 0)
    assert (first.test != second.test).nnz > 0
    assert (temporal.test != hold_out(timed, "temporal", 2).test).nnz == 0
    monkeypatch.setattr(choose, "FEW_USERS", 100)
    assert len(ways_to_hold_out(timed, 0)) == 2


def test_of_near_best_settings_the_most_usual_are_taken():
    far, near, worse = USUAL._replace(weight=0.0), USUAL._replace(weight=0.5), USUAL
    assert most_usual({far: 0.5, near: 0.4995, worse: 0.4}, USUAL) == near
    assert most_usual({far: 0.5, near: 0.49, worse: 0.4}, USUAL) == far


def test_recency_counts_where_times_are_known():
    random = np.random.default_rng(0)
    weights = np.where(random.random((60, 25)) < 0.4, 1.0, np.nan)
    users = interactions_of(weights, random.permutation(np.count_nonzero(~np.isnan(weights))) + 1)
    found = choose_settings(rank_movies(users)[0], options_of(n_fine_clusters=4, item_weight=0.5))
    assert {settings.recency for settings in found.by_items} == {USUAL.recency} != {0.0}


def test_one_moment_holds_out_where_many_users_come_back_after_it(four_tastes, monkeypatch):
    rows = np.repeat(np.arange(len(four_tastes.user_ids)), np.diff(four_tastes.weights.indptr))
    order = np.random.default_rng(0).permutation(len(rows)) + 1
    timed = four_tastes._replace(seconds=order.astype(np.int64))
    n_returning = np.count_nonzero(np.diff(hold_out(timed, "cut", 3).test.indptr))
    assert n_returning > 10
    monkeypatch.setattr(choose, "MANY_RETURNING", n_returning)
    assert (ways_to_hold_out(timed, 0)[-1].test != hold_out(timed, "cut", 3).test).nnz == 0
    monkeypatch.setattr(choose, "MANY_RETURNING", n_returning + 1)
    assert len(ways_to_hold_out(timed, 0)) == 3


def test_users_to_try_hold_so_many_interactions_and_tell_nothing_by_their_order(four_tastes, monkeypatch):
    monkeypatch.setattr(choose, "MOST_ENTRIES", four_tastes.weights.nnz // 2)
    users = users_to_try(four_tastes, seed=0)
    assert len(users.user_ids) == len(four_tastes.user_ids) // 2
    assert users.weights.shape[1] == four_tastes.weights.shape[1]
    n_fans = np.asarray((users.weights == 1).sum(axis=0)).ravel()
    assert not np.array_equal(n_fans, -np.sort(-n_fans))
    monkeypatch.setattr(choose, "MOST_ENTRIES", 10**9)
    assert np.array_equal(users_to_try(four_tastes, seed=0).user_ids, four_tastes.user_ids)


@pytest.mark.parametrize(
    ("n_fans", "n"),
    [(np.ones(500, dtype=int), 500), (np.r_[10**6, np.ones(5000, dtype=int)], 1000), (np.ones(9000, dtype=int), 4000)],
)
def test_the_most_favourited_movies_are_ranked(n_fans, n):
    assert count_ranked(n_fans) == n
