"""Why movies are recommended, in the published tables and between retrains."""

import pytest

from tasks.engine.duckdb import run
from tasks.favourites.change import change_favourites
from tasks.published.read import connect_to_published, look_up
from tests.conftest import publish, rows, two_tastes

FEW = """
    create table movies as
    select i::integer as movie_id, 'Movie ' || i as title, ['Drama'] as genres from range(1, 8) as t(i);
    create table clusters as from (values (0, 'Drama: Movie 1'), (1, 'everybody')) as t(cluster, name);
    create table recommendations as
    from (values
        (1, 1, 4, 0, 0.5::float, [3, 1, 2]),
        (1, 2, 5, 0, 0.0::float, [2]),
        (1, 3, 6, 0, -0.1::float, []::integer[]),
        (2, 1, 4, 1, 0.5::float, [7])
    ) as t(user_id, rank, movie_id, cluster, cluster_score, because);
    create table favourites as
    from (values (1, 1, '2020-01-03'::timestamp), (1, 2, '2020-01-02'), (1, 3, '2020-01-01'), (2, 7, null))
        as t(user_id, movie_id, rated_at);
    create table ratings as
    from (values (1, 1, 5.0, '2020-01-03'::timestamp), (1, 6, 3.5, '2020-01-04'))
        as t(user_id, movie_id, rating, rated_at);
    create table overall_favourites_retrained as
    select i::integer as movie_id, i as rank, [0.6, 0.8]::float[] as taste from range(1, 8) as t(i);
    create table item_weights as
    select i::integer as movie_id, [0, 0, 0, 0, 0, 0, w]::float[] as weights
    from (values (1, 0.2), (2, -0.1), (3, 0.3), (4, 0), (5, 0), (6, 0.9), (7, 0)) as t(i, w);
    create table scoring as select 7 as n_candidates, 0.5 as item_weight, 1.0 as item_recency;
    create table interaction_rules as select 4.0 as min_rating, 0.5 as near_weight;
    create macro recommend(
        user_id, n := 20, genres := null, from_year := null, to_year := null, exclude := null, among := null
    ) as table
    select r.rank, r.movie_id, title, movies.genres, 1.0 as score
    from (
        select rank, movie_id from recommendations as s where s.user_id = user_id union all select 4, 7
    ) as r inner join movies using (movie_id)
    where r.rank <= n
"""


def test_what_is_not_stored_has_the_favourites_that_add_most(memory):
    memory.execute(FEW)
    run(memory, "views/why")
    why_7 = "select because, cluster_name from why(1) where movie_id = 7"
    assert rows(memory, why_7) == [(["Movie 1", "Movie 3"], "Drama: Movie 1")], "0.2 / 2 and 0.3 / 4, 6 is no favourite"
    memory.execute("update scoring set item_weight = 1")
    assert rows(memory, why_7) == [(["Movie 1", "Movie 3"], None)], "the clusters add nothing"
    memory.execute("delete from item_weights")
    assert rows(memory, why_7) == [(["Movie 1", "Movie 2", "Movie 3"], None)], "all have the same taste"
    memory.execute("update scoring set n_candidates = 6")
    assert rows(memory, why_7) == [([], None)]


def test_titles_are_in_the_order_of_the_ids_and_clusters_are_named_where_they_add_to_the_score(memory):
    memory.execute(FEW)
    run(memory, "views/why")
    found = rows(memory, "select rank, movie_id, because, cluster_name from why(1)")
    assert found == [
        (1, 4, ["Movie 3", "Movie 1", "Movie 2"], "Drama: Movie 1"),
        (2, 5, ["Movie 2"], None),
        (3, 6, [], None),
        (4, 7, ["Movie 1", "Movie 3"], "Drama: Movie 1"),
    ]
    assert rows(memory, "select because, cluster_name from why(2, n := 1)") == [(["Movie 7"], "everybody")]
    assert rows(memory, "select rank from why(1, n := 2)") == [(1,), (2,)]
    assert rows(memory, "select movie_id, because, cluster_name from why(99)") == [(7, [], None)]


@pytest.fixture
def made(tmp_path):
    """A retrain with an item model, to which favourites may be added."""
    return publish(tmp_path / "films.duckdb", two_tastes(40), item_weight=0.5)


def test_reasons_are_favourites_of_the_user(made):
    with connect_to_published(made.database) as connection:
        others = "select user_id, unnest(because) as movie_id from recommendations"
        assert rows(connection, f"from ({others}) anti join favourites using (user_id, movie_id)") == []
        assert rows(connection, "select max(len(because)) from recommendations") == [(3,)]
        recommended = rows(connection, "select rank, movie_id, title, genres, score from recommend(3, n := 30)")
        assert rows(connection, "select rank, movie_id, title, genres, score from why(3, n := 30)") == recommended


def test_reasons_follow_the_favourites_of_now(made):
    change_favourites(made.database, [(700, 3)])
    with connect_to_published(made.database) as connection:
        found = rows(connection, "select distinct unnest(because) from recommendations where user_id = 700")
        assert found == [(3,)]
        [(title,)] = rows(connection, "select title from movies where movie_id = 3")
        assert [title] in [because for (because,) in rows(connection, "select because from why(700)")]
    change_favourites(made.database, [(700, 3)], remove=True)
    assert {tuple(movie.because) for movie in look_up(made.database, 700, 5).recommendations} == {()}
