"""Known recommenders to compare with; all learn from favourites and leave out the same movies.

ALS and the item-item neighbourhoods are those of the library ``implicit`` (extra ``peers``).
"""

import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import spotrf, spotri
from threadpoolctl import threadpool_limits

from tasks.blocks import Interactions, favourites_of
from tasks.model.rank import hide, pick_best
from tasks.model.types import Ranking

MOST_MOVIES_FOR_EASE = 20_000  # its matrix of movies x movies is 3.2 GB then
BLOCK_USERS = 1000


def grid(**settings: tuple[Any, ...]) -> tuple[dict[str, Any], ...]:
    """Return every combination of the settings."""
    return tuple(dict(zip(settings, values, strict=True)) for values in product(*settings.values()))


ALS_GRID = grid(factors=(32, 64), regularization=(10.0, 40.0), alpha=(2.0, 8.0)) + grid(
    factors=(32,), regularization=(0.01,), alpha=(1.0,)
)


class Baseline(NamedTuple):
    """A recommender and its grid of settings.

    recommend : takes the training part, the number of recommendations, and a setting.
    """

    name: str
    recommend: Callable[..., Ranking]
    grid: tuple[dict[str, Any], ...]


def popular(train: Interactions, top_n: int) -> Ranking:
    """Recommend the overall favourites."""
    likes = favourites_of(train)
    counts = np.bincount(likes.indices, minlength=likes.shape[1]).astype(np.float32)
    return best_of_scores(lambda users: np.tile(counts, (len(users), 1)), train, top_n)


def ease(train: Interactions, top_n: int, regularization: float) -> Ranking:
    """Recommend by EASE: scores X B, B the closed form of a ridge regression of each movie on the others.

    H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019.
    """
    likes = favourites_of(train)
    gram = (likes.T @ likes).toarray(order="F").astype(np.float32)
    gram[np.diag_indices_from(gram)] += regularization
    factor, _ = spotrf(gram, lower=True, overwrite_a=True)
    half, _ = spotri(factor, lower=True, overwrite_c=True)
    inverse = np.tril(half) + np.tril(half, -1).T
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return best_of_scores(lambda users: likes[users] @ weights, train, top_n)


def als(train: Interactions, top_n: int, **setting: Any) -> Ranking:
    """Recommend by implicit's alternating least squares."""
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(random_state=0, **setting)
    with threadpool_limits(1, "blas"):
        model.fit(favourites_of(train), show_progress=False)
    return best_of_scores(lambda users: model.user_factors[users] @ model.item_factors.T, train, top_n)


def cosine_items(train: Interactions, top_n: int, **setting: Any) -> Ranking:
    """Recommend by implicit's item-item neighbourhood with cosine similarity."""
    from implicit.nearest_neighbours import CosineRecommender

    return by_similar_items(CosineRecommender(**setting), train, top_n)


def bm25_items(train: Interactions, top_n: int, **setting: Any) -> Ranking:
    """Recommend by implicit's item-item neighbourhood with BM25 weights."""
    from implicit.nearest_neighbours import BM25Recommender

    return by_similar_items(BM25Recommender(**setting), train, top_n)


def by_similar_items(model: Any, train: Interactions, top_n: int) -> Ranking:
    """Train an item-item model of implicit and recommend by the similarities that it finds."""
    likes = favourites_of(train)
    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own weighting hands its own fit another form of matrix
        model.fit(likes, show_progress=False)
    return best_of_scores(lambda users: (likes[users] @ model.similarity).toarray(), train, top_n)


def best_of_scores(
    score: Callable[[NDArray[np.int64]], NDArray[np.float32]], train: Interactions, top_n: int
) -> Ranking:
    """Return the movies with the highest scores among those that the training part does not know of the user.

    ``score`` returns the scores of all movies, shape (n, n_movies), for the users that it is given.
    """
    parts = []
    for block in blocks_of(len(train.user_ids)):
        scores = np.array(score(block), dtype=np.float32)
        hide(scores, train.weights[block])
        user, place, movie, value = pick_best(scores, top_n)
        parts.append(Ranking(user + block[0].astype(np.int32), place, movie, value, value, np.zeros_like(value)))
    return Ranking(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def blocks_of(n_users: int) -> Iterator[NDArray[np.int64]]:
    """Yield the users from 0 in blocks."""
    for start in range(0, n_users, BLOCK_USERS):
        yield np.arange(start, min(n_users, start + BLOCK_USERS))


def known_baselines(n_movies: int) -> list[Baseline]:
    """Return the baselines that can run: those of implicit if it is installed, EASE if the movies are not too many."""
    baselines = []
    if find_spec("implicit"):
        baselines += [
            Baseline("implicit ALS", als, ALS_GRID),
            Baseline("implicit item-item cosine", cosine_items, grid(K=(50, 200))),
            Baseline("implicit item-item BM25", bm25_items, grid(K=(50, 200), K1=(0.2, 0.6))),
        ]
    if n_movies <= MOST_MOVIES_FOR_EASE:
        baselines.append(Baseline("EASE", ease, grid(regularization=(100.0, 400.0, 1600.0))))
    return baselines
