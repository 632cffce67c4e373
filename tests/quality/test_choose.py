"""Holding out favourites, and the number of fine clusters that it leads to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from flows.config import RetrainConfig
from tasks import quality
from tasks.stations.incidence import Evidence


def evidence_of(seed: int, n_users: int = 40, n_movies: int = 30) -> Evidence:
    random = np.random.default_rng(seed)
    kind = random.choice([0, 0.5, 1], p=[0.5, 0.2, 0.3], size=(n_users, n_movies))
    weights = csr_matrix(kind.astype(np.float32))
    return Evidence(weights, random.permutation(weights.nnz).astype(float) + 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.booleans())
def test_a_fifth_of_the_favourites_is_held_out_of_users_with_five_or_more(seed, is_temporal):
    evidence = evidence_of(seed)
    split = quality.hold_out(evidence, evidence.times, is_temporal)
    counts = np.diff(quality.favourites_of(evidence).indptr)
    expected = np.where(counts >= 5, np.maximum(1, counts // 5), 0)
    np.testing.assert_array_equal(np.diff(split.test.indptr), expected)
    both = quality.favourites_of(split.train) + split.test
    assert (both != quality.favourites_of(evidence)).nnz == 0


def test_a_temporal_split_holds_out_the_latest_and_forgets_what_came_after():
    weights = csr_matrix(np.array([[1, 1, 1, 1, 1, 0.5, 0.5]], dtype=np.float32))
    evidence = Evidence(weights, np.array([10, 20, 90, 30, 40, 50, 95.0]))
    split = quality.hold_out(evidence, evidence.times, is_temporal=True)
    assert split.test.indices.tolist() == [2]
    assert split.train.weights.indices.tolist() == [0, 1, 3, 4, 5]  # 6 was watched after the first held-out one
    assert split.train.times.tolist() == [10, 20, 30, 40, 50]


def test_select_users_keeps_their_times():
    evidence = evidence_of(3)
    some = quality.select_users(evidence, np.array([1, 4]))
    assert (some.weights != evidence.weights[[1, 4]]).nnz == 0
    start, end = evidence.weights.indptr[4:6]
    np.testing.assert_array_equal(some.times[some.weights.indptr[1] :], evidence.times[start:end])


@pytest.mark.parametrize(
    ("measured", "expected"),
    [({10: 0.30, 20: 0.31, 40: 0.309, 80: 0.28}, 40), ({10: 0.5, 20: 0.2}, 10), ({}, 25)],
)
def test_the_finest_number_of_near_best_quality_is_chosen(measured, expected):
    assert quality.choose_n_fine_clusters("auto", measured, 100) == expected
    assert quality.choose_n_fine_clusters(7, measured, 100) == 7


def test_quality_is_measured_for_rising_numbers_and_foretells_taste():
    random = np.random.default_rng(0)
    taste = np.repeat([0, 1, 2, 3], 50)
    likes = np.where(np.arange(80) // 20 == taste[:, None], 0.4, 0.02)
    weights = csr_matrix((random.random((200, 80)) < likes).astype(np.float32))
    evidence = Evidence(weights, np.zeros(weights.nnz))
    nothing = csr_matrix((200, 80), dtype=np.float32)
    measured = quality.try_fine_clusters(evidence, nothing, RetrainConfig().method)
    assert list(measured) == [6, 12, 25, 50]
    assert max(measured.values()) > 0.15  # any order of the 80 movies would have about 0.03
    assert quality.measure_quality.fn(evidence, nothing, RetrainConfig().method, 7, 100) == {}
