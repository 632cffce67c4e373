"""Every check passes on good tables and shows the row that breaks its claim."""

import json
import shutil
from contextlib import nullcontext
from importlib.resources import files

import pytest

from tasks.errors import CineclusterError
from tasks.published.checks import check_claim
from tests.conftest import connect, publish

NO_COUNTS = {"n_ratings_before": 0, "n_favourites_before": 0, "n_users_with_favourites_before": 0}
GOOD = {"top_n": 3, "min_cluster_size": 3, "max_drop": 0.2, "max_quality_drop": 0.05} | NO_COUNTS
CLAIMS = {path.name.removesuffix(".sql"): path.read_text() for path in files("sql").joinpath("checks").iterdir()}


def fallen(change, low, high):
    """Return the statement that has the run remember how quality changed."""
    values = {"quality_change": change, "quality_change_low": low, "quality_change_high": high}
    return f"update runs set metrics = json_merge_patch(metrics, '{json.dumps(values)}')"  # noqa: S608


BROKEN = [
    (
        "cluster_counts_equal_a_recount",
        "update cluster_movies set n_users = n_users + 7 where cluster = 1 and movie_id = 13",
        {},
        "cluster=1, movie_id=13, n_users=",
    ),
    (
        "cluster_counts_equal_a_recount",
        "delete from cluster_movies where cluster = 0 and rank = 1",
        {},
        "n_users=None, n_users_recounted=",
    ),
    (
        "cluster_counts_equal_a_recount",
        "insert into cluster_movies values (1, 999, 4, 1, 1, 99)",
        {},
        "cluster=1, movie_id=999, n_users=4, n_users_recounted=None",
    ),
    (
        "cluster_counts_equal_a_recount",
        "update clusters set n_users = n_users + 1 where cluster = 1",
        {},
        "cluster=1, movie_id=None, n_users=",
    ),
    (
        "cluster_counts_equal_a_recount",
        "delete from clusters where cluster = 1",
        {},
        "cluster=1, movie_id=None, n_users=None, n_users_recounted=",
    ),
    ("clusters_have_the_minimum_size", "update clusters set n_users = 2 where cluster = 1", {}, "cluster=1, n_users=2"),
    ("every_movie_is_known", "delete from movies where movie_id = 13", {}, "table_name=favourites, movie_id=13"),
    (
        "every_movie_is_known",
        "update recommendations set movie_id = 777 where user_id = 5 and rank = 1",
        {},
        "table_name=recommendations, movie_id=777",
    ),
    *(
        (
            "every_movie_is_known",
            f"update {table} set movie_id = 777 where movie_id = 13",  # noqa: S608
            {},
            f"table_name={table}, movie_id=777",
        )
        for table in ("cluster_movies", "fine_cluster_movies", "overall_favourites")
    ),
    ("every_row_is_accounted_for", "update ratings_summary set n_rejected = 5", {}, "n_superseded=0, n_rejected=5"),
    (
        "every_user_with_a_cluster_has_recommendations",
        "delete from recommendations where user_id = 4 and rank = 3",
        {},
        "user_id=4, n_recommendations=2",
    ),
    (
        "every_user_with_a_cluster_has_recommendations",
        "delete from recommendations where user_id = 4",
        {},
        "user_id=4, n_recommendations=0",
    ),
    ("every_user_with_favourites_has_a_cluster", "delete from user_clusters where user_id = 6", {}, "user_id=6"),
    (
        "no_recommendation_is_seen",
        "update recommendations set movie_id = (select min(movie_id) from favourites where user_id = 7) "
        "where user_id = 7 and rank = 2",
        {},
        "user_id=7, rank=2, movie_id=",
    ),
    (
        "no_recommendation_is_seen",
        "update recommendations set movie_id = (select min(movie_id) from ratings where user_id = 2 and rating < 4) "
        "where user_id = 2 and rank = 1",
        {},
        "user_id=2, rank=1, movie_id=",
    ),
    (
        "no_recommendation_is_withheld",
        "insert into withheld_movies select movie_id, 'blocked' from recommendations where user_id = 5 and rank = 2",
        {},
        "user_id=5, rank=2, movie_id=",
    ),
    (
        "ranks_have_no_gaps",
        "update recommendations set rank = 4 where user_id = 8 and rank = 2",
        {},
        "user_id=8, n_recommendations=3, lowest_rank=1, highest_rank=4",
    ),
    (
        "ranks_have_no_gaps",
        "update recommendations set rank = rank - 1 where user_id = 8",
        {},
        "user_id=8, n_recommendations=3, lowest_rank=0, highest_rank=2",
    ),
    (
        "ranks_have_no_gaps",
        "update recommendations set rank = 1 where user_id = 8 and rank = 2",
        {},
        "user_id=8, n_recommendations=3, lowest_rank=1, highest_rank=3",
    ),
    ("row_counts_keep_up", "select 1", {"n_ratings_before": 1000}, "counted=ratings, n_rows="),
    ("row_counts_keep_up", "select 1", {"n_favourites_before": 1000}, "counted=favourites, n_rows="),
    (
        "row_counts_keep_up",
        "select 1",
        {"n_users_with_favourites_before": 26},
        "counted=users with favourites, n_rows=20, n_rows_before=26",
    ),
    ("quality_keeps_up", fallen(-0.2, -0.3, -0.0501), {}, "change=-0.2, change_low=-0.3, change_high=-0.05"),
]


def check(database, claim, parameters):
    """Check one claim."""
    with connect(database) as connection:
        check_claim(connection, claim, CLAIMS[claim], parameters)


def test_every_check_is_broken_here():
    assert {claim for claim, *_ in BROKEN} == set(CLAIMS)


@pytest.mark.parametrize("claim", sorted(CLAIMS))
@pytest.mark.parametrize("made", ["good_tables", "article_tables"])
def test_good_tables_pass(request, claim, made):
    check(request.getfixturevalue(made).build, claim, GOOD)


@pytest.mark.parametrize(("claim", "breaking", "parameters", "shown"), BROKEN)
def test_broken_tables_are_shown(good_tables, tmp_path, claim, breaking, parameters, shown):
    database = shutil.copy(good_tables.build, tmp_path / "broken.duckdb")
    with connect(database) as connection:
        connection.execute(breaking)
    with pytest.raises(CineclusterError) as error:
        check(database, claim, GOOD | parameters)
    assert f"Check failed: {claim.replace('_', ' ')}." in str(error.value)
    assert shown in str(error.value)


def test_a_failed_check_says_what_was_allowed(good_tables):
    with pytest.raises(CineclusterError, match=r"lost more than the share 0.2 \(--max-drop\) of the rows"):
        check(good_tables.build, "row_counts_keep_up", GOOD | {"n_ratings_before": 1000})


def test_recommendations_may_be_fewer_where_no_more_movies_are_left(good_tables):
    """Asked for 1,000 of 16 movies, nobody can have them all; and a part of those that are left is too few."""
    claim = "every_user_with_a_cluster_has_recommendations"
    with pytest.raises(CineclusterError, match="n_recommendations=3"):
        check(good_tables.build, claim, GOOD | {"top_n": 1000})


def test_all_movies_that_are_left_are_enough(tmp_path):
    made = publish(tmp_path / "films.duckdb", top_n=50)
    check(made.build, "every_user_with_a_cluster_has_recommendations", GOOD | {"top_n": 50})


def test_row_counts_may_fall_by_as_much_as_max_drop(good_tables):
    database = good_tables.build
    check(database, "row_counts_keep_up", GOOD | {"n_users_with_favourites_before": 25})
    check(database, "row_counts_keep_up", GOOD | {"n_users_with_favourites_before": 1000, "max_drop": 1.0})
    with pytest.raises(CineclusterError):
        check(database, "row_counts_keep_up", GOOD | {"n_users_with_favourites_before": 21, "max_drop": 0.0})


@pytest.mark.parametrize(
    ("high", "max_quality_drop", "fails"),
    [(-0.0501, 0.05, True), (-0.0499, 0.05, False), (0.01, 0.0, False), (-0.01, 0.0, True), (-1.0, 1.0, False)],
)
def test_quality_may_fall_by_as_much_as_max_quality_drop(good_tables, tmp_path, high, max_quality_drop, fails):
    database = shutil.copy(good_tables.build, tmp_path / "fallen.duckdb")
    with connect(database) as connection:
        connection.execute(fallen(-1.0, -1.0, high))
    options = GOOD | {"max_quality_drop": max_quality_drop}
    with pytest.raises(CineclusterError, match="run once with --max-quality-drop 1") if fails else nullcontext():
        check(database, "quality_keeps_up", options)
