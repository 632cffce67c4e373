"""Similar movies: by the formula, in blocks, with nobody who is like nothing, and without what is withheld."""

import numpy as np
import pytest

from tasks.model import similar
from tasks.model.embedding import place_in_space
from tasks.model.fit import fit_in_memory
from tasks.model.items import gram_of
from tasks.model.similar import find_similar
from tasks.model.types import CLUSTERS_ALONE
from tests.model.builders import from_incidence, options_of
from tests.quality.made import OPTIONS, make_users


@pytest.fixture(scope="module")
def fitted():
    """A model of users, and those in its columns."""
    model, fit = fit_in_memory(make_users(n_users=120), 6, OPTIONS, CLUSTERS_ALONE)
    return model, fit.sample


def by_hand(model, users):
    """The similarity of every pair of movies, 0 for none."""
    n = users.weights.shape[1]
    gram = gram_of(users, n)
    sizes = np.diag(gram) + np.diag(gram).mean()
    values = gram / np.sqrt(np.outer(sizes, sizes))
    fans = (users.weights.toarray() == 1).T.astype(float)
    tastes = fans @ place_in_space(users, model.space, model.scoring).astype(float)
    tastes /= np.maximum(np.linalg.norm(tastes, axis=1), 1e-12)[:, None]
    values *= np.exp(2.5 * (tastes @ tastes.T - 1))
    np.fill_diagonal(values, 0)
    return values


@pytest.mark.parametrize("cells", [1, 1_000_000])
def test_the_most_similar_are_those_of_the_formula(cells, fitted, monkeypatch):
    monkeypatch.setattr(similar, "BLOCK_CELLS", cells)
    model, users = fitted
    found = find_similar(users, model, 0)
    expected = by_hand(model, users)
    assert len(np.unique(found.movie)) == users.weights.shape[1]
    np.testing.assert_allclose(found.similarity, expected[found.movie, found.other], rtol=1e-4)
    for movie in range(users.weights.shape[1]):
        mine = found.movie == movie
        assert found.rank[mine].tolist() == list(range(1, mine.sum() + 1))
        assert mine.sum() == min(20, (expected[movie] > 0).sum())
        np.testing.assert_allclose(found.similarity[mine], np.sort(expected[movie])[::-1][: mine.sum()], rtol=1e-4)


def test_none_is_similar_beyond_the_most_favourited(fitted, monkeypatch):
    monkeypatch.setattr(similar, "MOST_OTHERS", 30)
    monkeypatch.setattr(similar, "BLOCK_CELLS", 30 * 7)
    model, users = fitted
    found = find_similar(users, model, 0)
    assert found.other.max() == 29
    assert len(np.unique(found.movie)) == 60
    assert not (found.movie == found.other).any()


def test_what_is_withheld_is_similar_to_none_but_has_similar_ones(fitted):
    model, users = fitted
    found = find_similar(users, model._replace(withheld=np.array([0, 7], dtype=np.int32)), 0)
    assert not np.isin(found.other, [0, 7]).any()
    assert {0, 7} <= set(found.movie.tolist())


def test_movies_of_one_fan_or_that_nobody_has_both_of_are_not_similar():
    users = from_incidence(np.array([[1, 1, 0, 0, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 1, 1, 0]]))
    for options in (options_of(weighting="none", n_components=0), options_of(n_components=2)):
        model, fit = fit_in_memory(users, 2, options, CLUSTERS_ALONE)
        found = find_similar(fit.sample, model, 0)
        ids = model.movie_ids
        assert {(int(ids[a]), int(ids[b])) for a, b in zip(found.movie, found.other, strict=True)} == {
            (0, 1), (1, 0), (2, 3), (3, 2),
        }  # fmt: skip


def test_of_many_users_some_are_looked_at(fitted, monkeypatch):
    model, users = fitted
    monkeypatch.setattr(similar, "MOST_ENTRIES", users.weights.nnz // 2)
    some, again = find_similar(users, model, 0), find_similar(users, model, 0)
    np.testing.assert_array_equal(some.other, again.other)
    assert (some.similarity > 0).all()
    assert (some.similarity <= 1).all()


def test_the_same_kernel_or_not_similarities_are_rounded(fitted):
    model, users = fitted
    bits = find_similar(users, model, 0).similarity.view(np.int32)
    assert (bits & 63 == 0).all()
