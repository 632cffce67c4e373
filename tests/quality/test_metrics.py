"""The measures, against the library ir-measures and against what can be counted by hand."""

import ir_measures
import numpy as np
import polars as pl
import pytest
from ir_measures import AP, Qrel, R, ScoredDoc, Success, nDCG
from scipy.sparse import csr_matrix

from tasks import metrics
from tasks.model.rank import Recommendations


def recommendations_of(movies: list[list[int]]) -> Recommendations:
    rows = [(user, rank, movie) for user, row in enumerate(movies) for rank, movie in enumerate(row, start=1)]
    user, rank, movie = (np.array(column, dtype=np.int32) for column in zip(*rows, strict=True))
    return Recommendations(user, rank, movie, 1 / rank.astype(np.float32))


def random_case(seed: int) -> tuple[Recommendations, csr_matrix]:
    random = np.random.default_rng(seed)
    found = [random.permutation(40)[: random.integers(5, 21)].tolist() for _ in range(30)]
    return recommendations_of(found), csr_matrix(random.random((30, 40)) < 0.15, dtype=np.float32)


@pytest.mark.parametrize("depth", [10, 20])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.ndcg, lambda depth: nDCG @ depth),
        (metrics.average_precision, lambda depth: AP @ depth),
        (metrics.recall, lambda depth: R @ depth),
        (metrics.hit_rate, lambda depth: Success @ depth),
    ],
)
def test_measures_equal_those_of_ir_measures(ours, theirs, depth):
    found, test = random_case(depth)
    qrels = [Qrel(str(user), str(movie), 1) for user, movie in zip(*test.nonzero(), strict=True)]
    run = [ScoredDoc(str(u), str(m), float(s)) for u, m, s in zip(found.user, found.movie, found.score, strict=True)]
    expected = ir_measures.calc_aggregate([theirs(depth)], qrels, run)
    assert ours(metrics.find_hits(found, test), depth).mean() == pytest.approx(next(iter(expected.values())))


def test_users_without_held_out_favourites_do_not_count():
    hits = metrics.find_hits(recommendations_of([[0, 1], [0, 1]]), csr_matrix(np.array([[0, 1], [0, 0]])))
    assert metrics.recall(hits, 10).tolist() == [1.0]


def test_novelty_long_tail_and_coverage_are_counted_by_hand():
    train = csr_matrix(np.array([[1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 0, 0, 1, 0], [1, 0, 0, 0, 1]], dtype=np.float32))
    test = csr_matrix(np.ones((4, 5), dtype=np.float32))
    hits = metrics.find_hits(recommendations_of([[0, 1], [0], [0], [0]]), test)
    assert metrics.novelty(hits, 10, train).tolist() == [1.0, 0.0, 0.0, 0.0]  # shares 1 and 1/4: surprises 0 and 2
    assert metrics.long_tail_share(hits, 10, train).tolist() == [0.5, 0.0, 0.0, 0.0]  # movie 0 is the head
    assert metrics.coverage(hits, 10, train) == pytest.approx(2 / 5)


def test_interval_holds_the_mean_and_narrows_with_more_users():
    random = np.random.default_rng(0)
    few, many = random.random(50), random.random(5000)
    for values in (few, many):
        value, low, high = metrics.interval(values, 0)
        assert low < value == values.mean() < high
    assert np.diff(metrics.interval(many, 0)[1:]) < np.diff(metrics.interval(few, 0)[1:]) / 5


def test_measure_has_a_row_for_each_metric_and_depth():
    found, test = random_case(1)
    measured = metrics.measure(found, test, test, seed=0)
    assert measured.height == 2 * 7
    assert measured.filter(metric="coverage")["low"].is_null().all()
    assert measured.filter(pl.col("metric") != "coverage").null_count().sum_horizontal().item() == 0
