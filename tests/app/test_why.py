"""Reasons: what the model says of pairs of movies."""

import numpy as np

from tasks.app.recommend import recommend_to
from tasks.app.why import because
from tests.app.conftest import asked


def test_reasons_are_own_favourites_that_speak_most(store):
    has_any = False
    for user_id in (1, 2, 3):
        tables, person = store.person(user_id)
        found = recommend_to(tables, person, 5)
        for reasons in because(tables, person, found.movies):
            has_any |= bool(reasons)
            assert len(reasons) <= 3
            assert {int(tables.movies.ids[reason]) for reason in reasons} <= set(person.favourites)
    assert has_any == bool(len(store.tables.model.items) or store.tables.model.tastes.shape[1])


def test_reasons_are_those_of_the_tables(store):
    for user_id in (1, 2, 3):
        tables, person = store.person(user_id)
        rows = asked(store, "select movie_id, because, user_id from recommendations")
        for movie_id, wanted in (row[:2] for row in rows if row[2] == user_id):
            [found] = because(tables, person, np.array([tables.movies.position(movie_id)], dtype=np.int32))
            assert [int(tables.movies.ids[reason]) for reason in found] == wanted


def test_the_macro_gives_the_same_reasons_for_what_is_not_stored(store):
    for (user_id,) in asked(store, "select distinct user_id from favourites order by user_id limit 40"):
        tables, person = store.person(user_id)
        found = recommend_to(tables, person, 30)
        expected = [[tables.movies.titles[reason] for reason in each] for each in because(tables, person, found.movies)]
        rows = asked(store, "select movie_id, because from why($1, n := 30)", user_id)
        reasons = dict(rows)
        assert len(rows) > 3, "three are stored"
        for movie, titles in zip(tables.movies.ids[found.movies].tolist(), expected, strict=True):
            assert reasons[movie] == titles, (user_id, movie)
