"""What is learned: counts that add up over blocks, shares and tastes against loops that say the same slowly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import issparse

from tasks.blocks import evidence_of, favourites_of, slice_users, sum_parts
from tasks.model.embedding import embed, place_in_space
from tasks.model.fit import count_candidates, fit_fine_clusters, fit_model, known_of, scoring_of, smooth
from tasks.model.items import gram_of, item_weights
from tasks.model.kmeans import k_means
from tasks.model.types import CLUSTERS_ALONE, Fit, Groups, ItemSettings
from tests.model.builders import interactions_of, movies_of, options_of

SETTINGS = ItemSettings(
    strength=4.0,
    low_rank=0.2,
    weight=0.6,
    rarity_power=0.1,
    trend_power=0.2,
    recency=0.3,
    session_weight=1.0,
    unit=1.5,
)


def some_users(n_users=50, n_movies=25, seed=0):
    """Users with favourites, near favourites and movies only seen; the first movies have most fans."""
    random = np.random.default_rng(seed)
    weights = random.choice([np.nan, 0, 0.5, 1], size=(n_users, n_movies), p=[0.4, 0.1, 0.1, 0.4])
    weights[:, 0] = 1
    weights[0] = 1
    weights = weights[:, np.argsort(-(weights == 1).sum(axis=0), kind="stable")]
    return interactions_of(weights, random.permutation(np.count_nonzero(~np.isnan(weights))) + 1)


def fit(users, n_blocks=1, n_clusters=3, n_fine=6, **options):
    """The model of users who come in blocks, and their clusters as found and as numbered by the fit."""
    settings = options.pop("settings", CLUSTERS_ALONE)
    chosen, movies = options_of(n_components=5, **options), movies_of(users)
    space, points = embed(users, movies, chosen)
    found, clusters, fine = (k_means(points, k, 1, 50, 0) for k in (n_clusters + 1, n_clusters, n_fine))
    size = -(-len(users.user_ids) // n_blocks)
    blocks = [slice_users(users, start, start + size) for start in range(0, len(users.user_ids), size)]
    groups = Groups(found, clusters, fine)
    one = Fit(users, movies, space, groups)
    model, numbered = fit_model(one, chosen, settings, lambda count: sum_parts(map(count, blocks)))
    assert numbered[:3] == one[:3]
    return model, groups, numbered.groups, points


def test_a_model_is_the_same_from_many_blocks_as_from_one():
    users = some_users()
    one, _, clusters, _ = fit(users)
    other, _, same_clusters, _ = fit(users, n_blocks=7)
    np.testing.assert_array_equal(one.shares, other.shares)
    np.testing.assert_allclose(one.tastes, other.tastes, atol=1e-6)
    np.testing.assert_array_equal(one.centroids, other.centroids)
    np.testing.assert_array_equal(clusters.clusters.labels, same_clusters.clusters.labels)


@pytest.mark.parametrize("smoothing", [0.0, 1.0, 7.5])
def test_shares_are_the_mean_evidence_of_fine_clusters_pulled_towards_everybody(smoothing):
    users = some_users()
    model, groups, _, _ = fit(users, smoothing=smoothing)
    evidence = evidence_of(users).weights.toarray().astype(np.float64)
    for cluster in range(len(model.fine)):
        members = evidence[groups.fine.labels == cluster]
        expected = (members.sum(axis=0) + smoothing * evidence.mean(axis=0)) / (len(members) + smoothing)
        np.testing.assert_allclose(model.shares[cluster], expected, rtol=1e-5)
    assert model.shares.dtype == np.float32


def test_smoothing_by_hand():
    counts = np.array([[2, 1], [0.5, 2]], dtype=np.float32)
    everybody = 2 * np.array([0.625, 0.75])
    np.testing.assert_allclose(smooth(counts, np.array([2, 2]), 0.0), [[1, 0.5], [0.25, 1]])
    np.testing.assert_allclose(smooth(counts, np.array([2, 2]), 2.0), (counts + everybody) / 4, rtol=1e-6)


def test_tastes_of_movies_are_the_directions_of_the_mean_of_their_fans():
    users = some_users()
    model, _, _, points = fit(users)
    likes = favourites_of(users).toarray() > 0
    for movie in range(25):
        mean = points[likes[:, movie]].mean(axis=0)
        np.testing.assert_allclose(model.tastes[movie], mean / np.linalg.norm(mean), atol=1e-4)
    assert model.tastes.dtype == np.float32


def test_no_tastes_where_they_do_not_count_or_users_are_in_the_incidence_itself():
    users = some_users()
    assert fit(users, taste_weight=0)[0].tastes.shape == (25, 0)
    options = options_of(n_components=0)
    sparse = fit_fine_clusters(users, movies_of(users), 4, options)
    model, _ = fit_model(sparse, options, CLUSTERS_ALONE, lambda count: count(users))
    assert issparse(place_in_space(users, sparse.space, options))
    assert model.tastes.shape == (25, 0)


def test_users_beyond_the_sample_count_where_they_are_nearest():
    """A model fitted to some users has the counts of all."""
    users, options = some_users(), options_of(n_components=5, smoothing=0.0)
    sampled = fit_fine_clusters(slice_users(users, 0, 30), movies_of(users), 4, options)
    model, numbered = fit_model(sampled, options, CLUSTERS_ALONE, lambda count: count(users))
    points = place_in_space(users, sampled.space, options).astype(np.float64)
    labels = ((points[:, None] - model.fine.astype(np.float64)) ** 2).sum(axis=2).argmin(axis=1)
    labels[:30] = numbered.groups.fine.labels
    evidence = evidence_of(users).weights.toarray()
    for cluster in range(len(model.fine)):
        np.testing.assert_allclose(model.shares[cluster], evidence[labels == cluster].mean(axis=0), rtol=1e-5)


def test_the_item_model_knows_no_movie_that_is_not_scored():
    """With very many users fewer movies are scored than the item model could know."""
    users, options = some_users(), options_of(n_components=5)
    fitted = fit_fine_clusters(users, movies_of(users), 4, options)
    model, _ = fit_model(fitted, options, SETTINGS, lambda count: count(users), n_candidates=7)
    assert (model.shares.shape[1], model.items.shape) == (7, (7, 7))


def test_the_item_model_is_mixed_with_shares_by_weight_and_both_are_boosted():
    users = some_users()
    alone, *_ = fit(users)
    mixed, *_ = fit(users, n_blocks=4, settings=SETTINGS)
    popularity = evidence_of(users).weights.toarray().sum(axis=0)
    late = (users.seconds > np.quantile(users.seconds, 0.95)) & (users.weights.data > 0)
    recent = np.bincount(users.weights.indices[late], users.weights.data[late], len(popularity))
    boost = (popularity / popularity.max()) ** -0.1
    before, now = popularity / popularity.sum(), recent / recent.sum()
    prior = 2 * (before**2).sum()
    boost *= ((now + prior) / (before + prior)) ** 0.2
    np.testing.assert_allclose(mixed.boost, boost, rtol=1e-6)
    np.testing.assert_allclose(mixed.shares, alone.shares * boost * 0.4, rtol=1e-5)
    assert alone.boost.tolist() == [1] * len(boost)
    assert alone.items.shape[0] == 0
    plain = item_weights(gram_of(users, len(mixed.items), 1.0), SETTINGS)
    np.testing.assert_allclose(mixed.items, plain * 0.6 * 1.5 * boost[: len(plain)], rtol=1e-4, atol=6e-7)
    np.testing.assert_array_equal(mixed.tastes, alone.tastes)


def test_clusters_are_numbered_by_all_their_users_and_fine_ones_stay_as_they_are():
    users = some_users(80)
    model, groups, numbered, _ = fit(users)
    sizes = np.bincount(numbered.clusters.labels)
    assert (np.diff(sizes) <= 0).all()
    np.testing.assert_array_equal(numbered.clusters.centroids, model.centroids)
    old = [groups.clusters.labels[numbered.clusters.labels == cluster] for cluster in range(3)]
    assert [len(set(labels)) for labels in old] == [1, 1, 1], "renumbered, and nobody moved"
    assert [len(labels) for labels in old] == sizes.tolist()
    assert numbered.fine is groups.fine
    assert numbered.found is groups.found


def test_clusters_that_serve_as_fine_ones_are_numbered_with_them():
    users, options = some_users(80), options_of(n_components=5, smoothing=0.0)
    fine = fit_fine_clusters(users, movies_of(users), 5, options)
    model, numbered = fit_model(fine, options, CLUSTERS_ALONE, lambda count: count(users))
    numbered = numbered.groups
    assert numbered.fine is numbered.clusters
    np.testing.assert_array_equal(model.fine, model.centroids)
    evidence = evidence_of(users).weights.toarray()
    for cluster in range(5):
        members = evidence[numbered.fine.labels == cluster]
        np.testing.assert_allclose(model.shares[cluster], members.mean(axis=0), rtol=1e-5)


@given(st.integers(1, 10**8), st.integers(1, 10**6))
def test_candidates_are_bounded_by_movies_and_work(n_users, n_movies):
    n = count_candidates(n_users, n_movies)
    assert min(n_movies, 2000) <= n <= min(n_movies, 20_000)
    assert n <= 2000 or n * n_users <= 1.5e9


def test_only_candidates_have_shares_and_tastes(monkeypatch):
    everything, *_ = fit(some_users())
    monkeypatch.setattr("tasks.model.fit.FEWEST_CANDIDATES", 4)
    monkeypatch.setattr("tasks.model.fit.MOST_CELLS", 500)
    few, *_ = fit(some_users())
    np.testing.assert_array_equal(few.shares, everything.shares[:, :10])
    np.testing.assert_allclose(few.tastes, everything.tastes[:10], atol=1e-6)
    assert len(few.movie_ids) == 25


def test_the_numbers_of_the_formula_are_the_options_but_for_what_data_decide():
    options = options_of(sharpness=3.5, smoothing=2.0, n_neighbours="auto", item_weight="auto")
    scoring = scoring_of(options, SETTINGS, 90, 100)
    decided = {"n_neighbours": 40, "item_weight": 0.6, "item_recency": 0.3, "rarity_power": 0.1, "trend_power": 0.2}
    given = {name: getattr(options, name) for name in set(scoring._fields) & set(options._fields)}
    assert scoring._asdict() == given | decided


def test_known_users_are_those_of_the_sample():
    users = some_users()
    _, groups, numbered, _ = fit(users)
    known = known_of(Fit(users, movies_of(users), None, numbered))
    assert known.user_ids is users.user_ids
    assert known.found.tolist() == groups.found.labels.tolist()
    assert known.clusters.tolist() == numbered.clusters.labels.tolist()
    assert known.fine.tolist() == groups.fine.labels.tolist()
