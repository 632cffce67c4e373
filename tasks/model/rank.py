"""The best movies that each user has not seen: a function of a block of users, where they are, and the model.

The score of a movie is the share of its fans in the user's fine clusters, times how near its taste is to the user's,
plus what the item model adds. All products that decide ranks are sparse, with a fixed order of summation, or in
float64: the last bits of float32 products of dense matrices differ from processor to processor.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions, slice_users, times
from tasks.model.diversify import POOL, diversify, take
from tasks.model.items import discounted
from tasks.model.types import Model, Placement, Ranking, Scoring

BLOCK_CELLS = 4_000_000  # scores at a time: 16 MB
GROUPS = 8  # groups of columns a recommendation, to bound from below the scores of the best
LOST_BITS = 6  # of the 24 bits of a float32: scores are compared with a precision of 4e-6


def rank(users: Interactions, placement: Placement, model: Model, top_n: int) -> Ranking:
    """Return the ``top_n`` best movies of each user of a block, best first.

    Where scores are equal, to 5 digits, the movie with more favourites comes first, then the one with the lower id.
    What the user has seen is left out: favourites, and with ``exclude_seen`` whatever was rated; so are the movies in
    ``Model.withheld``. Users who have seen
    nearly all candidates get further movies in the order of all users' favourites, with score 0.
    """
    size = max(1, BLOCK_CELLS // model.shares.shape[1])
    parts = []
    for start in range(0, len(users.user_ids), size):
        found = rank_part(slice_users(users, start, start + size), placement.rows(start, start + size), model, top_n)
        parts.append(found._replace(user=found.user + np.int32(start)))
    return Ranking(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def rank_part(users: Interactions, placement: Placement, model: Model, top_n: int) -> Ranking:
    """Return the ranking of a few users, diversified if ``scoring.diversity`` is not 0."""
    if not model.scoring.diversity:
        return rank_by_score(users, placement, model, top_n)
    found = diversify(rank_by_score(users, placement, model, max(top_n, POOL)), model, len(users.user_ids))
    return take(found, found.rank <= top_n)


def rank_by_score(users: Interactions, placement: Placement, model: Model, top_n: int) -> Ranking:
    """Return the ranking of a few users by score alone."""
    clusters, items = cluster_scores(placement, model), item_scores(users, model)
    scores = clusters.copy() if items.size else clusters
    scores[:, : items.shape[1]] += items
    seen = seen_by(users, model.scoring)
    hide(scores, seen)
    withhold(scores, model.withheld)
    user, place, movie, score = pick_best(scores, top_n)
    item_score = np.zeros_like(score)
    known = movie < items.shape[1]
    item_score[known] = items[user[known], movie[known]]
    found = Ranking(user, place, movie, score, score - item_score, item_score)
    return fill_up(found, seen, model, top_n)


def cluster_scores(placement: Placement, model: Model) -> NDArray[np.float32]:
    """Return the scores by the clusters, shape (n_users, n_candidates).

    They are the sum over the user's neighbours of weight * share, see ``Model.shares``, times
    exp(taste_weight * (cos - 1)), cos the cosine of the tastes of user and movie. With an item weight of 1 they are 0.
    """
    clusters, weights = placement.neighbours
    n_users, m = clusters.shape
    if model.scoring.item_weight == 1:
        return np.zeros((n_users, model.shares.shape[1]), dtype=np.float32)
    indptr = np.arange(0, m * n_users + 1, m, dtype=np.int32)
    near = csr_matrix((weights.ravel(), clusters.ravel(), indptr), (n_users, len(model.shares)))
    scores = times(near, model.shares)
    if model.tastes.shape[1]:
        cosines = (placement.tastes.astype(np.float64) @ model.tastes.T.astype(np.float64)).astype(np.float32)
        scores *= np.exp(np.float32(model.scoring.taste_weight) * (cosines - 1))
    return scores


def item_scores(users: Interactions, model: Model) -> NDArray[np.float32]:
    """Return the scores by the item model, shape (n_users, n_items): evidence, discounted by age, times items.

    Without an item model there are no columns.
    """
    n_items = len(model.items)
    if not n_items:
        return np.zeros((len(users.user_ids), 0), dtype=np.float32)
    return times(discounted(users, n_items, model.scoring.item_recency), model.items)


def seen_by(users: Interactions, scoring: Scoring) -> csr_matrix:
    """Return what is never recommended to the users: favourites, and with ``exclude_seen`` all that they rated."""
    weights = users.weights
    kept = np.ones(len(weights.data), dtype=bool) if scoring.exclude_seen else weights.data == 1
    indptr = np.concatenate([[0], np.cumsum(kept)])[weights.indptr]
    return csr_matrix((kept[kept], weights.indices[kept], indptr), weights.shape)


def hide(scores: NDArray[np.float32], seen: csr_matrix) -> None:
    """Set the scores of seen movies to minus infinity."""
    rows = np.repeat(np.arange(len(scores)), np.diff(seen.indptr))
    known = seen.indices < scores.shape[1]
    scores[rows[known], seen.indices[known]] = -np.inf


def withhold(scores: NDArray[np.float32], withheld: NDArray[np.integer]) -> None:
    """Set the scores of movies that are never recommended to minus infinity; they may have no column."""
    scores[:, withheld[withheld < scores.shape[1]]] = -np.inf


def pick_best(
    scores: NDArray[np.float32], top_n: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Return row, place from 1, column and rounded value of the ``top_n`` highest scores of each row, highest first.

    Where rounded scores are equal the lower column comes first. Scores of minus infinity are left out.
    """
    least = np.maximum(lower_bound(scores, top_n), np.finfo(np.float32).min)
    found = np.flatnonzero(scores >= least[:, None])  # faster than nonzero in two dimensions
    rows, columns = np.divmod(found, scores.shape[1])
    values = rounded(scores[rows, columns])
    order = np.lexsort((columns, -values, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = place < top_n
    return (
        rows[kept].astype(np.int32),
        (place[kept] + 1).astype(np.int32),
        columns[kept].astype(np.int32),
        values[kept],
    )


def lower_bound(scores: NDArray[np.float32], top_n: int) -> NDArray[np.float32]:
    """Return a number for each row that at least ``top_n`` of its rounded scores reach, close to the least of those.

    Columns are taken in groups: of their maxima, the ``top_n``-th highest is reached by as many scores.
    """
    n, width = scores.shape
    n_groups = min(GROUPS * top_n, width)
    if n_groups <= top_n:
        return np.full(n, -np.inf, dtype=np.float32)
    size = width // n_groups
    maxima = scores[:, : size * n_groups].reshape(n, size, n_groups).max(axis=1)
    least = np.partition(maxima, n_groups - top_n, axis=1)[:, n_groups - top_n]
    return least - np.abs(least) * np.float32(2.0 ** (LOST_BITS - 23))


def rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32 numbers rounded to 18 significant bits, which all processors agree on."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.int32)
    half = np.int32(1 << (LOST_BITS - 1))
    return ((bits + half) & ~np.int32((1 << LOST_BITS) - 1)).view(np.float32)


def fill_up(found: Ranking, seen: csr_matrix, model: Model, top_n: int) -> Ranking:
    """Add movies beyond the candidates, in their order and with score 0, for users with fewer than ``top_n``."""
    n_found = np.bincount(found.user, minlength=seen.shape[0])
    short = np.flatnonzero(n_found < top_n)
    if not len(short):
        return found
    first = model.shares.shape[1]
    is_other = np.ones(seen.shape[1] - first, dtype=bool)
    is_other[model.withheld[model.withheld >= first] - first] = False
    parts = [found]
    for user in short if is_other.any() else ():
        is_left, hidden = is_other.copy(), seen[[user]].indices
        is_left[hidden[hidden >= first] - first] = False
        left = first + np.flatnonzero(is_left)[: top_n - n_found[user]]
        places = n_found[user] + 1 + np.arange(len(left))
        nothing = np.zeros(len(left), dtype=np.float32)
        parts.append(Ranking(np.full(len(left), user), places, left, nothing, nothing, nothing))
    if len(parts) == 1:
        return found
    columns = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    columns = [column[order].astype(former.dtype) for column, former in zip(columns, found, strict=True)]
    return Ranking(*columns)
