"""The known recommenders."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tasks import peers


@pytest.fixture
def favourites() -> csr_matrix:
    random = np.random.default_rng(0)
    taste = np.repeat([0, 1], 30)
    likes = np.where(np.arange(20) // 10 == taste[:, None], 0.5, 0.05)
    return csr_matrix((random.random((60, 20)) < likes).astype(np.float32))


def test_ease_scores_equal_those_of_the_paper(favourites):
    gram = (favourites.T @ favourites).toarray().astype(float) + 3 * np.eye(20)
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    expected = favourites @ weights
    found = peers.ease(favourites, csr_matrix((60, 20), dtype=np.float32), 5, regularization=3.0)
    np.testing.assert_allclose(found.score, expected[found.user, found.movie], rtol=1e-3, atol=1e-5)
    best = [sorted(np.where(favourites[[u]].toarray()[0], -np.inf, expected[u]))[-1] for u in range(60)]
    np.testing.assert_allclose(found.score[found.rank == 1], best, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("peer", peers.known_peers(20), ids=lambda peer: peer.name)
def test_peers_recommend_the_users_taste_and_nothing_excluded(peer, favourites):
    excluded = csr_matrix(np.eye(60, 20, dtype=np.float32))
    found = peer.recommend(favourites, excluded, 3, **peer.grid[0])
    seen = (favourites + excluded).toarray()
    assert not seen[found.user, found.movie].any()
    own = (found.movie // 10) == (found.user // 30)
    assert own.mean() > 0.7


def test_popular_recommends_by_number_of_favourites(favourites):
    nothing = csr_matrix((60, 20), dtype=np.float32)
    found = peers.popular(csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32)), nothing[:3, :3], 3)
    assert list(zip(found.user, found.movie, strict=True)) == [(0, 2), (1, 1), (1, 2), (2, 0), (2, 1)]


def test_ease_is_left_out_where_its_matrix_would_be_too_large():
    assert "EASE" not in [peer.name for peer in peers.known_peers(peers.MOST_MOVIES_FOR_EASE + 1)]
