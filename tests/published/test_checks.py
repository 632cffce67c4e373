"""The checks of a build before it is published."""

import shutil
from importlib.resources import files

import pytest

from tasks.engine.duckdb import DuckDBEngine
from tasks.errors import CineclusterError
from tasks.published.checks import CheckOptions, check_claim, check_tables, counts_before
from tests.conftest import connect

OPTIONS = CheckOptions(top_n=3, min_cluster_size=3, max_drop=0.2, max_quality_drop=0.05)


def check(build, published, **options):
    """Check a build."""
    return check_tables(DuckDBEngine(build), published, OPTIONS._replace(**options))


def test_all_claims_hold_for_a_good_build(good_tables, tmp_path):
    claims = check(good_tables.build, tmp_path / "none.duckdb")
    assert claims == sorted(path.name.removesuffix(".sql") for path in files("sql").joinpath("checks").iterdir())


def test_the_first_claim_that_does_not_hold_stops_the_run(good_tables, tmp_path):
    with pytest.raises(
        CineclusterError, match=r"clusters have the minimum size.*stay as they are.*cluster=0, n_users="
    ):
        check(good_tables.build, tmp_path / "none.duckdb", min_cluster_size=1000)


def test_row_counts_are_compared_with_the_published_file(good_tables, tmp_path):
    published = shutil.copy(good_tables.build, tmp_path / "published.duckdb")
    assert counts_before(published)["n_users_with_favourites_before"] == 20
    with connect(published) as connection:
        connection.execute("update ratings_summary set n_users_with_favourites = 30")
    with pytest.raises(CineclusterError, match="counted=users with favourites, n_rows=20, n_rows_before=30"):
        check(good_tables.build, published)
    check(good_tables.build, published, max_drop=0.5)


def test_nothing_published_compares_with_nothing(tmp_path):
    assert set(counts_before(tmp_path / "none.duckdb").values()) == {0}


def test_five_rows_are_shown_of_many_and_all_is_one_line(memory):
    with pytest.raises(CineclusterError) as error:
        check_claim(memory, "no_numbers_at_all", "-- No numbers.\nselect range as number from range(1000)", {})
    assert str(error.value) == (
        "Check failed: no numbers at all. No numbers. The published tables stay as they are. First rows: "
        "number=0; number=1; number=2; number=3; number=4"
    )
