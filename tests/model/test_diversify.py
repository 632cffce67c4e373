"""Diversity: movies one after the other by score and by how unlike those before they are."""

import numpy as np
import pytest

from flows.config import RetrainOptions
from tasks.model import diversify
from tasks.model.fit import fit_in_memory
from tasks.model.neighbours import place
from tasks.model.rank import rank
from tasks.quality.item_search import USUAL
from tests.quality.made import OPTIONS, make_users

TOP = 6


@pytest.fixture(scope="module")
def fitted():
    """A model of users, these in its columns, and their places."""
    model, fit = fit_in_memory(make_users(n_users=60), 6, OPTIONS, USUAL)
    return model, fit.sample, place(fit.sample, model)


def diverse(model, diversity):
    return model._replace(scoring=model.scoring._replace(diversity=diversity, top_n=TOP))


def by_hand(movies, scores, tastes, diversity):
    """One user's movies, the first six chosen one after the other."""
    left, chosen = list(range(len(movies))), []
    while len(chosen) < min(TOP, len(movies)):
        likeness = [max((float(tastes[movies[i]] @ tastes[movies[j]]) for j in chosen), default=0.0) for i in left]
        values = [
            round((1 - diversity) * float(scores[i]) / float(scores[0]) - diversity * like, 5)
            for i, like in zip(left, likeness, strict=True)
        ]
        chosen.append(left.pop(int(np.argmax(values))))
    return [movies[i] for i in chosen + left]


@pytest.mark.parametrize("diversity", [0.2, 0.5, 1.0])
def test_movies_are_chosen_as_by_hand(diversity, fitted, monkeypatch):
    monkeypatch.setattr(diversify, "POOL", 20)
    monkeypatch.setattr("tasks.model.rank.POOL", 20)
    monkeypatch.setattr(diversify, "BLOCK_USERS", 7)
    model, users, where = fitted
    plain, found = rank(users, where, model, 40), rank(users, where, diverse(model, diversity), 40)
    tastes = model.tastes.astype(np.float64)
    for user in range(len(users.user_ids)):
        mine, now = plain.user == user, found.user == user
        movies = plain.movie[mine].tolist()
        expected = by_hand(movies[:20], plain.score[mine][:20], tastes, diversity) + movies[20:]
        assert found.movie[now].tolist() == expected
        assert found.rank[now].tolist() == list(range(1, len(expected) + 1))
        score_of = dict(zip(movies, plain.score[mine].tolist(), strict=True))
        assert found.score[now].tolist() == [score_of[movie] for movie in expected]


def test_a_short_list_is_the_beginning_of_a_long_one(fitted):
    model, users, where = fitted
    short, long = (rank(users, where, diverse(model, 0.4), n) for n in (3, 30))
    assert short.movie.tolist() == long.movie[long.rank <= 3].tolist()


def test_lists_are_less_alike_the_more_diversity_and_the_best_movie_stays(fitted):
    model, users, where = fitted
    tastes = model.tastes.astype(np.float64)
    likeness = []
    for diversity in (0.0, 0.3, 0.9):
        found = rank(users, where, diverse(model, diversity), TOP)
        lists = tastes[found.movie].reshape(len(users.user_ids), TOP, -1)
        likeness.append(np.einsum("uid,ujd->", lists, lists))
        assert (found.movie[found.rank == 1] == rank(users, where, model, 1).movie).all()
    assert likeness[0] > likeness[1] > likeness[2]


@pytest.mark.parametrize("options", [{"preset": "article"}, {"n_components": 0}, {"taste_weight": 0}])
def test_diversity_without_tastes_is_refused(options):
    with pytest.raises(ValueError, match="needs tastes: not with --preset article, --n-components 0 or --taste-weight"):
        RetrainOptions(diversity=0.3, **options)
    assert RetrainOptions(diversity=0.3).model.diversity == 0.3
