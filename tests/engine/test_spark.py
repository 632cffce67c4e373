"""The engine on Spark: the same statements and the same retrain as on DuckDB, on Sail."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows import stations
from flows.retrain import retrain as flow
from tasks.engine.duckdb import DuckDBEngine, parameters_of
from tasks.favourites.log import HEADER, log_of
from tasks.model.types import Fit, ItemSettings, Model
from tasks.quality.strength import fit_for_all
from tasks.stations import recommender
from tests.conftest import copy_build
from tests.engine.spark_sessions import bounded_memory, needs_sail

pytestmark = needs_sail

NEVER_TRANSLATED = {
    "clusters": "Spark loses the order of lists, so it is in IN_DUCKDB",
    "drop_interactions": "the DuckDB file alone has it",
    "drop_movie_positions": "the DuckDB file alone has it",
    "recommendations": "makes an empty table in the DuckDB file",
    "user_clusters": "makes an empty table in the DuckDB file",
}
STATEMENTS = sorted(path.name.removesuffix(".sql") for path in files("sql").joinpath("model").iterdir())
PARAMETERS = {
    "min_rating": 4.0,
    "near_weight": 0.5,
    "exclude_seen": True,
    "first_movies": None,
    "first_users": None,
    "first": 5,
    "last": 90,
    "smoothing": 1.0,
    "taste_weight": 1.25,
    "item_weight": 0.5,
    "item_recency": 0.2,
    "rarity_power": 0.1,
    "trend_power": 0.1,
    "diversity": 0.0,
    "n_candidates": 2000,
}
LOG = """2026-01-02T03:04:05.600000Z,1,2,add
2026-01-02T03:04:06.400000Z,1,1,remove
2026-01-02T03:04:07.500000Z,442,318,add
2026-01-02T03:04:08.000000Z,1000,318,add
2026-01-02T03:04:08.000001Z,1000,296,add
"""  # user 442 has no favourite among the ratings, user 1000 has no rating
QUICK = {"max_clusters": 4, "n_clusters": 3, "n_fine_clusters": 20, "item_weight": 0.5}
COMPARED = """
    select count(*), count(*) filter (a.movie_id = b.movie_id), max(abs(a.score - b.score))
    from one.recommendations_retrained as a
    full join other.recommendations_retrained as b using (user_id, rank)
"""
ROWS = {  # what stations hand to statements, as the tables that come of it have it
    "elbow_rows": "select * exclude difference from elbow",
    "item_setting_rows": "select * rename (item_weight as weight, item_recency as recency) from item_settings",
    "item_weight_rows": "from item_weights",
    "logged_changes": "from favourites_log",
    "model_rows": "from model",
    "scored_movie_rows": "select movie_id, taste, boost from overall_favourites",
    "recommendation_rows": "select * exclude title from recommendations",
    "similar_movie_rows": "from similar_movies",
    "user_cluster_rows": "from user_clusters",
    "withheld_movie_rows": "from withheld_movies",
}


def retrain(real_data: Path, folder: Path, **options: Any) -> Path:
    """Run the retrain on ml-latest-small and return the published file, with the build before its views beside it."""
    database = folder / "films.duckdb"
    log_of(database).write_text(f"{HEADER}\n{LOG}", encoding="utf-8")
    places = {"source": real_data / "ml-latest-small", "database": database, "reports": folder / "reports"}
    (folder / "blocked.txt").write_text("318\n356\n", encoding="utf-8")
    flow.fn(**places, blocked=folder / "blocked.txt", **QUICK, **options)
    return database


class Built(NamedTuple):
    """A retrain on DuckDB: the build with all its tables, the published file, and what it learned."""

    build: Path
    published: Path
    fitted: tuple[Model, Fit]


@pytest.fixture(scope="module")
def built(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A retrain on DuckDB."""
    folder = tmp_path_factory.mktemp("duckdb")
    build = folder / "build.duckdb"
    keep = stations.check_tables

    def keep_build(engine: DuckDBEngine, *arguments: Any) -> None:
        copy_build(engine, build)
        keep(engine, *arguments)

    fitted = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stations, "check_tables", keep_build)
        patch.setattr(recommender, "fit_for_all", lambda *given: fitted.append(fit_for_all(*given)) or fitted[0])
        published = retrain(real_data, folder)
    with duckdb.connect(build) as connection:
        for name, query in ROWS.items():
            connection.execute(f"create table {name} as {query}")
    return Built(build, published, fitted[0])


@pytest.fixture(scope="module")
def spark(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An engine on Sail that takes its tables from that build."""
    from tasks.engine.sessions import open_session
    from tasks.engine.spark import SparkEngine

    with bounded_memory(), open_session("sail") as session:
        yield SparkEngine(session, str(tmp_path_factory.mktemp("work")), DuckDBEngine(built.build))


def test_what_is_not_translated_does_not_run_on_spark():
    from tasks.engine.dialect import parse
    from tasks.engine.spark import IN_DUCKDB

    assert set(NEVER_TRANSLATED) <= set(STATEMENTS)
    for name in NEVER_TRANSLATED:
        assert f"model/{name}" in IN_DUCKDB or parse(f"model/{name}").kind in ("drop", "empty")


def compare(spark: Any, name: str, values: dict[str, Any]) -> None:
    """Assert that a statement selects equal rows on both engines, of the same tables."""
    from tasks.engine.dialect import parse

    parsed = parse(f"model/{name}")
    on_spark = pl.DataFrame(spark.select(parsed, **values).toArrow())
    with spark.build.connect() as connection:
        used = {key: values[key] for key in parameters_of(f"model/{name}")}
        on_duckdb = connection.sql(parsed.query.sql("duckdb"), params=used).pl()
    assert len(on_duckdb) > 0
    keys = [column for column, kind in on_duckdb.schema.items() if not kind.is_nested()]
    assert_frame_equal(on_spark.sort(keys), on_duckdb.sort(keys), rel_tol=1e-12, abs_tol=0)


@pytest.mark.parametrize("name", [name for name in STATEMENTS if name not in NEVER_TRANSLATED])
def test_a_statement_has_equal_rows_on_both_engines(name, spark):
    compare(spark, name, PARAMETERS)


@pytest.mark.parametrize("first", [{"first_movies": 40}, {"first_users": 30}, {"first_movies": 40, "first_users": 30}])
def test_the_first_movies_and_users_are_the_same(first, spark):
    compare(spark, "favourites", PARAMETERS | first)


def count_widely(users):
    """The number of users, once and in an array larger than a message of Spark Connect."""
    return {"wide": np.full(17_000_000, len(users.user_ids)), "n": np.array([len(users.user_ids)])}


def test_sums_larger_than_a_message_of_spark_connect_come_back(spark):
    spark.store_blocks()
    found = spark.sum_blocks(count_widely)
    assert found["wide"].nbytes > 128 << 20
    assert found["wide"].min() == found["wide"].max() == found["n"][0] == sum(len(b.user_ids) for b in spark.blocks())


def test_the_whole_retrain_has_the_tables_of_duckdb(built, real_data, tmp_path, monkeypatch):
    def fit_again(*arguments: Any) -> tuple[Model, Fit, ItemSettings]:
        """Compare what is learned here, whose sums have another order, and go on with what was learned there."""
        for name, here, there in zip(Model._fields, fit_for_all(*arguments)[0], built.fitted[0], strict=True):
            if isinstance(here, np.ndarray):
                np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-6, err_msg=name)
        return built.fitted

    monkeypatch.setattr(recommender, "fit_for_all", fit_again)
    with bounded_memory():
        published = retrain(real_data, tmp_path, engine="spark", spark="sail", publish="parquet")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{built.published}' as one (read_only); attach '{published}' as other (read_only)")
        columns = "select table_name, column_name, data_type from duckdb_columns() where database_name = ?"
        one, other = (connection.execute(f"{columns} order by all", [name]).fetchall() for name in ("one", "other"))
        assert one == other
        for table in sorted({name for name, _, _ in one} - {"ratings_summary", "reports", "runs"} - views(connection)):
            frames = [connection.sql(f"from {name}.{table}").pl() for name in ("one", "other")]
            keys = [column for column, kind in frames[0].schema.items() if kind != pl.Binary and not kind.is_nested()]
            assert_frame_equal(*(frame.sort(keys) for frame in frames), rel_tol=1e-6, abs_tol=1e-6)
        [(n_rows, n_same, widest)] = connection.execute(COMPARED).fetchall()
    assert n_rows == 611 * 20
    assert n_same >= 0.999 * n_rows
    assert widest <= 1e-6
    assert not list(published.parent.glob(".*/build-*"))


def views(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the names of the views in both files, which read an overlay beside their own."""
    query = "select view_name from duckdb_views() where database_name = 'one'"
    return {name for (name,) in connection.execute(query).fetchall()}
