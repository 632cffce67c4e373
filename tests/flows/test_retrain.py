"""All that needs a Prefect server, which one worker starts for one file: the retrain end to end, and task runs.

The ratings are real ones where there are any, else demo data.
"""

import hashlib
import json
import logging
import os
import runpy
import sys
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pytest
from prefect import flow
from prefect.context import TaskRunContext

import flows.cli
from flows.cli import main
from flows.retrain import retrain
from tasks.published.versions import versions_of
from tasks.source.demo_data import make_demo_data
from tasks.task import task
from tests.conftest import quick_pictures, rows

PICTURES = [
    "cluster_sizes.png",
    "elbow.png",
    "genres.png",
    "incidence.png",
    "item_weight.png",
    "top_movies.png",
    "user_map.png",
]
CHANGING = {"runs", "reports"}  # tables that hold times, run ids, or pictures
OPTIONS = {"max_clusters": 6, "quality_users": 200, "seed": 3}


class Run(NamedTuple):
    """A finished run."""

    source: Path
    database: Path
    reports: Path
    summary: dict[str, object]


@pytest.fixture(scope="module", autouse=True)
def pictures_of_a_few_bytes():
    """Pictures of a few bytes: test_plots.py looks at real ones, and they are most of the time of a run."""
    with quick_pictures():
        yield


def run_retrain(source: Path, folder: Path, **options) -> Run:
    """Run the flow."""
    database, reports = folder / "films.duckdb", folder / "reports"
    return Run(source, database, reports, retrain(source=source, database=database, reports=reports, **options))


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """ml-latest-small, or demo data where no real data is at hand."""
    if folder := os.environ.get("CINECLUSTER_REAL_DATA"):
        return Path(folder) / "ml-latest-small"
    folder = tmp_path_factory.mktemp("demo")
    make_demo_data(folder, 20_000)
    return folder


@pytest.fixture(scope="module")
def published(prefect, source, tmp_path_factory) -> Run:
    """A run of the default preset."""
    return run_retrain(source, tmp_path_factory.mktemp("published"), **OPTIONS)


@pytest.fixture(scope="module")
def again(prefect, source, tmp_path_factory) -> Run:
    """The same again."""
    return run_retrain(source, tmp_path_factory.mktemp("again"), **OPTIONS)


@pytest.fixture
def tables(published):
    """The published tables."""
    with duckdb.connect(published.database, read_only=True) as connection:
        yield connection


def test_real_ratings_are_counted_right(real_data, published, tables):
    assert published.summary == {
        "n_rows_read": 100_836,
        "n_rejected": 0,
        "n_rejected_movie_rows": 0,
        "n_superseded": 0,
        "n_ratings": 100_836,
        "n_favourites": 48_580,
        "n_users": 610,
        "n_users_with_favourites": 609,
        "n_movies": 9_724,
        "n_movies_favourited": 6_298,
    }
    assert rows(tables, "select * exclude run_id from ratings_summary") == [tuple(published.summary.values())]
    assert rows(tables, "select title, year, genres, imdb_id, tmdb_id from movies where movie_id = 1") == [
        ("Toy Story (1995)", 1995, ["Adventure", "Animation", "Children", "Comedy", "Fantasy"], "tt0114709", 862)
    ]
    assert rows(tables, "select count(*) from movies where tmdb_id is null") == [(8,)]


def test_every_user_has_20_recommendations_none_of_them_seen(tables):
    [(n_users,)] = rows(tables, "select count(distinct user_id) from favourites")
    assert rows(tables, "select count(*), count(distinct user_id) from recommendations") == [(20 * n_users, n_users)]
    wrong = "from (select list(rank order by rank) as r from recommendations group by user_id) where r <> range(1, 21)"
    assert rows(tables, wrong) == []
    assert rows(tables, "from recommendations semi join ratings using (user_id, movie_id)") == []
    assert rows(tables, "from recommendations anti join overall_favourites using (movie_id)") == []
    falls = (
        "select score - lag(score) over (partition by user_id order by rank) as d from recommendations qualify d > 0"
    )
    assert rows(tables, falls) == []


def test_every_user_with_favourites_has_a_cluster_of_the_minimum_size(tables):
    assert rows(tables, "select distinct user_id from favourites order by 1") == rows(
        tables, "select user_id from user_clusters order by 1"
    )
    sizes = [n for (n,) in rows(tables, "select count(*) from user_clusters group by cluster order by cluster")]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes == [n for (n,) in rows(tables, "select n_users from clusters order by cluster")]
    assert min(sizes) >= 5


def test_the_macro_agrees_with_the_stored_recommendations(tables):
    users = rows(tables, "select user_id from user_clusters using sample 10 rows (reservoir, 1)")
    for (user_id,) in users:
        stored = rows(tables, "select movie_id from recommendations where user_id = $1 order by rank", user_id)
        found = rows(tables, "select rank, movie_id, score from recommend($1, n := 200)", user_id)
        assert [(movie,) for _, movie, _ in found[:20]] == stored
        assert [rank for rank, _, _ in found] == list(range(1, 201))
        assert found[20][2] <= found[19][2] + 1e-6


def test_nothing_but_the_published_file_its_version_and_the_pictures_is_left(published):
    left = sorted(path.name for path in published.reports.iterdir())
    assert left == sorted([*PICTURES, "index.html", ".cinecluster-reports"])
    names = sorted(path.name for path in published.database.parent.iterdir())
    assert names == [".films", "films.duckdb", "reports"]
    [version, *locks] = sorted(path.name for path in versions_of(published.database).iterdir())
    assert (version.endswith(".duckdb"), locks) == (True, ["favourites-lock", "lock"])


def test_the_run_is_recorded(published, tables):
    [(run_id, config)] = rows(tables, "select run_id, config from runs")
    assert rows(tables, "select run_id from ratings_summary") == [(run_id,)]
    config = json.loads(config)
    assert (config["seed"], config["max_clusters"], config["preset"]) == (3, 6, "default")
    assert config["source"] == str(published.source)
    comments = rows(tables, "select comment from duckdb_tables()")
    assert all(f"[run {run_id}]" in comment for (comment,) in comments)


def test_same_seed_and_source_make_the_same_tables(published, again):
    with duckdb.connect() as connection:
        connection.execute(
            f"attach '{published.database}' as a (read_only); attach '{again.database}' as b (read_only)"
        )
        tables = {
            name for (name,) in rows(connection, "select table_name from duckdb_tables() where database_name = 'a'")
        }
        assert len(tables) > 12
        for name in sorted(tables - CHANGING):
            left_out = " exclude (run_id)" if name == "ratings_summary" else ""
            a, b = (f"(select *{left_out} from {database}.{name})" for database in "ab")  # noqa: S608
            differing = f"({a} except all {b}) union all ({b} except all {a})"
            assert rows(connection, differing) == [], name


@pytest.fixture(scope="module")
def few_ratings(tmp_path_factory) -> Path:
    """A source with far fewer ratings than were published."""
    folder = tmp_path_factory.mktemp("few")
    make_demo_data(folder, 3_000)
    return folder


def test_a_failing_run_leaves_everything_as_it_was(published, few_ratings, capsys):
    def state():
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in published.database.parent.rglob("*")
            if path.is_file() and path.name != "lock"
        }

    before = state()
    arguments = ["--source", few_ratings, "--database", published.database, "--reports", published.reports]
    with pytest.raises(SystemExit) as ended:
        main(["retrain", *map(str, arguments), "--n-clusters", "2", "--n-fine-clusters", "4", "--max-clusters", "2"])
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("Check failed: row counts keep up. No table has lost more than the share 0.2 (--max-drop)")
    assert "Traceback" not in error
    assert state() == before


def test_a_missing_source_is_one_line(prefect, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["retrain", "--source", str(tmp_path / "none"), "--database", str(tmp_path / "films.duckdb")])
    assert ended.value.code == 1
    output, error = capsys.readouterr()
    assert "none: no such folder." in " ".join(error.split())
    assert "Traceback" not in output + error
    assert not (tmp_path / "films.duckdb").exists()


def test_article_preset_on_the_articles_ratings(prefect, real_data, tmp_path):
    run = run_retrain(real_data / "article", tmp_path, preset="article", n_clusters=15, max_clusters=2)
    assert (run.summary["n_favourites"], run.summary["n_users"], run.summary["n_movies"]) == (447, 100, 83)
    with duckdb.connect(run.database, read_only=True) as tables:
        curve = rows(tables, "select n_clusters, wcss, is_chosen from elbow")
        assert [row[0] for row in curve] == [1, 2, 15]
        assert curve[0][1] == pytest.approx(381.35, abs=1e-3)
        assert [row[2] for row in curve] == [False, False, True]
        labels = rows(tables, "select cluster, cluster_before_merge from user_clusters")
        assert len({before for _, before in labels}) == 15
        assert np.bincount([cluster for cluster, _ in labels]).min() >= 6
        counted = rows(
            tables,
            "select u.user_id, c.movie_id, c.share from user_clusters u join cluster_movies c using (cluster) "
            "anti join favourites f on f.user_id = u.user_id and f.movie_id = c.movie_id "
            "qualify row_number() over (partition by u.user_id order by c.rank) <= 5 order by 1, c.rank",
        )
        stored = "select user_id, movie_id, score from recommendations where rank <= 5 order by user_id, rank"
        assert rows(tables, stored) == [(u, m, pytest.approx(share, rel=4e-6)) for u, m, share in counted]


def test_the_command_can_be_run_as_a_module(monkeypatch, capsys):
    """``python -m flows.cli retrain --help``, without another process, which would be seconds of imports."""
    monkeypatch.setattr(sys, "argv", ["cinecluster", "retrain", "--help"])
    monkeypatch.setattr("atexit.register", lambda function, *_: None)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(flows.cli.__file__, run_name="__main__")
    assert not ended.value.code
    output = capsys.readouterr().out
    assert output.startswith("Usage: cinecluster retrain")
    assert "--n-clusters" in output


def test_inside_of_a_flow_it_is_a_task_run_of_that_name(prefect):
    @task("Tell the name")
    def tell() -> str:
        return TaskRunContext.get().task_run.name

    @flow
    def run() -> str:
        return tell()

    assert run() == "Tell the name"


def test_the_log_of_a_run_tells_the_story_instead_of_states(prefect, caplog):
    @flow
    def run() -> None:
        task("Count", lambda n: f"{n} counted")(abs)(-3)

    caplog.set_level(logging.INFO, logger="prefect.task_runs")
    run()
    assert [text for name, _, text in caplog.record_tuples if name == "prefect.task_runs"] == [
        "Count (0.0 s): 3 counted"
    ]
