"""Reasons and similar movies: what the model says of pairs of movies."""

import numpy as np

from tasks.app.recommend import recommend_to
from tasks.app.why import because, similar
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


def test_similar_movies_come_by_how_much_one_speaks_for_them(store):
    tables = store.tables
    for (movie_id,) in asked(store, "select movie_id from movies"):
        position = tables.movies.position(movie_id)
        found = similar(tables, position, 5)
        assert position not in [other for other, _ in found]
        assert [how for _, how in found] == sorted((how for _, how in found), reverse=True)
        assert all(how > 0 for _, how in found)
    by_model = len(tables.model.items) or tables.model.tastes.shape[1]
    assert bool(similar(tables, tables.movies.position(1), 5)) == bool(by_model)
    if by_model:  # two tastes, and nothing in common
        near = [int(tables.movies.ids[other]) for other, _ in similar(tables, tables.movies.position(1), 3)]
        assert sum(movie < 10 for movie in near) >= 2
