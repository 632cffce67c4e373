"""The rows that the pictures show."""

from tasks.engine.duckdb import run
from tasks.published.read import connect_to_published
from tests.conftest import rows


def test_top_movies_are_the_first_ranks_of_each_cluster(good_tables):
    with connect_to_published(good_tables.build) as connection:
        found = run(connection, "report/report_top_movies", n=3)
        names = dict(rows(connection, "select cluster, name from clusters"))
        best = rows(
            connection,
            "select title from cluster_movies join movies using (movie_id) where rank <= 3 order by cluster, rank",
        )
    assert [(row[0], row[3]) for row in found] == [(cluster, rank) for cluster in (0, 1) for rank in (1, 2, 3)]
    assert [row[1] for row in found] == [names[row[0]] for row in found]
    assert [(row[4],) for row in found] == best


def test_genres_are_those_of_every_cluster(good_tables):
    with connect_to_published(good_tables.build) as connection:
        found = run(connection, "report/report_genres")
        names = dict(rows(connection, "select cluster, name from clusters"))
        expected = rows(connection, "select cluster, genre, share, lift from cluster_genres order by cluster, genre")
    assert [(cluster, genre, *numbers) for cluster, _, genre, *numbers in found] == expected
    assert {cluster: name for cluster, name, *_ in found} == names
