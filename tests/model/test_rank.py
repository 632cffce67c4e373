"""Recommendations: against a brute-force ranking of every movie for every user."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from tasks.model.clusters import Clustering, Nearness, Tastes, embedding, k_means, nearest_clusters, tastes
from tasks.stations.incidence import Evidence

from flows.config import RetrainConfig
from tasks import recommend
from tasks.model.rank import best_movies, pick_best, smooth_shares, tie_order
from tests.conftest import incidences, labels_for

CLOSE = 2e-5  # of scores, which are float32


def method(smoothing: float = 0.0, taste_weight: float = 0.0):
    """A method with these numbers."""
    return RetrainConfig(smoothing=smoothing, taste_weight=taste_weight).method


def clusters_of(labels):
    """Clusters whose centroids do not matter."""
    return Clustering(labels, np.zeros((labels.max() + 1, 1), dtype=np.float32))


def score_all(weights, fine, nearness, known, smoothing, taste_weight):
    """Scores of all movies for all users, in float64, word for word as in the description of the column score."""
    likes = weights.toarray().astype(np.float64)
    everybody = likes.mean(axis=0)
    scores = np.zeros_like(likes)
    for user in range(len(likes)):
        for cluster, weight in zip(nearness.clusters[user], nearness.weights[user].astype(np.float64), strict=True):
            members = likes[fine.labels == cluster]
            scores[user] += weight * (members.sum(axis=0) + smoothing * everybody) / (len(members) + smoothing)
    if known is not None:
        cosines = known.users.astype(np.float64) @ known.movies.T.astype(np.float64)
        scores *= np.exp(taste_weight * (cosines - 1))
    return scores


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


def check_against(expected, best, incidence, excluded, top_n):
    """Check recommendations against the scores ``expected`` of all movies, up to rounding."""
    seen = (incidence + excluded).toarray() > 0
    movies, scores = split_by_user(best, len(seen))
    for user, (mine, my_scores) in enumerate(zip(movies, scores, strict=True)):
        left = np.flatnonzero(~seen[user])
        assert len(set(mine)) == len(mine) == min(top_n, len(left))
        assert not seen[user, mine].any()
        np.testing.assert_allclose(my_scores, expected[user, mine], atol=CLOSE, rtol=CLOSE)
        assert (np.diff(my_scores) <= 0).all()
        others = np.setdiff1d(left, mine)
        if len(others):
            assert expected[user, others].max() <= expected[user, mine].min() + CLOSE


@st.composite
def cases(draw):
    """An incidence, what else users have seen, and their clusters."""
    incidence = draw(incidences(max_users=12, max_movies=30))
    n_users, n_movies = incidence.shape
    low = draw(incidences(max_users=n_users, max_movies=n_movies)).toarray()
    excluded = np.zeros(incidence.shape, dtype=np.float32)
    excluded[: low.shape[0], : low.shape[1]] = low
    excluded[incidence.toarray() > 0] = 0
    return incidence, csr_matrix(excluded), draw(labels_for(n_users))


@given(cases(), st.integers(1, 35), st.sampled_from([2, 128]))
def test_own_cluster_without_smoothing_ranks_by_the_counts_of_the_cluster(case, top_n, depth):
    """The article's rule, exactly: counts in the own cluster, then overall favourites, then the lower movie."""
    incidence, excluded, labels = case
    fine = clusters_of(labels)
    nearness = nearest_clusters(incidence, fine, 1, 0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recommend, "FIRST_DEPTH", depth)
        best = best_movies(incidence, incidence, excluded, fine, nearness, None, method(), top_n)
    liked = incidence.toarray()
    movies, scores = split_by_user(best, len(liked))
    for user, mine in enumerate(movies):
        count = liked[labels == labels[user]].sum(axis=0)
        left = np.flatnonzero((liked[user] == 0) & (excluded.toarray()[user] == 0)).tolist()
        expected = sorted(left, key=lambda movie: (-count[movie], -liked[:, movie].sum(), movie))[:top_n]
        assert mine == expected
        np.testing.assert_allclose(scores[user], count[expected] / (labels == labels[user]).sum(), rtol=1e-6)


@given(cases(), st.integers(1, 12), st.sampled_from([0.0, 1.0, 7.5]), st.floats(0, 5), st.data())
def test_scores_of_several_clusters_follow_the_formula(case, top_n, smoothing, taste_weight, data):
    incidence, excluded, labels = case
    n_users, n_movies = incidence.shape
    k = labels.max() + 1
    m = data.draw(st.integers(1, int(k)))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    clusters = np.stack([random.permutation(k)[:m] for _ in range(n_users)]).astype(np.int32)
    nearness = Nearness(clusters, random.dirichlet(np.ones(m), n_users).astype(np.float32))
    weights = csr_matrix(incidence + excluded * np.float32(data.draw(st.sampled_from([0, 0.5]))))
    directions = [random.normal(size=(n, 3)) for n in (n_users, n_movies)]
    known = Tastes(*((d / np.linalg.norm(d, axis=1, keepdims=True)).astype(np.float32) for d in directions))
    known = known if taste_weight else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recommend, "FIRST_DEPTH", data.draw(st.sampled_from([2, 128])))
        patch.setattr(recommend, "BLOCK_CELLS", data.draw(st.sampled_from([1, 4_000_000])))
        fine, how = clusters_of(labels), method(smoothing, taste_weight)
        best = best_movies(incidence, weights, excluded, fine, nearness, known, how, top_n)
    expected = score_all(weights, fine, nearness, known, smoothing, taste_weight)
    check_against(expected, best, incidence, excluded, top_n)


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
    return csr_matrix(liked.astype(np.float32)), csr_matrix(low.astype(np.float32))


def embed(incidence, weights, n_components=12):
    """Points of the default method, and 20 clusters of them."""
    evidence = Evidence(weights, np.arange(weights.nnz, dtype=np.float64))
    points = embedding(incidence, evidence, "idf", n_components, 0.2, 0)
    return points, k_means(points, 20, 1, 50, 0)


@pytest.mark.parametrize("depth", [2, 128])
def test_the_default_method_on_many_users(depth, monkeypatch):
    monkeypatch.setattr(recommend, "FIRST_DEPTH", depth)
    incidence, low = many_users()
    weights = csr_matrix(incidence + 0.5 * low)
    c = RetrainConfig()
    points, fine = embed(incidence, weights)
    nearness = nearest_clusters(points, fine, c.n_nearest_clusters, c.closeness)
    known = tastes(points, incidence, c.taste_weight)
    best = best_movies(incidence, weights, low, fine, nearness, known, c.method, 10)
    expected = score_all(weights, fine, nearness, known, c.smoothing, c.taste_weight)
    check_against(expected, best, incidence, low, 10)
    assert sorted(best.movie[best.user == 3].tolist()) == [5, 700]
    assert (np.bincount(best.user)[np.arange(300) != 3] == 10).all()
    assert [field.dtype for field in best] == [np.int32, np.int32, np.int32, np.float32]


def test_deep_search_finds_what_a_full_search_finds(monkeypatch):
    incidence, low = many_users()
    points, fine = embed(incidence, incidence)
    nearness = nearest_clusters(points, fine, 8, 3.0)
    found = []
    for depth in (1, 3, 10_000):
        monkeypatch.setattr(recommend, "FIRST_DEPTH", depth)
        found.append(best_movies(incidence, incidence, low, fine, nearness, None, method(1.0), 15))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].user, other.user)
        np.testing.assert_array_equal(found[0].rank, other.rank)
        np.testing.assert_allclose(found[0].score, other.score, rtol=1e-5)


def test_equal_movies_come_by_overall_favourites_and_then_by_id():
    """Two movies that the same users like score the same for everybody, however many clusters speak for them."""
    random = np.random.default_rng(4)
    half = random.random((200, 150)) < 0.1
    half[:, 0] |= ~half.any(axis=1)
    half[0] |= ~half.any(axis=0)
    half[0, 7] = False  # user 0, who likes nearly everything, has something left
    incidence = csr_matrix(np.hstack([half, half]).astype(np.float32))
    points, fine = embed(incidence, incidence)
    nearness = nearest_clusters(points, fine, 15, 3.0)
    best = best_movies(incidence, incidence, csr_matrix(incidence.shape), fine, nearness, None, method(1.0), 40)
    movies, _ = split_by_user(best, 200)
    for mine in movies:
        place = {movie: at for at, movie in enumerate(mine)}
        for movie in mine:
            if movie >= 150:
                assert place.get(movie - 150, 1000) == place[movie] - 1, f"movie {movie - 150} comes just before"


def test_a_tie_with_movies_that_were_not_looked_at_is_settled_by_looking(monkeypatch):
    """For user 0 movies 2 and 7 score the same; 7 has more favourites, but is not among the two looked at first."""
    monkeypatch.setattr(recommend, "FIRST_DEPTH", 2)
    likes = [{1, 3}, {0, 4, 5}, {2, 4, 7}, {0, 4, 6, 7, 8, 9}, {5, 6, 9}]
    incidence = csr_matrix(np.array([[movie in mine for movie in range(10)] for mine in likes], dtype=np.float32))
    fine = clusters_of(np.array([1, 0, 1, 0, 0], dtype=np.int32))
    nearness = nearest_clusters(incidence, fine, 1, 0.0)
    best = best_movies(incidence, incidence, csr_matrix((5, 10)), fine, nearness, None, method(), 2)
    assert best.movie[best.user == 0].tolist() == [4, 7]


def test_a_user_who_has_seen_everything_gets_nothing():
    incidence = csr_matrix(np.array([[1, 1], [1, 0]], dtype=np.float32))
    fine = clusters_of(np.zeros(2, dtype=np.int32))
    nearness = Nearness(np.zeros((2, 1), dtype=np.int32), np.ones((2, 1), dtype=np.float32))
    best = best_movies(incidence, incidence, csr_matrix((2, 2)), fine, nearness, None, method(), 5)
    assert (best.user.tolist(), best.rank.tolist(), best.movie.tolist()) == ([1], [1], [1])
    assert best.score.tolist() == [0.5]


def test_movies_that_nobody_in_the_cluster_likes_fill_up_by_overall_favourites():
    incidence = csr_matrix(np.array([[1, 0, 0, 0], [0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]], dtype=np.float32))
    fine = clusters_of(np.array([0, 1, 1, 1], dtype=np.int32))
    nearness = nearest_clusters(incidence, fine, 1, 0.0)
    best = best_movies(incidence, incidence, csr_matrix((4, 4)), fine, nearness, None, method(), 3)
    assert best.movie[best.user == 0].tolist() == [3, 2, 1]
    assert best.score[best.user == 0].tolist() == [0, 0, 0]


def test_tie_order_is_most_favourited_then_lowest():
    incidence = csr_matrix(np.array([[1, 0, 1, 1], [0, 1, 1, 1]], dtype=np.float32))
    assert tie_order(incidence).tolist() == [2, 3, 0, 1]


def test_smooth_shares_pull_a_cluster_towards_everybody():
    weights = csr_matrix(np.array([[1, 0], [1, 1], [0.5, 1], [0, 1]], dtype=np.float32))
    labels = np.array([0, 0, 1, 1], dtype=np.int32)
    np.testing.assert_allclose(smooth_shares(weights, labels, 0.0), [[1, 0.5], [0.25, 1]])
    everybody = 2 * np.array([0.625, 0.75])
    expected = (np.array([[2, 1], [0.5, 2]]) + everybody) / 4
    np.testing.assert_allclose(smooth_shares(weights, labels, 2.0), expected, rtol=1e-6)


def test_pick_best_keeps_the_order_of_equal_scores_and_skips_what_is_hidden():
    nothing = -np.inf
    scores = np.array([[1, 3, 3, 3, 2], [nothing, 1, nothing, 1, nothing]], dtype=np.float32)
    picked, best = pick_best(scores, 3)
    assert picked[0].tolist() == [1, 2, 3]
    assert picked[1, :2].tolist() == [1, 3]
    assert best.tolist() == [[3, 3, 3], [1, 1, nothing]]
