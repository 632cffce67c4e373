"""Counts in words."""

import pytest

from tasks.text import plural, tables_in_words


@pytest.mark.parametrize(("count", "words"), [(0, "0 clusters"), (1, "1 cluster"), (1200, "1,200 clusters")])
def test_one_is_not_many(count, words):
    assert plural(count, "cluster") == words


def test_tables_and_their_rows_are_counted():
    assert tables_in_words({"users": 1}) == "1 table, 1 row"
    assert tables_in_words({"users": 1000, "movies": 200}) == "2 tables, 1,200 rows"
