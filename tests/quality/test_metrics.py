"""The measures, against the library ir-measures and against what can be counted by hand."""

import ir_measures
import numpy as np
import polars as pl
import pytest
from ir_measures import AP, Qrel, R, ScoredDoc, Success, nDCG
from scipy.sparse import csr_matrix

from tasks.model.types import Ranking
from tasks.quality import metrics
from tasks.quality.holdout import Trial
from tasks.quality.metrics import Measured
from tests.model.builders import interactions_of


def ranking_of(movies: list[list[int]]) -> Ranking:
    rows = [(user, rank, movie) for user, row in enumerate(movies) for rank, movie in enumerate(row, start=1)]
    user, rank, movie = (np.array(column, dtype=np.int32) for column in zip(*rows, strict=True))
    score = 1 / rank.astype(np.float32)
    return Ranking(user, rank, movie, score, score, np.zeros_like(score))


def random_case(seed: int) -> tuple[Ranking, csr_matrix]:
    random = np.random.default_rng(seed)
    found = [random.permutation(40)[: random.integers(5, 21)].tolist() for _ in range(30)]
    return ranking_of(found), csr_matrix(random.random((30, 40)) < 0.15, dtype=np.float32)


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
def test_measures_of_each_user_equal_those_of_ir_measures(ours, theirs, depth):
    found, test = random_case(depth)
    qrels = [Qrel(str(user), str(movie), 1) for user, movie in zip(*test.nonzero(), strict=True)]
    run = [ScoredDoc(str(u), str(m), float(s)) for u, m, s in zip(found.user, found.movie, found.score, strict=True)]
    expected = {int(one.query_id): one.value for one in ir_measures.iter_calc([theirs(depth)], qrels, run)}
    values = ours(metrics.find_hits(found, test), depth)
    users = np.flatnonzero(np.diff(test.indptr))
    assert values.tolist() == pytest.approx([expected[user] for user in users.tolist()])


def test_the_published_recall_can_be_reached_with_few_recommendations():
    hits = metrics.find_hits(ranking_of([[0, 1]]), csr_matrix(np.array([[1, 1, 1, 0]])))
    assert metrics.published_recall(hits, 2).tolist() == [1.0]
    assert metrics.recall(hits, 2).tolist() == pytest.approx([2 / 3])


def test_users_without_held_out_favourites_do_not_count():
    hits = metrics.find_hits(ranking_of([[0, 1], [0, 1]]), csr_matrix(np.array([[0, 1], [0, 0]])))
    assert metrics.recall(hits, 10).tolist() == [1.0]


def test_novelty_long_tail_and_coverage_are_counted_by_hand():
    train = csr_matrix(np.array([[1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 0, 0, 1, 0], [1, 0, 0, 0, 1]], dtype=np.float32))
    test = csr_matrix(np.ones((4, 5), dtype=np.float32))
    hits = metrics.find_hits(ranking_of([[0, 1], [0], [0], [0]]), test)
    assert metrics.novelty(hits, 10, train).tolist() == [1.0, 0.0, 0.0, 0.0]  # shares 1 and 1/4: surprises 0 and 2
    assert metrics.long_tail_share(hits, 10, train).tolist() == [0.5, 0.0, 0.0, 0.0]  # movie 0 is the head
    assert metrics.coverage(hits, 10, train) == pytest.approx(2 / 5)


def test_every_wanted_measure_is_there():
    found, test = random_case(1)
    train = interactions_of(np.ones((30, 40)))
    for wanted in (metrics.HELD_OUT, metrics.STRONG):
        measured = metrics.measure(found, Trial(train, train, test), wanted)
        assert set(measured.per_user) | set(measured.overall) == set(wanted)


KEY = ("NDCG", 10)


def compared(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    rows = metrics.compare({"ours": Measured({KEY: ours}, {}), "theirs": Measured({KEY: theirs}, {})}, 0)
    assert rows.filter(recommender="ours")["ratio"].to_list() == [None]
    return rows.filter(recommender="theirs").to_dicts()[0]


def test_differences_are_paired():
    random = np.random.default_rng(0)
    hard = random.random(400)  # users differ far more than recommenders
    row = compared(0.9 * hard + 0.05 + 0.01 * random.random(400), 0.9 * hard)
    assert row["ratio_low"] > 1.1
    assert 0.05 < row["difference_low"] < row["difference"] < row["difference_high"] < 0.06
    assert row["high"] - row["low"] > 0.04  # the intervals of the two values overlap
    assert row["ratio"] == pytest.approx(1 + row["difference"] / row["value"])


def test_an_interval_of_a_difference_is_that_of_the_normal_distribution():
    random = np.random.default_rng(1)
    ours, theirs = random.random((2, 2000))
    row = compared(ours, theirs)
    error = 1.96 * (ours - theirs).std() / 2000**0.5
    assert row["difference_high"] - row["difference"] == pytest.approx(error, rel=0.15)
    assert row["difference"] - row["difference_low"] == pytest.approx(error, rel=0.15)


def test_equal_recommenders_may_differ_by_chance():
    random = np.random.default_rng(2)
    n_significant = 0
    for _ in range(40):
        row = compared(*random.random((2, 60)))
        n_significant += row["ratio_low"] > 1 or row["ratio_high"] < 1
    assert n_significant <= 6


def test_nothing_is_divided_by_zero():
    row = compared(np.array([0.0, 1.0]), np.zeros(2))
    assert (row["value"], row["ratio"], row["ratio_low"]) == (0.0, None, None)
    assert row["difference"] == 0.5


def test_what_is_no_mean_has_a_ratio_and_no_interval():
    key = ("coverage", 10)
    values = [Measured({KEY: np.ones(3)}, {key: share}) for share in (0.3, 0.2)]
    rows = metrics.compare(dict(zip(("ours", "theirs"), values, strict=True)), 0)
    [row] = rows.filter(pl.col("metric") == "coverage", recommender="theirs").to_dicts()
    assert row["ratio"] == pytest.approx(1.5)
    assert (row["low"], row["ratio_low"], row["n_users"]) == (None, None, 3)
