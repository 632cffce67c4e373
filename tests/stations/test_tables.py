"""The tables of a run: what was computed is what is written."""

import json
from datetime import UTC

import numpy as np
import pytest

from flows import stations
from tasks.engine.duckdb import DuckDBEngine
from tasks.model.fit import known_of
from tasks.model.neighbours import place
from tasks.model.rank import rank
from tasks.model.reasons import reasons
from tasks.model.types import CLUSTERS_ALONE, Elbow
from tasks.published.read import connect_to_published
from tasks.quality.choose import Choice
from tasks.stations.clusters import write_choices
from tasks.stations.summary import SCHEMA_VERSION
from tests.conftest import ARTICLE, publish, read_model, rows, two_tastes


@pytest.fixture
def connection(good_tables):
    """The build, opened for reading."""
    with connect_to_published(good_tables.build) as connection:
        yield connection


def watch(monkeypatch, name):
    """Return a list that the arguments of a station are added to."""
    calls, station = [], getattr(stations, name)
    monkeypatch.setattr(stations, name, lambda *arguments: (calls.append(arguments), station(*arguments))[1])
    return calls


def test_user_clusters_and_recommendations_are_what_the_model_says(tmp_path, monkeypatch):
    calls = watch(monkeypatch, "recommend_movies")
    made = publish(tmp_path / "films.duckdb")
    [(_, model, fit, top_n, _)] = calls
    sample, groups = fit.sample, fit.groups
    where = place(sample, model, known_of(fit))
    best = rank(sample, where, model, top_n)
    with connect_to_published(made.build) as connection:
        users = rows(
            connection,
            "select user_id, cluster, cluster_before_merge, fine_cluster, neighbours, weights, taste "
            "from user_clusters order by user_id",
        )
        recommended = rows(
            connection,
            "select user_id, rank, movie_id, score, cluster_score, item_score, cluster, because "
            "from recommendations order by user_id, rank",
        )
        titles = "from recommendations r join movies using (movie_id) where r.title is distinct from movies.title"
        assert rows(connection, titles) == []
    assert [row[0] for row in users] == sample.user_ids.tolist()
    assert [row[1] for row in users] == groups.clusters.labels.tolist()
    assert [row[2] for row in users] == groups.found.labels.tolist()
    assert [row[3] for row in users] == groups.fine.labels.tolist()
    assert [row[4] for row in users] == where.neighbours.clusters.tolist()
    np.testing.assert_array_equal([row[5] for row in users], where.neighbours.weights)
    np.testing.assert_array_equal([row[6] for row in users], where.tastes)
    ids = (sample.user_ids[best.user], best.rank, model.movie_ids[best.movie])
    scores = (best.score, best.cluster_score, best.item_score)
    cluster = groups.clusters.labels[best.user]
    because = [[int(model.movie_ids[column]) for column in row if column >= 0] for row in reasons(sample, best, model)]
    columns = [column.tolist() for column in (*ids, *scores, cluster)]
    assert recommended == list(zip(*columns, because, strict=True))
    assert max(map(len, because)) > 1


def test_the_saved_model_is_the_one_that_was_used(tmp_path, monkeypatch):
    calls = watch(monkeypatch, "recommend_movies")
    made = publish(tmp_path / "films.duckdb")
    model = calls[0][1]
    saved = read_model(made.database)
    assert (saved.scoring, saved._fields) == (model.scoring, model._fields)
    for name, array in model._asdict().items():
        if name not in ("space", "scoring"):
            np.testing.assert_array_equal(getattr(saved, name), array, strict=True)
    for mine, array in zip(saved.space, model.space, strict=True):
        np.testing.assert_array_equal(mine, array, strict=True)


def test_two_tastes_become_two_clusters(article_tables):
    with connect_to_published(article_tables.build) as connection:
        found = rows(connection, "select user_id % 2, list(distinct cluster) from user_clusters group by 1")
    assert sorted(clusters for _, clusters in found) == [[0], [1]]


def test_users_of_small_clusters_are_marked_as_moved(tmp_path, monkeypatch):
    calls = watch(monkeypatch, "recommend_movies")
    ratings = [*two_tastes(), *((50, movie, 5.0) for movie in (8, *range(101, 110)))]
    made = publish(tmp_path / "films.duckdb", ratings, n_clusters=3, **ARTICLE | {"min_cluster_size": 3})
    [(_, _, fit, _, _)] = calls
    sample, groups = fit.sample, fit.groups
    found = groups.found.labels
    assert np.bincount(found).min() < 3 <= np.bincount(groups.clusters.labels).min()
    moved = sample.user_ids[np.bincount(found)[found] < 3].tolist()
    with connect_to_published(made.build) as connection:
        assert rows(connection, "select user_id from user_clusters where was_moved order by 1") == [(u,) for u in moved]
        grown = rows(connection, "select sum(n_users), sum(n_users_before_merge) from clusters")
        assert grown == [(len(found), len(found) - len(moved))]


def test_no_tastes_are_null_in_the_tables(article_tables):
    with connect_to_published(article_tables.build) as connection:
        assert rows(connection, "from user_clusters where taste is not null") == []
        assert rows(connection, "from overall_favourites where taste is not null") == []
        assert rows(connection, "from scoring") == [(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 16)]
        assert rows(connection, "from item_weights") == []
        assert rows(connection, "from interaction_rules") == [(4.0, 0.0, False)]


@pytest.mark.parametrize(
    ("ratings", "options"),
    [
        (two_tastes(), {"n_components": 0}),
        (two_tastes(), {"n_components": 0, "weighting": "none"}),
        ([(user, 1, 5.0) for user in range(1, 9)], {}),
        ([(1, movie, 5.0) for movie in range(1, 9)], {"min_cluster_size": 1}),
        ([(1, 1, 5.0)], {"min_cluster_size": 1}),
        ([(1, 1, 5.0), (2, 2, 4.0), (2, 1, 3.0)], {"min_cluster_size": 1}),
        ([(user, movie, 5.0) for user in range(1, 9) for movie in (1, 2, 3)], {"n_neighbours": "auto"}),
    ],
    ids=["no SVD", "no SVD, no weights", "one movie", "one user", "one rating", "two users", "all alike"],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_tables_of_unusual_ratings_pass_the_checks(tmp_path, ratings, options):
    made = publish(tmp_path / "films.duckdb", ratings, **options)
    with connect_to_published(made.database) as connection:
        for (user_id,) in rows(connection, "select user_id from user_clusters"):
            stored = rows(connection, "select rank, movie_id, score from recommendations where user_id = $1", user_id)
            assert sorted(stored) == rows(
                connection, "select rank, movie_id, score from recommend($1, n := 3)", user_id
            )


def test_types_are_small_and_plain(connection):
    types = dict(
        rows(connection, "select column_name, data_type from duckdb_columns() where table_name = 'recommendations'")
    )
    assert types == {
        "user_id": "INTEGER",
        "rank": "INTEGER",
        "movie_id": "INTEGER",
        "title": "VARCHAR",
        "cluster": "INTEGER",
        "score": "FLOAT",
        "cluster_score": "FLOAT",
        "item_score": "FLOAT",
        "because": "INTEGER[]",
    }


def test_elbow_has_a_row_for_every_number_tried_or_chosen(tmp_path):
    engine = DuckDBEngine(tmp_path / "build.duckdb")
    write_choices(engine, Elbow(np.array([9.0, 5.0, 4.0]), 2, 7), Choice(12, CLUSTERS_ALONE, {4: 0.1, 12: 0.2}, [], {}))
    with engine.connect() as connection:
        found = rows(connection, "select n_clusters, wcss, quality, is_elbow, is_chosen, is_fine from elbow")
    assert found == [
        (1, 9.0, None, False, False, False),
        (2, 5.0, None, True, False, False),
        (3, 4.0, None, False, False, False),
        (4, None, 0.1, False, False, False),
        (7, None, None, False, True, False),
        (12, None, 0.2, False, False, True),
    ]


def test_elbow_without_fine_clusters_says_that_the_clusters_serve_as_such(tmp_path):
    engine = DuckDBEngine(tmp_path / "build.duckdb")
    write_choices(engine, Elbow(np.array([9.0, 5.0]), 2, 2), Choice(0, CLUSTERS_ALONE, {}, [], {}))
    with engine.connect() as connection:
        assert rows(connection, "select n_clusters from elbow where is_fine") == [(2,)]


def test_a_run_records_its_options_versions_and_times(connection, good_tables):
    [(run_id, started_at, finished_at, schema_version, config, versions, metrics)] = rows(connection, "from runs")
    assert run_id == good_tables.run_id
    assert f"{started_at.replace(tzinfo=UTC):%Y%m%dT%H%M%S}" == run_id[:15]
    assert started_at <= finished_at
    assert schema_version == SCHEMA_VERSION
    assert json.loads(config) == good_tables.options.as_json()
    assert {"python", "cinecluster", "duckdb", "scikit-learn"} <= json.loads(versions).keys()
    assert json.loads(metrics)["seconds"] >= 0


def test_build_can_be_read_by_duckdb_1_5(connection):
    [(tags,)] = rows(connection, "select tags from duckdb_databases() where database_name = 'published'")
    assert tags["storage_version"].startswith("v1.5")
