"""Looking a user up in the published tables."""

import duckdb
import pytest

from tasks.errors import CineclusterError
from tasks.published.read import connect_to_published, look_up
from tests.conftest import rows


def test_a_users_favourites_and_recommendations(good_tables):
    database = good_tables.database
    found = look_up(database, 3, 4)
    with connect_to_published(database) as connection:
        [(n,)] = rows(connection, "select count(*) from favourites where user_id = 3")
        liked = rows(connection, "select title from favourites join movies using (movie_id) where user_id = 3")
        stored = rows(connection, "select rank, title, score from recommendations where user_id = 3 order by rank")
    assert found.n_favourites == n > 4
    assert len(found.favourites) == 4
    assert {(movie.title,) for movie in found.favourites} <= set(liked)
    assert found.favourites[0].genres == ["Sci-Fi", "Action"]
    assert [(movie.rank, movie.title, movie.score) for movie in found.recommendations][:3] == stored
    assert [row[0] for row in found.recommendations] == [1, 2, 3, 4]


@pytest.mark.parametrize("user_id", [99, 424242])
def test_a_user_without_favourites_is_recommended_something_all_the_same(good_tables, user_id):
    found = look_up(good_tables.database, user_id, 6)
    assert (found.favourites, found.n_favourites) == ([], 0)
    assert len(found.recommendations) == 6


def test_a_missing_database_is_an_error_with_the_remedy(tmp_path):
    with pytest.raises(CineclusterError, match=r"none\.duckdb: no such database\. `cinecluster retrain` makes it"):
        look_up(tmp_path / "none.duckdb", 1, 5)
    assert not (tmp_path / "none.duckdb").exists()


def test_the_published_file_cannot_be_changed_or_used_to_read_others(good_tables):
    with connect_to_published(good_tables.database) as connection:
        for query in ("delete from movies", "from read_text('/etc/hostname')", "set enable_external_access = true"):
            with pytest.raises(duckdb.Error):
                connection.execute(query)
