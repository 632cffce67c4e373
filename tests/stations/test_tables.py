"""The tables of a run: what was computed is what is written."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from tasks.engine.duckdb import connect, connect_to_published
from tasks.favourites.overlay import add_views
from tasks.published.checks import check_tables
from tasks.published.publish import Build
from tasks.stations.tables import write_elbow
from tests.conftest import make_tables, rows, two_tastes


@pytest.fixture
def connection(good_build):
    """The build, opened for reading."""
    with connect_to_published(good_build.build.database) as connection:
        yield connection


def test_user_clusters_are_the_labels_and_weights(connection, good_build):
    made = good_build
    found = rows(
        connection,
        "select user_id, cluster, cluster_before_merge, fine_cluster, nearest_clusters, weights, taste "
        "from user_clusters order by user_id",
    )
    assert [row[0] for row in found] == made.incidence.user_ids.tolist()
    assert [row[1] for row in found] == made.clusters.labels.tolist()
    assert [row[2] for row in found] == made.found.labels.tolist()
    assert [row[3] for row in found] == made.fine.labels.tolist()
    assert [row[4] for row in found] == made.nearness.clusters.tolist()
    np.testing.assert_array_equal([row[5] for row in found], made.nearness.weights)
    np.testing.assert_array_equal([row[6] for row in found], made.tastes.users)


def test_two_tastes_become_two_clusters(article_build):
    with connect_to_published(article_build.build.database) as connection:
        found = rows(connection, "select user_id % 2, list(distinct cluster) from user_clusters group by 1")
    assert sorted(clusters for _, clusters in found) == [[0], [1]]


def test_users_of_small_clusters_are_marked_as_moved(tmp_path):
    ratings = [*two_tastes(), *((50, movie, 5.0) for movie in (8, *range(101, 110)))]
    build = Build("20260102T030405-abcd", datetime.now(UTC), tmp_path / "build.duckdb")
    made = make_tables(build, tmp_path / "none.duckdb", ratings, preset="article", n_clusters=3)
    assert np.bincount(made.found.labels).min() < 3 <= np.bincount(made.clusters.labels).min()
    sizes = np.bincount(made.found.labels)[made.found.labels]
    moved = made.incidence.user_ids[sizes < 3].tolist()
    with connect_to_published(build.database) as connection:
        assert rows(connection, "select user_id from user_clusters where was_moved order by 1") == [(u,) for u in moved]
        grown = rows(connection, "select sum(n_users), sum(n_users_before_merge) from clusters")
        assert grown == [(len(made.found.labels), len(made.found.labels) - len(moved))]


def test_recommendations_are_those_found_with_titles_and_the_users_cluster(connection, good_build):
    made, best = good_build, good_build.best
    found = rows(
        connection, "select user_id, rank, movie_id, score, cluster from recommendations order by user_id, rank"
    )
    assert [row[:4] for row in found] == list(
        zip(
            made.incidence.user_ids[best.user].tolist(),
            best.rank.tolist(),
            made.incidence.movie_ids[best.movie].tolist(),
            best.score.tolist(),
            strict=True,
        )
    )
    assert [row[4] for row in found] == made.clusters.labels[best.user].tolist()
    wrong = (
        "from recommendations join movies using (movie_id) where recommendations.title is distinct from movies.title"
    )
    assert rows(connection, wrong) == []


def test_no_tastes_are_null_in_the_tables(article_build):
    with connect_to_published(article_build.build.database) as connection:
        assert rows(connection, "from user_clusters where taste is not null") == []
        assert rows(connection, "from overall_favourites where taste is not null") == []
        assert rows(connection, "from scoring") == [(0.0, 0.0, 0.0)]


@pytest.mark.parametrize(
    ("ratings", "options"),
    [
        (two_tastes(), {"n_components": 0}),
        (two_tastes(), {"n_components": 0, "weighting": "none"}),
        ([(user, 1, 5.0) for user in range(1, 9)], {}),
        ([(1, movie, 5.0) for movie in range(1, 9)], {"min_cluster_size": 1}),
        ([(1, 1, 5.0)], {"min_cluster_size": 1}),
        ([(1, 1, 5.0), (2, 2, 4.0), (2, 1, 3.0)], {"min_cluster_size": 1}),
        ([(user, movie, 5.0) for user in range(1, 9) for movie in (1, 2, 3)], {"n_nearest_clusters": "auto"}),
    ],
    ids=["no SVD", "no SVD, no weights", "one movie", "one user", "one rating", "two users", "all alike"],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_tables_of_unusual_ratings_pass_the_checks(tmp_path, ratings, options):
    build = Build("20260102T030405-abcd", datetime.now(UTC), tmp_path / "build.duckdb")
    made = make_tables(build, tmp_path / "none.duckdb", ratings, **options)
    check_tables.fn(build.database, tmp_path / "none.duckdb", 3, made.config.min_cluster_size, 0.2)
    add_views.fn(build, tmp_path / "none.duckdb")
    with connect_to_published(build.database) as connection:
        for user_id in made.incidence.user_ids.tolist():
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
        "score": "DOUBLE",
    }


def test_elbow_has_a_row_for_every_number_tried_or_chosen(tmp_path):
    write_elbow.fn(tmp_path / "build.duckdb", np.array([9.0, 5.0, 4.0]), 2, 7, {4: 0.1, 12: 0.2}, 12)
    with connect(tmp_path / "build.duckdb") as connection:
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
    write_elbow.fn(tmp_path / "build.duckdb", np.array([9.0, 5.0]), 2, 2, {}, 0)
    with connect(tmp_path / "build.duckdb") as connection:
        assert rows(connection, "select n_clusters from elbow where is_fine") == [(2,)]


def test_a_run_records_its_options_versions_and_times(connection, good_build):
    [(run_id, started_at, finished_at, config, versions, metrics)] = rows(connection, "from runs")
    assert run_id == good_build.build.run_id
    assert started_at.replace(tzinfo=UTC) == good_build.build.started_at
    assert started_at <= finished_at
    assert json.loads(config) == good_build.config.model_dump(mode="json")
    assert {"python", "cinecluster", "duckdb", "scikit-learn"} <= json.loads(versions).keys()
    assert json.loads(metrics)["seconds"] >= 0


def test_build_can_be_read_by_duckdb_1_5(connection):
    [(tags,)] = rows(connection, "select tags from duckdb_databases() where not internal")
    assert tags["storage_version"].startswith("v1.5")
