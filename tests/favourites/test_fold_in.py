"""Users between retrains: placed and ranked by the model that the tables were made with."""

import numpy as np
import polars as pl
import pytest

from tasks.engine.duckdb import run
from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.favourites.fold_in import SCHEMA, interactions_now, load_model, place_new_users, recommend_again
from tasks.published.read import connect_to_published
from tests.conftest import ARTICLE, publish, rows, two_tastes


@pytest.fixture(scope="module", params=["default", "article"])
def made(request, tmp_path_factory):
    """A retrain of `two_tastes`, to which favourites may be added."""
    options = ARTICLE if request.param == "article" else {}
    return publish(tmp_path_factory.mktemp(request.param) / "films.duckdb", two_tastes(40), **options)


@pytest.fixture
def connection(made):
    """The published tables."""
    with connect_to_published(made.database) as connection:
        yield connection


def users_in(connection):
    return [user for (user,) in rows(connection, "select user_id from user_clusters order by 1")]


def call_new(connection, users):
    """Make the table ``changed_users`` in which all of these are new."""
    connection.register("new_ones", pl.DataFrame({"user_id": users}, {"user_id": pl.Int32}))
    connection.execute("create or replace temp table changed_users as select user_id, true as is_new from new_ones")


def test_recommending_again_without_any_change_says_what_the_retrain_said(made, connection):
    model = load_model(connection, made.database)
    users = users_in(connection)
    again = recommend_again(connection, users, model, top_n=3)
    stored = rows(
        connection,
        "select user_id, any_value(cluster), list(movie_id order by rank), list(score order by rank), "
        "list(item_score order by rank), list(because order by rank) "
        "from recommendations group by user_id order by user_id",
    )
    assert len(stored) == len(users) == 40
    as_floats = [np.float32(row["scores"]).tolist() for row in again]
    assert [(row["user_id"], row["cluster"], row["movie_ids"]) for row in again] == [row[:3] for row in stored]
    assert as_floats == [row[3] for row in stored]
    assert [np.float32(row["item_scores"]).tolist() for row in again] == [row[4] for row in stored]
    assert [row["because"] for row in again] == [row[5] for row in stored]


def test_a_user_without_a_cluster_is_recommended_nothing_here(made, connection):
    model = load_model(connection, made.database)
    [nobody, somebody] = recommend_again(connection, [99, 1], model, 3)
    nothing = {"movie_ids": [], "scores": [], "item_scores": [], "because": []}
    assert nobody == {"user_id": 99, "cluster": None} | nothing
    assert len(somebody["movie_ids"]) == 3
    assert recommend_again(connection, [], model, 3) == []


def test_users_of_the_retrain_would_be_placed_where_they_are(made, connection):
    """k-means puts users where the nearest centroid is, so folding all of them in anew puts nearly all there."""
    model = load_model(connection, made.database)
    call_new(connection, users_in(connection))
    placed = place_new_users(connection, model)
    assert placed.schema == pl.Schema(SCHEMA)
    stored = connection.sql("from user_clusters order by user_id").pl()
    assert placed["user_id"].to_list() == stored["user_id"].to_list()
    same = [(placed[name] == stored[name]).mean() for name in ("cluster", "fine_cluster")]
    assert min(same) >= 0.95
    weights = np.array(placed["weights"].to_list())
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    assert (np.diff(weights, axis=1) <= 0).all(), "nearest first"


def test_only_new_users_are_placed(made, connection):
    model = load_model(connection, made.database)
    connection.execute("create or replace temp table changed_users as select 1 as user_id, false as is_new")
    none = place_new_users(connection, model)
    assert (len(none), none.schema) == (0, pl.Schema(SCHEMA))


def test_where_a_user_is_placed_does_not_depend_on_who_else_is_new(made, connection):
    model = load_model(connection, made.database)
    call_new(connection, [1, 2, 3, 4])
    together = place_new_users(connection, model)
    for user in (1, 2, 3, 4):
        call_new(connection, [user])
        assert place_new_users(connection, model).rows() == together.filter(pl.col("user_id") == user).rows()


def test_interactions_of_now_are_in_the_columns_of_the_model(made):
    change_favourites(made.database, [(7, 11), (700, 3)])
    change_favourites(made.database, [(7, 1)], remove=True)
    with connect_to_published(made.database) as connection:
        model = load_model(connection, made.database)
        now = interactions_now(connection, np.array([7, 700], dtype=np.int32), model)
        liked = rows(connection, "select movie_id from favourites where user_id = 7 order by 1")
        rated = rows(connection, "select movie_id from ratings where user_id = 7")
    entries = now.weights.toarray()
    assert sorted(model.movie_ids[entries[0] == 1].tolist()) == [movie for (movie,) in liked]
    assert {11} <= {movie for (movie,) in liked} and 1 not in {movie for (movie,) in liked}
    assert now.weights[[0]].nnz == len({movie for (movie,) in rated} | {11}), "what was taken back is still seen"
    assert model.movie_ids[entries[1] > 0].tolist() == [3]


def test_a_model_that_is_none_is_an_error_that_names_the_file(memory, tmp_path):
    memory.register("model_rows", pl.DataFrame({"name": ["x"], "dtype": ["object"], "n_rows": [1], "n_columns": [0],
                                                "is_matrix": [False], "content": [b"1"]}))  # fmt: skip
    run(memory, "model/model")
    with pytest.raises(CineclusterError, match=r"films\.duckdb: its model cannot be read: .*retrain` once"):
        load_model(memory, tmp_path / "films.duckdb")
