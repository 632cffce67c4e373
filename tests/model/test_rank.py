"""Recommendations: against a brute-force ranking of every movie for every user."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.blocks import favourites_of, rank_movies, slice_users
from tasks.model.embedding import embed
from tasks.model.fit import fit_fine_clusters, fit_model, known_of
from tasks.model.kmeans import with_centroids
from tasks.model.neighbours import place
from tasks.model.rank import lower_bound, pick_best, rank, rounded
from tasks.model.types import (
    CLUSTERS_ALONE,
    Fit,
    Groups,
    Model,
    Neighbours,
    Placement,
    Scoring,
    TasteSpace,
)
from tasks.quality.item_search import USUAL
from tests.model.builders import UNSEEN, from_incidence, incidences, interactions_of, labels_for, movies_of, options_of

CLOSE = 2e-5  # of scores, which are float32
EXACT = Scoring("none", 0.0, 1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, True)


class Case(NamedTuple):
    """Users, where they are, and what was learned of others."""

    users: object
    placement: object
    model: object


def model_of(shares, n_movies, tastes=None, items=None, **scoring):
    """A model of which only these arrays matter."""
    shares = np.asarray(shares, dtype=np.float32)
    tastes = np.zeros((shares.shape[1], 0), dtype=np.float32) if tastes is None else tastes
    items = np.zeros((0, shares.shape[1]), dtype=np.float32) if items is None else items
    space = TasteSpace(*(np.zeros(shape, dtype=np.float32) for shape in (n_movies, (n_movies, 0), 0, 0)))
    nowhere = np.zeros((len(shares), 1), dtype=np.float32)
    movie_ids, boost = np.arange(n_movies, dtype=np.int32), np.ones(shares.shape[1], dtype=np.float32)
    return Model(movie_ids, space, nowhere, nowhere, nowhere, shares, tastes, items, boost, EXACT._replace(**scoring))


def placement_of(clusters, weights, tastes=None):
    """Users at these fine clusters, with these tastes."""
    clusters, weights = np.asarray(clusters, dtype=np.int32), np.asarray(weights, dtype=np.float32)
    tastes = np.zeros((len(clusters), 0), dtype=np.float32) if tastes is None else tastes
    own = clusters[:, 0]
    return Placement(own, own, own, Neighbours(clusters, weights), tastes)


def age_of(users):
    """How many later favourites or near favourites of the user each entry has, as an array like the weights."""
    ages = np.zeros(users.weights.shape)
    for user, (start, stop) in enumerate(zip(users.weights.indptr[:-1], users.weights.indptr[1:], strict=True)):
        columns, times = users.weights.indices[start:stop], users.seconds[start:stop]
        counts = users.weights.data[start:stop] > 0
        for column, time in zip(columns, times, strict=True):
            ages[user, column] = (times[counts] > time).sum()
    return ages


def score_all(users, placement, model):
    """Scores of all candidates for all users, in float64, word for word as the docstrings give the formula."""
    n_users, n_candidates = len(users.user_ids), model.shares.shape[1]
    scores = np.zeros((n_users, n_candidates))
    for user in range(n_users):
        clusters, weights = (array[user] for array in placement.neighbours)
        for cluster, weight in zip(clusters, weights.astype(np.float64), strict=True):
            scores[user] += weight * model.shares[cluster].astype(np.float64)
        if model.tastes.shape[1]:
            cosines = model.tastes.astype(np.float64) @ placement.tastes[user].astype(np.float64)
            scores[user] *= np.exp(model.scoring.taste_weight * (cosines - 1))
    if len(model.items):
        n_items = len(model.items)
        ages = age_of(users)
        evidence = users.weights.toarray().astype(np.float64) * (1 - model.scoring.item_recency * ages / (2 + ages))
        scores[:, :n_items] += evidence[:, :n_items] @ model.items.astype(np.float64)
    return scores


def seen_of(users, exclude_seen=True):
    """What is never recommended to the users, as a dense array."""
    seen = np.zeros(users.weights.shape, dtype=bool)
    rows = np.repeat(np.arange(len(users.user_ids)), np.diff(users.weights.indptr))
    kept = users.weights.data == 1 if not exclude_seen else slice(None)
    seen[rows[kept], users.weights.indices[kept]] = True
    return seen


def split_by_user(best, n_users):
    """The recommended movies and scores of each user, after checking that ranks are 1, 2, ... without gaps."""
    movies, scores = [], []
    for user in range(n_users):
        mine = best.user == user
        assert best.rank[mine].tolist() == list(range(1, mine.sum() + 1))
        movies.append(best.movie[mine].tolist())
        scores.append(best.score[mine])
    assert (np.diff(best.user) >= 0).all()
    return movies, scores


def check_against(expected, best, seen, top_n):
    """Check recommendations against the scores ``expected`` of all candidates, up to rounding."""
    n_candidates = expected.shape[1]
    movies, scores = split_by_user(best, len(seen))
    for user, (mine, my_scores) in enumerate(zip(movies, scores, strict=True)):
        left = np.flatnonzero(~seen[user])
        assert len(set(mine)) == len(mine) == min(top_n, len(left))
        assert not seen[user, mine].any()
        first = [movie for movie in mine if movie < n_candidates]
        further = [movie for movie in mine if movie >= n_candidates]
        assert mine == first + further == first + [movie for movie in left if movie >= n_candidates][: len(further)]
        assert not my_scores[len(first) :].any()
        np.testing.assert_allclose(my_scores[: len(first)], expected[user, first], atol=CLOSE, rtol=CLOSE)
        assert (np.diff(my_scores[: len(first)]) <= 0).all()
        others = np.setdiff1d(left[left < n_candidates], first)
        if len(others) and first:
            assert expected[user, others].max() <= expected[user, first].min() + CLOSE


@st.composite
def users_with_ratings(draw, near_weight=0.5):
    """Users who favourited some movies, and rated others lower, at distinct times or at none."""
    likes = draw(incidences(max_users=12, max_movies=30)).toarray()
    random = np.random.default_rng(draw(st.integers(0, 999)))
    other = random.choice([UNSEEN, 0, near_weight], size=likes.shape, p=[0.7, 0.15, 0.15])
    weights = np.where(likes > 0, 1, other)
    n_entries = np.count_nonzero(~np.isnan(weights))
    return interactions_of(weights, draw(st.sampled_from([np.zeros(n_entries), random.permutation(n_entries) + 1.0])))


@st.composite
def cases(draw):
    """Users anywhere among clusters, and a model with or without tastes and an item model."""
    users = draw(users_with_ratings())
    n_users, n_movies = users.weights.shape
    random = np.random.default_rng(draw(st.integers(0, 999)))
    k = draw(st.integers(1, 5))
    m, n_candidates = draw(st.integers(1, k)), draw(st.integers(1, n_movies))
    clusters = np.stack([random.permutation(k)[:m] for _ in range(n_users)])
    directions = [random.normal(size=(n, 3)) for n in (n_users, n_candidates)]
    tastes = [(d / np.linalg.norm(d, axis=1, keepdims=True)).astype(np.float32) for d in directions]
    tastes = tastes if draw(st.booleans()) else [None, None]
    items = random.normal(0, 0.1, size=(draw(st.integers(1, n_candidates)),) * 2).astype(np.float32)
    numbers = {"taste_weight": draw(st.floats(0, 5)), "item_recency": draw(st.sampled_from([0.0, 0.3]))}
    shares = random.random((k, n_candidates))
    model = model_of(shares, n_movies, tastes[1], items if draw(st.booleans()) else None, **numbers)
    return Case(users, placement_of(clusters, random.dirichlet(np.ones(m), n_users), tastes[0]), model)


@given(cases(), st.integers(1, 35), st.sampled_from([1, 4_000_000]))
def test_scores_follow_the_formula_and_the_best_are_recommended(case, top_n, block_cells):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.model.rank.BLOCK_CELLS", block_cells)
        best = rank(*case, top_n)
    check_against(score_all(*case), best, seen_of(case.users), top_n)
    np.testing.assert_allclose(best.cluster_score + best.item_score, best.score, atol=1e-6)


@given(cases(), st.integers(1, 10))
def test_a_user_gets_the_same_recommendations_in_any_block(case, top_n):
    best = rank(*case, top_n)
    start = len(case.users.user_ids) // 2
    rest = rank(slice_users(case.users, start, 99), case.placement.rows(start, 99), case.model, top_n)
    kept = best.user >= start
    for mine, theirs in zip(best[1:], rest[1:], strict=True):
        np.testing.assert_allclose(mine[kept], theirs, atol=1e-6)


@given(users_with_ratings(near_weight=0), st.integers(1, 35), st.data())
def test_the_articles_rule_exactly(users, top_n, data):
    """Counts in the own cluster, then overall favourites, then the lower movie; only favourites are left out."""
    options, labels = options_of(preset="article"), data.draw(labels_for(len(users.user_ids)))
    ranked, columns, _ = rank_movies(users)
    movies = movies_of(ranked)
    space, points = embed(ranked, movies, options)
    clusters = with_centroids(points, labels)
    fit = Fit(ranked, movies, space, Groups(clusters, clusters, clusters))
    model, fit = fit_model(fit, options, CLUSTERS_ALONE, lambda count: count(ranked))
    best = rank(ranked, place(ranked, model, known_of(fit)), model, top_n)
    liked = favourites_of(users).toarray()
    found, scores = split_by_user(best, len(liked))
    for user, mine in enumerate(found):
        count = liked[labels == labels[user]].sum(axis=0)
        left = np.flatnonzero(liked[user] == 0).tolist()
        expected = sorted(left, key=lambda movie: (-count[movie], -liked[:, movie].sum(), movie))[:top_n]
        assert columns[mine].tolist() == expected
        shares = count[expected] / (labels == labels[user]).sum()
        np.testing.assert_allclose(scores[user], shares, rtol=1e-5)


def many_users(n_users=300, n_movies=900):
    """A long-tailed incidence with groups, and ratings that are no favourites."""
    random = np.random.default_rng(11)
    popularity = 0.5 / (1 + np.arange(n_movies) / 20)
    group = random.integers(0, 4, n_users)
    likes = np.where((np.arange(n_movies)[None] % 4) == group[:, None], 1.6, 0.5) * popularity[None]
    drawn = random.random((n_users, n_movies))
    liked = drawn < likes
    liked[:, 0] |= ~liked.any(axis=1)
    liked[0] |= ~liked.any(axis=0)
    low = (drawn > 0.97) & ~liked
    low[3] = ~liked[3]
    low[3, [5, 700]] = False  # who has seen nearly everything
    liked[3, [5, 700]] = False
    weights = np.where(liked, 1.0, np.where(low, 0.5, UNSEEN))
    return interactions_of(weights, random.permutation(np.count_nonzero(liked | low)) + 1)


def fitted(users, settings=CLUSTERS_ALONE, n_fine_clusters=20, **options):
    """Users, where they are in a model that was fitted to them, and that model; columns stay as they are."""
    chosen, movies = options_of(**options), movies_of(users)
    fit = fit_fine_clusters(users, movies, n_fine_clusters, chosen)
    model, fit = fit_model(fit, chosen, settings, lambda count: count(users))
    return Case(users, place(users, model, known_of(fit)), model)


@pytest.mark.parametrize("settings", [CLUSTERS_ALONE, USUAL], ids=["clusters alone", "with an item model"])
def test_the_default_options_on_many_users(settings):
    case = fitted(many_users(), settings, n_components=12)
    best = rank(*case, 10)
    check_against(score_all(*case), best, seen_of(case.users), 10)
    assert sorted(best.movie[best.user == 3].tolist()) == [5, 700]
    assert (np.bincount(best.user)[np.arange(300) != 3] == 10).all()
    assert [field.dtype for field in best] == [np.int32] * 3 + [np.float32] * 3


def test_what_was_rated_low_is_recommended_where_it_need_not_be_excluded():
    case = fitted(many_users(), n_components=12, exclude_seen=False)
    best = rank(*case, 10)
    check_against(score_all(*case), best, seen_of(case.users, exclude_seen=False), 10)
    assert seen_of(case.users)[best.user, best.movie].any()


@pytest.mark.parametrize("settings", [CLUSTERS_ALONE, USUAL], ids=["clusters alone", "with an item model"])
def test_equal_movies_come_by_overall_favourites_and_then_by_id(settings):
    """Two movies that the same users like score the same for everybody, however many clusters speak for them."""
    random = np.random.default_rng(4)
    half = random.random((200, 150)) < 0.1
    half[:, 0] |= ~half.any(axis=1)
    half[0] |= ~half.any(axis=0)
    half[0, 7] = False  # user 0, who likes nearly everything, has something left
    users = from_incidence(np.hstack([half, half]))
    case = fitted(users, settings, n_components=12, n_neighbours=15, sharpness=3.0)
    for mine, scores in zip(*split_by_user(rank(*case, 40), 200), strict=True):
        by_movie = dict(zip(mine, scores, strict=True))
        for movie in mine:
            if movie >= 150:
                assert by_movie[movie - 150] == by_movie[movie], f"movie {movie - 150} is as good"
        assert sorted(mine, key=lambda movie: (-by_movie[movie], movie)) == list(mine)


def test_a_user_who_has_seen_everything_gets_nothing():
    users = from_incidence([[1, 1], [1, 0]])
    best = rank(users, placement_of([[0], [0]], [[1], [1]]), model_of([[1.0, 0.5]], 2), 5)
    assert (best.user.tolist(), best.rank.tolist(), best.movie.tolist()) == ([1], [1], [1])
    assert best.score.tolist() == [0.5]


def test_movies_that_nobody_in_the_cluster_likes_fill_up_by_overall_favourites():
    users = from_incidence([[0, 0, 0, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]])
    model = model_of([[0, 0, 0, 1], [1, 2 / 3, 1 / 3, 0]], 4)
    best = rank(users, placement_of([[0], [1], [1], [1]], np.ones((4, 1))), model, 3)
    assert best.movie[best.user == 0].tolist() == [0, 1, 2]
    assert best.score[best.user == 0].tolist() == [0, 0, 0]


def test_users_who_have_seen_nearly_all_candidates_get_further_movies_in_their_order():
    users = interactions_of([[1, 0, UNSEEN, UNSEEN, 1, UNSEEN], [1, UNSEEN, UNSEEN, UNSEEN, UNSEEN, UNSEEN]])
    best = rank(users, placement_of([[0], [0]], [[1], [1]]), model_of([[0.9, 0.8, 0.7]], 6), 3)
    assert best.user.tolist() == [0, 0, 0, 1, 1, 1]
    assert best.rank.tolist() == [1, 2, 3, 1, 2, 3]
    assert best.movie.tolist() == [2, 3, 5, 1, 2, 3]
    np.testing.assert_allclose(best.score, [0.7, 0, 0, 0.8, 0.7, 0], rtol=1e-5)


def test_the_parts_of_a_score_are_those_of_the_clusters_and_of_the_item_model():
    items = np.array([[0, 0.5], [0.25, 0]], dtype=np.float32)
    model = model_of([[0.2, 0.2, 0.1]], 3, items=items)
    best = rank(from_incidence([[1, 0, 0]]), placement_of([[0]], [[1]]), model, 3)
    assert best.movie.tolist() == [1, 2]
    np.testing.assert_allclose(best.cluster_score, [0.2, 0.1], rtol=1e-5)
    np.testing.assert_allclose(best.item_score, [0.5, 0], rtol=1e-5)
    np.testing.assert_allclose(best.score, [0.7, 0.1], rtol=1e-5)


def test_with_an_item_weight_of_one_the_clusters_score_nothing():
    users, placement = interactions_of([[1, UNSEEN, UNSEEN], [UNSEEN, 1, UNSEEN]]), placement_of([[0], [0]], [[1], [1]])
    items = np.array([[0, 0.2, 0.1], [0.3, 0, 0.4], [0, 0, 0]], dtype=np.float32)
    computed, known = (model_of([[0, 0, 0]], 3, items=items, item_weight=weight) for weight in (0.5, 1.0))
    found = rank(users, placement, known, 2)
    np.testing.assert_equal(found, rank(users, placement, computed, 2))
    assert found.movie.tolist() == [1, 2, 2, 0]


def test_pick_best_takes_the_lower_of_equal_scores_and_skips_what_is_hidden():
    nothing = -np.inf
    scores = np.array([[1, 3, 3, 3, 2], [nothing, 1, nothing, 1, nothing]], dtype=np.float32)
    rows, places, columns, values = pick_best(scores, 3)
    assert rows.tolist() == [0, 0, 0, 1, 1]
    assert places.tolist() == [1, 2, 3, 1, 2]
    assert columns.tolist() == [1, 2, 3, 1, 3]
    assert values.tolist() == [3, 3, 3, 1, 1]


def test_scores_that_differ_in_their_last_bits_are_a_tie():
    ulp = np.spacing(np.float32(0.7))
    scores = np.array([[0.1, 0.7 - ulp, 0.7 + ulp, 0.7, 0.7001]], dtype=np.float32)
    assert pick_best(scores, 4)[2].tolist() == [4, 1, 2, 3]


@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 200))
def test_pick_best_finds_what_a_full_sort_finds(seed, top_n, width):
    random = np.random.default_rng(seed)
    scores = (random.integers(-3, 9, (5, width)) / 7).astype(np.float32)
    scores[random.random(scores.shape) < 0.2] = -np.inf
    rows, _, columns, values = pick_best(scores, top_n)
    for row, mine in enumerate(scores):
        expected = [c for c in np.lexsort((np.arange(width), -rounded(mine))) if mine[c] > -np.inf][:top_n]
        assert columns[rows == row].tolist() == expected
        np.testing.assert_array_equal(values[rows == row], rounded(mine[expected]))
    reached = (rounded(scores) >= lower_bound(scores, top_n)[:, None]).sum(axis=1)
    assert (reached >= min(top_n, width)).all()


@given(st.floats(-1e6, 1e6, width=32, allow_subnormal=False))
def test_rounding_changes_less_than_four_millionths_and_is_done_at_once(value):
    [once] = values = rounded(np.array([value], dtype=np.float32))
    assert abs(once - value) <= 4e-6 * abs(value)
    assert rounded(values)[0] == once
