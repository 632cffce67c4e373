"""What held-out favourites lead to: the number of fine clusters, and the settings of the item model."""

import numpy as np
import pytest

from tasks.blocks import rank_movies, slice_users
from tasks.model.fit import fit_in_memory, known_of, with_movies
from tasks.model.neighbours import place
from tasks.model.rank import rank
from tasks.model.types import CLUSTERS_ALONE, ItemSettings
from tasks.quality import item_search
from tasks.quality.choose import (
    choose_n_fine_clusters,
    choose_settings,
    in_no_order,
    users_to_try,
    ways_to_hold_out,
)
from tasks.quality.holdout import hold_out
from tasks.quality.item_scores import basis_of
from tasks.quality.item_search import (
    RECENCIES,
    USUAL,
    Tried,
    best_trend,
    between,
    least_regret,
    most_usual,
    rarest,
    search_settings,
)
from tasks.quality.metrics import find_hits, ndcg
from tasks.quality.mixture import head_of, make_mixture, ndcg_of_clusters, train_on
from tests.model.builders import from_incidence, interactions_of, options_of


def choose(users, **options):
    """What is chosen where the item model may know all movies of the users."""
    return choose_settings(users, with_movies(users)[1], options_of(**options))


@pytest.fixture(scope="module")
def four_tastes():
    """200 users who favourited movies of one of four kinds."""
    random = np.random.default_rng(1)
    taste = np.repeat([0, 1, 2, 3], 50)
    likes = np.where(np.arange(80) // 20 == taste[:, None], 0.4, 0.02)
    return rank_movies(from_incidence(random.random((200, 80)) < likes))[0]


@pytest.fixture(scope="module")
def chosen(four_tastes):
    """What is chosen for them."""
    return choose(four_tastes)


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
    [settled] = [each for each in chosen.tried if each.settings == chosen.items]
    last = [each for each in chosen.tried if each.n_ranked == settled.n_ranked]
    best = max(each.quality for each in last)
    assert settled.quality >= item_search.FLAT**2 * item_search.FLAT_RARITY * best, (
        "each of three steps may lose a little"
    )
    assert best >= max(each.quality for each in last if each.settings.weight == 0)
    values = {name: {getattr(each.settings, name) for each in chosen.tried} for name in ItemSettings._fields}
    assert values["weight"] == set(item_search.WEIGHTS)
    assert values["low_rank"] == set(item_search.LOW_RANKS)
    assert values["rarity_power"] == set(item_search.RARITY_POWERS)
    assert values["recency"] == {0.0}, "times are not known"
    keys = [(each.settings, each.n_ranked) for each in chosen.tried]
    assert len(set(keys)) == len(keys), "of 80 movies the head is all"


def test_the_quality_of_what_was_chosen_is_told_by_user(four_tastes, chosen):
    assert chosen.by_user.keys() <= set(four_tastes.user_ids.tolist())
    assert len(chosen.by_user) > 150
    [settled] = [each for each in chosen.tried if each.settings == chosen.items]
    assert np.mean(list(chosen.by_user.values())) == pytest.approx(settled.quality, rel=0.2)
    alone = choose(four_tastes, item_weight=0.0)
    mean = np.mean(list(alone.by_user.values()))
    assert mean in [pytest.approx(quality) for quality in alone.by_n_fine_clusters.values()]


def test_users_without_a_held_out_favourite_among_the_ranked_movies_are_left_out(four_tastes, monkeypatch):
    monkeypatch.setattr("tasks.quality.mixture.FEWEST_RANKED", 10)
    monkeypatch.setattr("tasks.quality.choose.count_items", lambda n_fans, n_users: 10)
    found = choose(four_tastes)
    assert {each.n_ranked for each in found.tried} == {10}
    assert 10 < len(found.by_user) < 150


def test_strengths_are_tried_with_the_head_and_the_rest_with_all_movies(four_tastes, monkeypatch):
    monkeypatch.setattr("tasks.quality.mixture.FEWEST_RANKED", 10)
    monkeypatch.setattr("tasks.quality.mixture.MOST_IN_HEAD", 30)
    found = choose(four_tastes, item_weight=0.5)
    of_head, of_all = ([each.settings for each in found.tried if each.n_ranked == n_ranked] for n_ranked in (30, 80))
    assert len(of_head) + len(of_all) == len(found.tried)
    assert found.items in of_all
    assert {each.strength for each in of_head} >= set(item_search.STRENGTHS)
    assert {each.strength for each in of_all} == {found.items.strength}
    assert {each.rarity_power for each in of_all} == set(item_search.RARITY_POWERS)


def test_the_choice_is_the_same_again(four_tastes, chosen):
    assert choose(four_tastes) == chosen


def test_a_given_weight_and_number_are_kept(four_tastes):
    found = choose(four_tastes, n_fine_clusters=7, item_weight=0.3)
    assert (found.n_fine_clusters, found.by_n_fine_clusters, found.items.weight) == (7, {}, 0.3)
    assert {each.settings.weight for each in found.tried} == {0.3}


@pytest.mark.parametrize("options", [{"item_weight": 0.0}, {"preset": "article"}])
def test_without_an_item_model_the_clusters_recommend_alone(four_tastes, options):
    found = choose(four_tastes, n_fine_clusters=7, **options)
    assert (found.n_fine_clusters, found.items, found.tried) == (7, CLUSTERS_ALONE, [])
    assert bool(found.by_user) == ("preset" not in options), "the way of the article is not measured"


def test_nothing_is_measured_where_nothing_can_be_held_out():
    found = choose(from_incidence(np.eye(30)))
    assert found == (7, CLUSTERS_ALONE, {}, [], {})


def test_quality_is_measured_on_some_users(four_tastes):
    options = options_of(quality_users=30)
    trained = train_on(hold_out(four_tastes, "random", 0), options)
    mixture = make_mixture(trained, options, 12, 80)
    assert mixture.test.shape[0] == len(mixture.users.user_ids) == len(mixture.clusters) == 30
    assert np.diff(mixture.test.indptr).all()


def test_the_quality_of_a_mixture_is_that_of_what_would_be_recommended(four_tastes):
    split, options = hold_out(four_tastes, "random", 0), options_of()
    mixture = make_mixture(train_on(split, options), options, 12, 80)
    model, fit = fit_in_memory(split.train, 12, options, CLUSTERS_ALONE)
    best = rank(fit.sample, place(fit.sample, model, known_of(fit)), model, 10)
    hits = find_hits(best._replace(movie=model.movie_ids[best.movie]), split.test, 10)
    assert ndcg_of_clusters(mixture) == pytest.approx(ndcg(hits, 10), rel=1e-6)


def test_few_users_or_favourites_are_split_twice_by_chance_and_by_time_where_it_is_known(four_tastes, monkeypatch):
    assert len(ways_to_hold_out(four_tastes, 0)) == 2
    timed = four_tastes._replace(seconds=np.arange(1, four_tastes.weights.nnz + 1))
    first, second, temporal = ways_to_hold_out(timed, 0)
    assert (first.test != second.test).nnz > 0
    assert (temporal.test != hold_out(timed, "temporal", 2, 4).test).nnz == 0
    monkeypatch.setattr("tasks.quality.choose.FEW_USERS", 100)
    assert len(ways_to_hold_out(timed, 0)) == 3, "they have few favourites each"
    monkeypatch.setattr("tasks.quality.choose.FEW_EACH", 1)
    assert len(ways_to_hold_out(timed, 0)) == 2


def test_of_near_best_settings_the_most_usual_are_taken():
    far, near, worse = USUAL._replace(weight=0.0), USUAL._replace(weight=0.5), USUAL

    def choose_of(quality_of_near):
        qualities = [(far, 0.5), (near, quality_of_near), (worse, 0.4)]
        return most_usual([Tried(settings, 10, [quality], []) for settings, quality in qualities], USUAL).settings

    assert choose_of(0.4995) == near
    assert choose_of(0.49) == far


def rarity_power_of(*qualities):
    return rarest([Tried(USUAL._replace(rarity_power=power), 10, by_way, []) for power, *by_way in qualities]).settings


def test_of_near_best_rarity_powers_the_largest_is_taken():
    assert rarity_power_of((0.05, 0.2), (0.0, 0.19), (0.1, 0.1992), (0.15, 0.1985)).rarity_power == 0.1
    assert rarity_power_of((0.05, 0.2), (0.0, 0.21), (0.1, 0.2)).rarity_power == 0.0
    assert rarity_power_of((0.0, 0.2, 0.05), (0.1, 0.196, 0.0525)).rarity_power == 0.1, "the geometric mean counts"


def between_of(qualities):
    tried = [Tried(USUAL._replace(strength=strength), 10, [value], []) for strength, value in qualities.items()]
    return between(tried)


def test_the_strength_is_at_the_top_of_a_parabola():
    found = between_of({strength: 0.3 - 0.01 * (np.log2(strength) - 2.4) ** 2 for strength in (2.0, 4.0, 8.0, 16.0)})
    assert found == USUAL._replace(strength=5.3)


def test_at_the_edge_or_on_a_plain_the_strength_is_one_that_was_tried():
    assert between_of({2.0: 0.3, 4.0: 0.2}).strength == 2
    assert between_of({2.0: 0.3, 4.0: 0.3, 8.0: 0.3}).strength in (2, 4)
    assert between_of({4.0: 0.3}).strength == 4


def trend_power_of(*qualities):
    tried = [Tried(USUAL._replace(trend_power=power), 10, by_way, []) for power, *by_way in qualities]
    return best_trend(tried).settings.trend_power


def test_the_trend_power_is_best_of_those_that_lose_little_on_every_way_of_holding_out():
    assert trend_power_of((0.0, 0.2, 0.2), (0.1, 0.198, 0.23), (0.2, 0.197, 0.25), (0.3, 0.195, 0.3)) == 0.2
    assert trend_power_of((0.0, 0.2, 0.2), (0.1, 0.21, 0.19), (0.2, 0.19, 0.3)) == 0.0


def test_movies_on_the_rise_are_not_lifted_for_next_to_nothing():
    assert trend_power_of((0.0, 0.2, 0.2), (0.1, 0.2, 0.203)) == 0.0
    assert trend_power_of((0.0, 0.2, 0.2), (0.1, 0.2, 0.206)) == 0.1


def test_trends_are_tried_where_times_are_known(four_tastes):
    timed = four_tastes._replace(seconds=np.random.default_rng(0).permutation(four_tastes.weights.nnz) + 1)
    assert {each.settings.trend_power for each in choose(timed).tried} == {0.0, *item_search.TREND_POWERS}
    assert {each.settings.trend_power for each in choose(four_tastes).tried} == {0.0}


@pytest.mark.parametrize(("n_users", "expected"), [(200, USUAL.session_weight), (60, 0.0)])
def test_strengths_are_tried_without_sessions_where_the_rest_is(n_users, expected, four_tastes, monkeypatch):
    monkeypatch.setattr("tasks.quality.mixture.FEWEST_RANKED", 70)
    monkeypatch.setattr("tasks.quality.mixture.MOST_IN_HEAD", 30)
    timed = four_tastes._replace(seconds=np.random.default_rng(0).permutation(four_tastes.weights.nnz) + 1)
    found = choose(slice_users(timed, 0, n_users))
    assert {each.settings.session_weight for each in found.tried if each.n_ranked == 30} == {expected}
    assert found.items.session_weight == USUAL.session_weight


def strengths_tried(four_tastes, monkeypatch, best):
    """Strengths that are tried where quality falls with the distance to the best one."""

    def measured(heads, scores, settings):
        return [Tried(each, 80, [1 / (1 + abs(np.log2(each.strength / best)))], []) for each in settings]

    monkeypatch.setattr(item_search, "measure", measured)
    mixture = make_mixture(train_on(hold_out(four_tastes, "random", 0), options_of()), options_of(), 12, 80)
    bases = [basis_of(mixture, USUAL)]
    tried = item_search.search_strength([mixture], bases, USUAL, item_search.STRENGTHS, (0.0,))
    return sorted(each.settings.strength for each in tried)


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        (4, [1, 2, 4, 8]),
        (1, [0.5, 1, 2, 4, 8]),
        (64, [2, 4, 8, 16, 32, 64, 128]),
        (0.1, [0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8]),
    ],
)
def test_strengths_are_tried_until_those_beside_the_best_are_worse(four_tastes, monkeypatch, best, expected):
    assert strengths_tried(four_tastes, monkeypatch, best) == expected


def test_recency_counts_where_times_are_known():
    random = np.random.default_rng(0)
    weights = np.where(random.random((60, 25)) < 0.4, 1.0, np.nan)
    users = interactions_of(weights, random.permutation(np.count_nonzero(~np.isnan(weights))) + 1)
    found = choose(rank_movies(users)[0], n_fine_clusters=4, item_weight=0.5)
    tried = [each for each in found.tried if each.settings.recency in RECENCIES]
    assert {each.settings.recency for each in tried} == set(RECENCIES)
    halves = [each.settings for each in found.tried if each not in tried]
    assert all(each.trend_power and 2 * each.recency in RECENCIES for each in halves)


@pytest.mark.parametrize(
    ("by_way", "expected"),
    [
        ([[0.4, 0.1], [0.39, 0.2], [0.3, 0.21]], 0.7),  # the last loses a quarter, the first more than half
        ([[0.4, 0.2], [0.4, 0.2], [0.3, 0.1]], 0.0),
        ([[0.0, 0.2], [0.0, 0.3], [0.0, 0.1]], 0.7),
        ([[0.4, 0.16, 0.2], [0.3, 0.2, 0.24], [0.2, 0.36, 0.2]], 0.7),  # two at random: their mean counts
    ],
)
def test_the_recency_loses_least_where_it_loses_most(by_way, expected):
    tried = [
        Tried(USUAL._replace(recency=recency), 9, ways, [])
        for recency, ways in zip((0.0, 0.7, 0.8), by_way, strict=True)
    ]
    kinds = [*["random"] * (len(by_way[0]) - 1), "temporal"]
    assert least_regret(tried, kinds).recency == expected


def test_a_cut_in_time_counts_for_neither_strength_nor_recency(four_tastes):
    times = np.random.default_rng(0).permutation(four_tastes.weights.nnz) + 1
    timed = four_tastes._replace(seconds=times.astype(np.int64))
    options = options_of()
    kinds = ("random", "temporal", "cut")
    trained = [train_on(hold_out(timed, kind, 0), options) for kind in kinds]
    mixtures = [make_mixture(each, options, 4, 80) for each in trained]
    _, tried = search_settings(mixtures)
    _, without = search_settings(mixtures[:2])
    assert {len(each.by_way) for each in tried} == {2, 3}
    few = [each for each in tried if len(each.by_way) == 2]
    assert {each.settings.recency for each in few} == set(RECENCIES)
    assert few == [each for each in without if each in few]


def test_one_moment_holds_out_where_many_users_come_back_after_it(four_tastes, monkeypatch):
    rows = np.repeat(np.arange(len(four_tastes.user_ids)), np.diff(four_tastes.weights.indptr))
    order = np.random.default_rng(0).permutation(len(rows)) + 1
    timed = four_tastes._replace(seconds=order.astype(np.int64))
    n_returning = np.count_nonzero(np.diff(hold_out(timed, "cut", 3).test.indptr))
    assert n_returning > 10
    monkeypatch.setattr("tasks.quality.choose.MANY_RETURNING", n_returning)
    assert (ways_to_hold_out(timed, 0)[-1].test != hold_out(timed, "cut", 3).test).nnz == 0
    monkeypatch.setattr("tasks.quality.choose.MANY_RETURNING", n_returning + 1)
    assert len(ways_to_hold_out(timed, 0)) == 3


def test_users_to_try_hold_so_many_interactions_and_their_order_tells_nothing(four_tastes, monkeypatch):
    monkeypatch.setattr("tasks.quality.choose.MOST_ENTRIES", four_tastes.weights.nnz // 2)
    users = in_no_order(users_to_try(four_tastes, seed=0), seed=0)
    assert len(users.user_ids) == len(four_tastes.user_ids) // 2
    assert users.weights.shape[1] == four_tastes.weights.shape[1]
    n_fans = np.asarray((users.weights == 1).sum(axis=0)).ravel()
    assert not np.array_equal(n_fans, -np.sort(-n_fans))
    monkeypatch.setattr("tasks.quality.choose.MOST_ENTRIES", 10**9)
    assert np.array_equal(users_to_try(four_tastes, seed=0).user_ids, four_tastes.user_ids)


def test_the_head_holds_most_favourites(four_tastes, monkeypatch):
    options = options_of()
    mixture = make_mixture(train_on(hold_out(four_tastes, "random", 0), options), options, 12, 80)
    assert head_of(mixture).clusters.shape == mixture.clusters.shape, "few movies are all in the head"
    monkeypatch.setattr("tasks.quality.mixture.FEWEST_RANKED", 10)
    head = head_of(mixture)
    n_fans = np.asarray((mixture.train.weights == 1).sum(axis=0)).ravel()
    assert np.sum(n_fans[: len(head.popularity)]) >= 0.8 * n_fans.sum() > np.sum(n_fans[: len(head.popularity) - 1])
    assert head.clusters.shape == head.test.shape == (len(head.users.user_ids), len(head.popularity))
    monkeypatch.setattr("tasks.quality.mixture.MOST_IN_HEAD", 30)
    assert head_of(mixture).test.shape[1] == 30
