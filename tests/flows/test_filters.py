"""`cinecluster recommend` chooses among the movies that are asked for."""

import pytest

from flows.cli_read import recommend
from tasks.published.filters import Filters
from tasks.published.read import look_up


def test_the_options_are_the_filters_of_the_macro(good_tables, capsys):
    recommend(424242, n=3, genre=("Drama",), from_year=1962, to_year=1965, exclude=(13,), database=good_tables.database)
    shown = capsys.readouterr().out
    assert [movie for movie in range(1, 19) if f"Waltz {movie} " in shown] == [12, 14, 15]
    assert "Rocket" not in shown
    recommend(1, only=(424242,), database=good_tables.database)
    assert "No movie that is left for this user passes the filters." in capsys.readouterr().out


@pytest.mark.parametrize("user_id", [1, 2, 99])
def test_what_is_looked_up_passes_with_reasons(user_id, good_tables):
    [best, *_] = look_up(good_tables.database, user_id, 3, Filters(genres=("Drama",))).recommendations
    whole = look_up(good_tables.database, user_id, 16).recommendations
    [same] = [movie for movie in whole if movie.title == best.title]
    assert best == same._replace(rank=1)
