"""The evaluation as a flow: ratings in; table, picture, artifact and report page out."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from flows import evaluate as flow_module
from flows.cli import main
from flows.config import EvaluateOptions
from flows.evaluate import evaluate
from flows.retrain import retrain
from tasks.quality import evaluate as quality
from tasks.quality.baselines import EASE
from tests.conftest import quick_pictures
from tests.quality.made import QUICK, make_users

SHARED = {name: value for name, value in QUICK.items() if name in EvaluateOptions.model_fields}


@pytest.fixture
def source(tmp_path) -> Path:
    """A folder with the ratings of 150 users: 5 stars, 3.5 for a near favourite, 1 for what was only seen."""
    users = make_users(n_users=150)
    rows = np.repeat(users.user_ids, np.diff(users.weights.indptr))
    stars = np.select([users.weights.data == 1, users.weights.data > 0], [5, 3.5], 1)
    lines = zip(rows, users.weights.indices + 1, stars, users.seconds, strict=True)
    text = "\n".join(",".join(str(value) for value in line) for line in lines)
    (tmp_path / "source").mkdir()
    (tmp_path / "source/ratings.csv").write_text(f"userId,movieId,rating,timestamp\n{text}\n")
    return tmp_path / "source"


@pytest.fixture
def artifacts(monkeypatch) -> list[list[dict[str, str]]]:
    """What the flow would show on the page of its run, with EASE as the only baseline."""
    shown: list[list[dict[str, str]]] = []
    monkeypatch.setattr(flow_module, "create_table_artifact", lambda rows, **about: shown.append(rows))
    monkeypatch.setattr(quality, "BASELINES", (EASE,))
    return shown


@pytest.mark.parametrize(("protocol", "splits"), [("known", 3), ("strong", 1)])
def test_an_evaluation_leaves_a_table_a_picture_and_an_artifact(source, tmp_path, artifacts, protocol, splits):
    database, reports = tmp_path / "evaluation.duckdb", tmp_path / "reports"
    options = {"source": source, "database": database, "reports": reports, "protocol": protocol}
    evaluate.fn(budget_minutes=0.0, **options, **SHARED)
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.sql(
            "select protocol, split from evaluation where recommender = 'EASE' group by all"
        ).fetchall()
    assert len(found) == splits
    assert (reports / "evaluation.png").stat().st_size > 10_000
    [rows] = artifacts
    assert {"EASE", "cinecluster", "overall favourites"} <= {row.get("recommender") for row in rows}


def test_the_report_page_of_a_retrain_shows_the_standings(source, tmp_path, artifacts):
    database, reports = tmp_path / "a.duckdb", tmp_path / "reports"
    with quick_pictures():
        retrain.fn(source=source, database=database, reports=reports, evaluate=True, max_clusters=4, **QUICK)
    page = (tmp_path / "reports/index.html").read_text(encoding="utf-8")
    for text in ("Favourites held out at random", "NDCG@10", "cinecluster is", "the best on validation", "New users"):
        assert text in page
    assert (tmp_path / "reports/evaluation.png").exists()


def test_the_terminal_shows_who_is_better(source, tmp_path, artifacts, no_server, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(flow_module, "evaluate", evaluate.fn)
    quick = [word for name, value in SHARED.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--source", str(source), "--budget-minutes", "0", "--evaluate-users", "100", *quick])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for text in ("Favourites held out at random", "Against EASE, the best on validation: ", "skipped: ", "New users"):
        assert text in shown
