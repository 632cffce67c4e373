"""Lists that hold more than one kind of movie: re-ranked by score and by how unlike each movie is to those before it.

This is maximal marginal relevance (J. Carbonell and J. Goldstein, "The Use of MMR, Diversity-Based Reranking for
Reordering Documents and Producing Summaries", SIGIR 1998), with the cosine of tastes as similarity.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.model.types import Model, Ranking

POOL = 100  # the best movies of a user, of which the list is chosen
BLOCK_USERS = 512


def diversify(best: Ranking, model: Model, n_users: int) -> Ranking:
    """Return the ranking with the first ``scoring.top_n`` movies of each user chosen anew from the first `POOL`.

    One after the other, the movie comes next for which (1 - diversity) * score / highest score of the user
    - diversity * largest cosine of its taste with that of a movie before it is largest; of equal ones, to 5 digits, the
    one with the better rank. The others follow in their order. Scores stay what they are.

    Parameters
    ----------
    best : by user and rank, at least `POOL` movies of each user, or all there are.
    model : its tastes and ``scoring``.
    n_users : of the block.
    """
    places = np.full((n_users, POOL), -1, dtype=np.int64)  # of the rows of `best`
    pooled = np.flatnonzero((best.rank <= POOL) & (best.movie < len(model.tastes)))
    places[best.user[pooled], best.rank[pooled] - 1] = pooled
    order = np.full(len(best.user), POOL + 1, dtype=np.int64) + best.rank
    blocks = (places[start : start + BLOCK_USERS] for start in range(0, n_users, BLOCK_USERS))
    chosen = np.concatenate([choose(block, best, model) for block in blocks])
    user, place = np.nonzero(chosen >= 0)
    order[chosen[user, place]] = place
    ordered = np.lexsort((order, best.user))
    return take(best, ordered)._replace(rank=best.rank)


def take(best: Ranking, rows: NDArray) -> Ranking:
    """Return some rows of a ranking, by their places or a mask."""
    columns: list[NDArray] = [column[rows] for column in best]
    return Ranking(*columns)


def choose(places: NDArray[np.int64], best: Ranking, model: Model) -> NDArray[np.int64]:
    """Return which rows of ``best`` come first, in their order: shape (n_users, top_n), -1 for none."""
    diversity, n_chosen = model.scoring.diversity, min(model.scoring.top_n, POOL)
    is_there, users = places >= 0, np.arange(len(places))
    tastes = model.tastes.astype(np.float64)[np.where(is_there, best.movie[places], 0)]
    scores = np.where(is_there, best.score[places], 0).astype(np.float64)
    gains = (1 - diversity) * scores / np.maximum(scores.max(axis=1, keepdims=True), 1e-12)
    gains[~is_there] = -np.inf
    likeness = np.zeros_like(gains)
    chosen = np.full((len(places), n_chosen), -1, dtype=np.int64)
    for place in range(n_chosen):
        next_ = compared(gains - diversity * likeness).argmax(axis=1)
        chosen[:, place] = np.where(gains[users, next_] > -np.inf, places[users, next_], -1)
        cosines = np.einsum("upd,ud->up", tastes, tastes[users, next_])
        likeness = np.maximum(likeness, cosines) if place else cosines
        gains[users, next_] = -np.inf
    return chosen


def compared(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values rounded to 5 digits behind the point, which all processors agree on."""
    return np.round(values, 5)
