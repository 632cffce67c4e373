"""similar_to, similar_users and popular: who and what is near, as of now."""

import shutil

import pytest

from tasks.favourites.change import change_favourites
from tasks.published.read import connect_to_published
from tests.conftest import rows


@pytest.fixture(params=["good_tables", "article_tables"])
def connection(request):
    """As readers open the published file."""
    with connect_to_published(request.getfixturevalue(request.param).database) as connection:
        yield connection


def test_similar_movies_come_from_the_table_with_titles(connection):
    for (movie_id,) in rows(connection, "select movie_id from movies"):
        found = rows(connection, "select rank, movie_id, title, similarity from similar_to($1, n := 5)", movie_id)
        stored = rows(
            connection,
            "select s.rank, movies.movie_id, title, similarity from similar_movies s join movies "
            "on movies.movie_id = s.similar_movie_id where s.movie_id = $1 and s.rank <= 5 order by s.rank",
            movie_id,
        )
        assert found == stored
        near = [other for _, other, _, _ in found[:3]]
        assert sum((other < 10) == (movie_id < 10) for other in near) >= 2, "two tastes, and little in common"
    assert rows(connection, "from similar_to(424242)") == []


def test_similar_users_are_the_nearest_by_taste(good_tables, article_tables):
    with connect_to_published(good_tables.database) as connection:
        found = rows(connection, "select rank, user_id, similarity from similar_users(1, n := 4)")
        assert [rank for rank, _, _ in found] == [1, 2, 3, 4]
        assert all(user_id % 2 == 1 and user_id != 1 for _, user_id, _ in found)
        nearness = [how for _, _, how in found]
        assert nearness == sorted(nearness, reverse=True)
        assert rows(connection, "from similar_users(424242)") == []
        assert len(rows(connection, "from similar_users(1, n := 1000)")) == 19
    with connect_to_published(article_tables.database) as connection:
        assert rows(connection, "from similar_users(1)") == [], "the article has no tastes"


def test_popular_movies_are_counted_since_a_moment_and_now(good_tables, tmp_path):
    database = shutil.copy(good_tables.database, tmp_path / "copy.duckdb")
    change_favourites(database, [(user_id, 18) for user_id in (1, 3, 700)] + [(1, 17)])
    with connect_to_published(database) as connection:
        always = rows(connection, "select movie_id, n_favourites from popular(timestamp '1970-01-01', n := 100)")
        counts = "select movie_id, n_users from overall_favourites order by rank"
        assert always == rows(connection, counts)
        lately = rows(connection, "select rank, movie_id, title, n_favourites from popular('2000-01-01'::timestamp)")
        assert lately == [(1, 18, "Waltz 18 (1968)", 3), (2, 17, "Waltz 17 (1967)", 1)]
