"""Recommenders compared on held-out favourites."""

import json

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix
from tasks.stations.incidence import Evidence

from flows.config import RetrainConfig
from tasks import evaluate
from tasks.errors import CineclusterError


@pytest.fixture(scope="module")
def measured() -> pl.DataFrame:
    random = np.random.default_rng(0)
    taste = np.repeat([0, 1, 2], 40)
    likes = np.where(np.arange(60) // 20 == taste[:, None], 0.45, 0.04)
    weights = csr_matrix((random.random((120, 60)) < likes).astype(np.float32))
    evidence = Evidence(weights, random.integers(1, 10**6, weights.nnz).astype(float))
    nothing = csr_matrix((120, 60), dtype=np.float32)
    return evaluate.evaluate_recommenders.fn(evidence, nothing, RetrainConfig().method, 1000, seed=0)


def value(measured: pl.DataFrame, recommender: str, metric: str = "NDCG", split: str = "random") -> float:
    return measured.filter(recommender=recommender, metric=metric, depth=10, split=split)["value"].item()


def test_every_recommender_is_measured_on_both_splits(measured):
    names = measured["recommender"].unique().to_list()
    assert {"cinecluster", "article", "overall favourites", "EASE", "implicit ALS"} <= set(names)
    assert measured.height == 2 * len(names) * 14
    assert "n_fine_clusters" in json.loads(measured.filter(recommender="cinecluster")["setting"][0])


def test_clusters_foretell_better_than_popularity(measured):
    assert value(measured, "cinecluster") > 1.3 * value(measured, "overall favourites")
    assert value(measured, "cinecluster", "coverage") > value(measured, "overall favourites", "coverage")


def test_clusters_are_level_with_als_where_taste_is_all(measured):
    for split in evaluate.SPLITS:
        assert value(measured, "cinecluster", split=split) > 0.9 * value(measured, "implicit ALS", split=split)


def test_the_table_and_the_picture_are_published(measured, tmp_path):
    database, reports = tmp_path / "evaluation.duckdb", tmp_path / "reports"
    for _ in range(2):
        evaluate.prepare_places(database, reports)
        evaluate.publish_evaluation.fn(measured, database, reports)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("select count(*) from evaluation").fetchone() == (measured.height,)
    assert (reports / "evaluation.png").stat().st_size > 10_000
    assert [path.name for path in tmp_path.iterdir()].count(".evaluation.duckdb.new") == 0


def test_no_other_tables_are_replaced_by_an_evaluation(measured, tmp_path, good_build):
    with pytest.raises(CineclusterError, match=r"holds other tables than an evaluation. Choose another --database"):
        evaluate.prepare_places(good_build.build.database, tmp_path)
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating\n")
    with pytest.raises(CineclusterError, match=r"ratings.csv: cannot be read as a database.*choose another --database"):
        evaluate.prepare_places(tmp_path / "ratings.csv", tmp_path)
    with pytest.raises(CineclusterError, match=r"ratings.csv: cannot be written: File exists"):
        evaluate.prepare_places(tmp_path / "new.duckdb", tmp_path / "ratings.csv")


def test_standings_has_a_row_for_each_split_and_recommender(measured):
    standings = evaluate.standings(measured)
    assert standings.height == measured.select("split", "recommender").n_unique()
    assert "NDCG@10" in standings.columns


def test_nothing_to_hold_out_is_a_clear_error():
    evidence = Evidence(csr_matrix(np.eye(4, dtype=np.float32)), np.zeros(4))
    with pytest.raises(CineclusterError, match="no user has five favourites"):
        evaluate.evaluate_recommenders.fn(
            evidence, csr_matrix((4, 4), dtype=np.float32), RetrainConfig().method, 10, seed=0
        )
