"""Why movies are recommended: against a slow loop over users, movies and favourites."""

import numpy as np
import pytest

from tasks.model.rank import rank, rounded
from tasks.model.reasons import BLOCK_USERS, reasons
from tests.model.builders import UNSEEN, from_incidence, interactions_of
from tests.model.test_rank import age_of, model_of, placement_of


def reasons_in_a_loop(users, best, model, recency):
    """Word for word as the docstring of `reasons` has it."""
    dense, ages, n_items = users.weights.toarray(), age_of(users), len(model.items)
    found = []
    for user, movie in zip(best.user, best.movie, strict=True):
        values = {}
        for column in np.flatnonzero(dense[user] == 1):
            if movie < n_items:
                age = np.float32(ages[user, column])
                discount = 1 - np.float32(recency) * (age / (2 + age))
                values[column] = discount * model.items[column, movie] if column < n_items else 0
            elif model.tastes.shape[1] and max(movie, column) < len(model.tastes):
                values[column] = model.tastes[column].astype(float) @ model.tastes[movie].astype(float)
        near = {column: rounded(np.array([value], np.float32))[0] for column, value in values.items() if value > 0}
        found.append(sorted(near, key=lambda column: (-near[column], column))[:3])
    return found


def lists_of(found):
    return [row[row >= 0].tolist() for row in found]


@pytest.mark.parametrize(
    ("n_items", "n_tastes", "recency"), [(9, 3, 0.5), (9, 0, 0.0), (0, 3, 0.0), (0, 0, 0.0), (14, 2, 0.3)]
)
@pytest.mark.parametrize("n_users", [1, 40, BLOCK_USERS + 5])
def test_reasons_are_those_of_a_loop(n_users, n_items, n_tastes, recency):
    rng = np.random.default_rng(n_users + n_items)
    n_candidates, n_movies = 14, 20
    dense = rng.choice([UNSEEN, 0, 0.5, 1], (n_users, n_movies), p=[0.6, 0.05, 0.1, 0.25])
    users = interactions_of(dense, rng.integers(1, 9, (~np.isnan(dense)).sum()))
    tastes = rng.normal(size=(n_candidates, n_tastes)).astype(np.float32)
    items = rng.normal(size=(n_items, n_items)).astype(np.float32).round(1)
    shares = rng.random((2, n_candidates))
    model = model_of(shares, n_movies, tastes, items, item_recency=recency, exclude_seen=False)
    of_users = rng.normal(size=(n_users, n_tastes)).astype(np.float32)
    best = rank(users, placement_of(np.zeros((n_users, 1)), np.ones((n_users, 1)), of_users), model, 8)
    found = reasons(users, best, model)
    assert (found.shape, found.dtype) == ((len(best.user), 3), np.int32)
    assert lists_of(found) == reasons_in_a_loop(users, best, model, recency)


def test_near_favourites_and_what_speaks_against_a_movie_are_no_reasons():
    items = np.zeros((5, 5), dtype=np.float32)
    items[:4, 4] = [0.5, 0.9, -0.1, 0.7]
    users = interactions_of([[1, 0.5, 1, 1, UNSEEN], [UNSEEN, 0.5, 1, UNSEEN, UNSEEN]])
    best = rank(users, placement_of([[0], [0]], [[1], [1]]), model_of(np.full((1, 5), 0.1), 5, items=items), 1)
    assert best.movie.tolist() == [4, 4]
    assert lists_of(reasons(users, best, model_of(np.full((1, 5), 0.1), 5, items=items))) == [[3, 0], []]


def test_the_lower_column_comes_first_where_favourites_add_the_same():
    items = np.full((5, 5), 0.25, dtype=np.float32)
    items[2, 4] += np.spacing(np.float32(0.25))
    model = model_of(np.full((1, 5), 0.1), 5, items=items)
    users = from_incidence([[1, 1, 1, 1, 0]])
    best = rank(users, placement_of([[0]], [[1]]), model, 1)
    assert lists_of(reasons(users, best, model)) == [[0, 1, 2]]


def test_later_favourites_count_more():
    items = np.full((4, 4), 0.25, dtype=np.float32)
    model = model_of(np.full((1, 4), 0.1), 4, items=items, item_recency=0.5)
    users = interactions_of([[1, 1, 1, UNSEEN]], [10, 30, 20])
    best = rank(users, placement_of([[0]], [[1]]), model, 1)
    assert lists_of(reasons(users, best, model)) == [[1, 2, 0]]
