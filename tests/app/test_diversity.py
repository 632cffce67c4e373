"""With diversity, tables, macro and server have one list."""

import pytest

from tasks.app.store import Store
from tasks.favourites.change import change_favourites
from tasks.published.filters import Filters
from tests.app.conftest import asked
from tests.app.test_recommend import listed, same
from tests.conftest import Made, publish


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return publish(tmp_path_factory.mktemp("diverse") / "films.duckdb", diversity=0.7)


def test_a_server_says_what_the_macro_does(made, good_tables):
    change_favourites(made.database, [(7, 11), (700, 3)])
    store, plain = Store(made.database), Store(good_tables.database)
    query = "select movie_id, score from recommend($1, n := $2, genres := $3)"
    moved = 0
    for user_id in [*plain.tables.lists.users.tolist(), 99, 700]:
        for n, genres in ((2, ()), (3, ()), (16, ()), (16, ("Drama",))):
            expected = asked(store, query, user_id, n, list(genres))
            assert same(listed(store, user_id, n, Filters(genres=genres)), expected), (user_id, n)
        moved += listed(store, user_id, 3) != listed(plain, user_id, 3)
    assert moved > 10
    assert asked(store, "select diversity from scoring") == [(0.7,)]
