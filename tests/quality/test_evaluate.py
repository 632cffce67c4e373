"""Recommenders compared on held-out favourites, in the table, in words and in a picture."""

import json

import duckdb
import numpy as np
import polars as pl
import pytest

from flows.config import EvaluateOptions
from tasks.errors import CineclusterError
from tasks.quality import baselines, cold, evaluate
from tasks.quality.holdout import as_trial, hold_out
from tasks.quality.metrics import HELD_OUT
from tasks.quality.product import fit_product, recommend_to
from tasks.quality.standings import standings, verdict
from tasks.stations.evaluation import prepare_places, publish_evaluation
from tests.model.builders import interactions_of
from tests.quality.made import OPTIONS, make_users

RECOMMENDERS = [
    "cinecluster", "article", "overall favourites",
    "implicit cosine", "implicit BM25", "EASE", "implicit ALS",
]  # fmt: skip


@pytest.fixture(scope="module")
def measured() -> pl.DataFrame:
    """An evaluation with one setting a baseline."""
    return evaluate.evaluate_recommenders(make_users(n_users=150), OPTIONS, budget_minutes=0)


@pytest.fixture(scope="module")
def unseen() -> pl.DataFrame:
    users = make_users(n_users=300)
    return evaluate.evaluate_unseen_users(users, np.arange(60), OPTIONS, budget_minutes=0)


def value(measured: pl.DataFrame, recommender: str, metric: str = "NDCG", split: str = "random") -> float:
    return measured.filter(recommender=recommender, metric=metric, depth=10, split=split)["value"].item()


def test_every_recommender_is_measured_on_every_split(measured):
    for split in evaluate.SPLITS:
        rows = measured.filter(protocol="known users", split=split)
        assert rows["recommender"].unique(maintain_order=True).to_list() == RECOMMENDERS
        assert rows.height == len(RECOMMENDERS) * len(HELD_OUT)
        assert rows["n_users"].n_unique() == 1


def test_a_tuned_baseline_says_how(measured):
    rows = measured.filter(recommender="implicit ALS", split="random").head(1).to_dicts()
    setting = json.loads(rows[0]["setting"])
    assert set(setting) == {"evidence", "recency", "factors", "regularization", "alpha"}
    assert (rows[0]["n_tried"], rows[0]["n_settings"]) == (2, 150)  # of favourites and of all evidence
    assert "the budget of time ended" in rows[0]["note"]
    assert 0 < rows[0]["validation"] < 1


def test_clusters_predict_better_than_popularity(measured):
    assert value(measured, "cinecluster") > 1.3 * value(measured, "overall favourites")
    assert value(measured, "cinecluster", "coverage") > value(measured, "overall favourites", "coverage")
    row = measured.filter(recommender="overall favourites", metric="NDCG", depth=10, split="random").to_dicts()[0]
    assert row["ratio"] == pytest.approx(value(measured, "cinecluster") / row["value"])
    assert row["ratio_low"] > 1
    assert verdict(row).endswith("better")


def test_new_users_and_rare_movies_are_measured_apart(measured):
    new, rare = (measured.filter(protocol=name) for name in ("new users", "rare movies"))
    assert new["split"].unique(maintain_order=True).to_list() == [
        "1 favourite", "2 favourites", "3 favourites", "4 favourites",
    ]  # fmt: skip
    assert new["recommender"].unique(maintain_order=True).to_list() == ["cinecluster", "overall favourites"]
    assert value(new, "cinecluster", split="4 favourites") > value(new, "overall favourites", split="4 favourites")
    assert rare.is_empty()  # every movie here has many favourites


def test_a_split_that_says_nothing_is_skipped_with_the_reason(monkeypatch):
    monkeypatch.setattr(evaluate, "BASELINES", (baselines.EASE,))
    users = make_users(n_users=60)
    measured = evaluate.evaluate_recommenders(users, OPTIONS, budget_minutes=0)
    [cut] = measured.filter(split="cut").to_dicts()
    assert cut["metric"] is None
    assert "users return after the moment, 100 are needed" in cut["note"]
    without = users._replace(seconds=np.zeros_like(users.seconds))
    measured = evaluate.evaluate_recommenders(without, OPTIONS, budget_minutes=0)
    skipped = measured.filter(pl.col("metric").is_null())
    assert skipped["split"].to_list() == ["temporal", "cut"]
    assert skipped["note"].unique().to_list() == ["skipped: the ratings have no times"]


def test_baselines_that_are_missing_are_shown_with_the_command_that_installs_them(monkeypatch, tmp_path):
    monkeypatch.setattr(baselines, "find_spec", lambda name: None)
    monkeypatch.setattr(baselines, "MOST_MOVIES_FOR_EASE", 59)
    measured = evaluate.evaluate_recommenders(make_users(n_users=60), OPTIONS, budget_minutes=0)
    missing = measured.filter(pl.col("metric").is_null(), split="random")
    assert missing["recommender"].to_list() == RECOMMENDERS[3:]
    notes = next(one for one in standings(measured) if one.title == "Favourites held out at random").notes
    assert 'implicit ALS: not installed: pip install "cinecluster[baselines]"' in notes
    assert any(note.startswith("EASE: left out: 60 movies are more than 59") for note in notes)
    publish_evaluation(measured, tmp_path / "evaluation.duckdb", tmp_path)
    assert (tmp_path / "evaluation.png").stat().st_size > 10_000


def test_unseen_users_are_measured_as_published(unseen):
    assert unseen["recommender"].unique(maintain_order=True).to_list() == RECOMMENDERS
    measures = unseen.select("metric", "depth").unique(maintain_order=True).rows()
    assert measures == [("NDCG", 100), ("Recall", 20), ("Recall", 50), ("coverage", 100)]
    assert 25 < unseen["n_users"].unique().item() <= 30
    ndcg = dict(unseen.filter(metric="NDCG").select("recommender", "value").rows())
    assert min(ndcg["cinecluster"], ndcg["EASE"], ndcg["implicit ALS"]) > 1.1 * ndcg["overall favourites"]
    settings = unseen.filter(recommender="EASE")["setting"].unique().to_list()
    assert json.loads(settings[0]) == {"evidence": "favourites", "recency": 0.0, "regularization": 200.0}


def test_nothing_excluded_is_recommended_and_the_future_is_not_excluded():
    trial = as_trial(hold_out(make_users(), "temporal", 0), 0)
    found = recommend_to(trial.known, fit_product(trial.train, OPTIONS), 60)
    stored = trial.known.weights.copy()
    stored.data[:] = 1
    assert np.asarray(stored[found.user, found.movie]).sum() == 0
    n_fans = trial.train.weights.getnnz(axis=0)
    n_left = (n_fans > 0).sum() - np.diff(stored.indptr)
    np.testing.assert_array_equal(np.bincount(found.user), n_left)


def test_rare_movies_are_ranked_among_themselves():
    weights = np.full((40, 130), np.nan)
    weights[:, :20] = make_users(n_users=40, n_movies=20).weights.toarray()
    weights[weights == 0] = np.nan
    for user in range(40):  # two users of one taste share each rare movie
        weights[user, 20 + user % 20] = 1
        weights[user, 40 + user] = 1
    split = hold_out(interactions_of(weights), "random", 0)
    trial = as_trial(split, 0)
    results = cold.measure_cold_movies(trial, fit_product(trial.train, OPTIONS), OPTIONS)
    assert set(results) == set(cold.RARE)
    key = ("Recall", 50)
    for measured in results.values():
        ours, chance = (measured[name].per_user[key] for name in ("cinecluster", "random order"))
        assert len(ours) == len(chance) > 0
        assert ((chance > 0) & (chance <= 1)).all()
    assert results["0 favourites"]["cinecluster"].per_user[key].max() == 0  # they are never recommended


def test_chance_is_the_mean_recall_of_random_orders(monkeypatch):
    monkeypatch.setattr(cold, "RARE_DEPTH", 3)
    weights = np.array([[1, np.nan, np.nan, np.nan, 0, np.nan, 0.5, np.nan, 1, np.nan]])
    trial = as_trial(hold_out(interactions_of(weights), "random", 0), 0)
    is_rare = np.ones(10, dtype=bool)
    assert cold.by_chance(trial, is_rare, True).tolist() == [3 / 6]
    assert cold.by_chance(trial, is_rare, False).tolist() == [3 / 8]


def test_the_table_and_the_picture_are_published(measured, tmp_path):
    database, reports = tmp_path / "evaluation.duckdb", tmp_path / "reports"
    for _ in range(2):
        prepare_places(database, reports)
        publish_evaluation(measured, database, reports)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert (
            connection.sql("select * exclude setting from evaluation")
            .pl()
            .equals(
                measured.drop("setting").cast(dict.fromkeys(("n_tried", "n_settings", "depth", "n_users"), pl.Int32))
            )
        )
        without = "select column_name from duckdb_columns() where table_name = 'evaluation' and comment is null"
        assert connection.sql(without).fetchall() == []
    assert (reports / "evaluation.png").stat().st_size > 10_000


@pytest.mark.parametrize("table", ["ratings", "staging.orders"])
def test_no_other_tables_are_replaced_by_an_evaluation(table, tmp_path):
    with duckdb.connect(str(tmp_path / "other.duckdb")) as connection:
        connection.execute(f"create schema staging; create table {table} (user_id integer)")
    with pytest.raises(CineclusterError, match=r"holds other tables than an evaluation. Choose another --database"):
        prepare_places(tmp_path / "other.duckdb", tmp_path)
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating\n")
    with pytest.raises(CineclusterError, match=r"ratings.csv: cannot be read as a database.*choose another --database"):
        prepare_places(tmp_path / "ratings.csv", tmp_path)
    with pytest.raises(CineclusterError, match=r"ratings.csv: cannot be written: File exists"):
        prepare_places(tmp_path / "new.duckdb", tmp_path / "ratings.csv")


def test_standings_say_who_is_better_and_whether_that_may_be_chance(measured, unseen):
    first = standings(measured)[0]
    assert first.title == "Favourites held out at random"
    assert first.columns[:3] == ["recommender", "NDCG@10", "cinecluster is"]
    assert sorted(row[0] for row in first.rows) == sorted(RECOMMENDERS)
    shown = [float(row[1].split()[0]) for row in first.rows]
    assert shown == sorted(shown, reverse=True)
    best = measured.filter(split="random", protocol="known users").sort("validation", nulls_last=False)
    assert first.finding.startswith(f"Against {best['recommender'][-1]}, the best on validation: ")
    new = standings(measured)[-1]
    assert (new.title, new.columns) == ("New users", ["known", "NDCG@10", "overall favourites", "cinecluster is"])
    assert [row[0] for row in new.rows] == ["1 favourite", "2 favourites", "3 favourites", "4 favourites"]
    [strong] = standings(unseen)
    assert strong.columns == ["recommender", "NDCG@100", "cinecluster is", "Recall@20", "Recall@50", "coverage@100"]


@pytest.mark.parametrize(
    ("low", "high", "word"), [(1.01, 1.2, "better"), (0.8, 0.99, "worse"), (0.95, 1.05, "may be chance")]
)
def test_a_verdict_is_better_or_worse_only_outside_of_the_interval(low, high, word):
    row = {"recommender": "EASE", "ratio": (low + high) / 2, "ratio_low": low, "ratio_high": high, "difference": 0.1}
    assert verdict(row).endswith(word)


def test_nothing_to_hold_out_is_a_clear_error():
    with pytest.raises(CineclusterError, match="no user has five favourites"):
        evaluate.evaluate_recommenders(interactions_of(np.eye(4)), OPTIONS)


def test_all_users_are_evaluated_where_they_are_unseen():
    assert (EvaluateOptions().n_users, EvaluateOptions(evaluate_users=70, protocol="strong").n_users) == (20_000, 70)
    assert EvaluateOptions(protocol="strong").n_users > 10**9


@pytest.fixture
def some_withheld() -> np.ndarray:
    return np.arange(0, 60, 4)


@pytest.mark.parametrize("protocol", ["known", "strong"])
def test_nobody_recommends_or_has_to_predict_what_is_withheld(protocol, some_withheld, monkeypatch):
    seen = []
    measure = evaluate.measure

    def watch(found, trial, wanted):
        seen.append(trial)
        assert not np.isin(found.movie, trial.withheld).any()
        assert not np.isin(trial.test.indices, trial.withheld).any()
        return measure(found, trial, wanted)

    monkeypatch.setattr(evaluate, "measure", watch)
    monkeypatch.setattr(evaluate, "BASELINES", (baselines.EASE,))
    users = make_users(n_users=150)
    if protocol == "known":
        evaluate.evaluate_recommenders(users, OPTIONS, 0, some_withheld)
    else:
        evaluate.evaluate_unseen_users(users, np.arange(60), OPTIONS, 0, some_withheld)
    assert len(seen) >= 4
    assert {len(trial.withheld) for trial in seen} == {15}
    n_fans = np.bincount(users.weights.indices[users.weights.data == 1], minlength=60)
    n_left = np.bincount(seen[0].train.weights.indices[seen[0].train.weights.data == 1], minlength=60)
    assert (n_left[seen[0].withheld] <= np.sort(n_fans[some_withheld])[-1]).all()
