"""The item model: what a user's own favourites add to the score of each movie, beside the clusters.

It is a ridge regression of each movie on all others in closed form, EASE (H. Steck, "Embarrassingly Shallow
Autoencoders for Sparse Data", WWW 2019), with three changes that pay on held-out favourites: users with many favourites
count less, movies with many favourites are regularised more, as far as that pays, and a part of low rank is added.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions, evidence_of, with_data
from tasks.model.recency import discount
from tasks.model.types import ItemSettings

LEAST_FANS = 2  # favourites from which the item model knows a movie
LEAST_SHARE = 0.97  # of all favourites that are of movies that it knows
FEWEST_ITEMS, MOST_ITEMS, MOST_ITEMS_FOR_MANY = 2000, 10_000, 2500
MANY_USERS = 100_000
BLOCK_ROWS = 2048
HEAD_ITEMS = 700  # most favourited movies, whose rows are so full that dense products are faster
ROW_POWER, SCALE_POWER = 0.25, 0.25  # see docs/quality.md
SCALE_ITEMS = 1000  # most favourited movies, whose mean is the unit of the strength
N_AXES = 32  # of the part of low rank
FEW_ITEMS = 200  # up to which all eigenvectors are computed


def count_items(n_fans: NDArray[np.integer], n_users: int) -> int:
    """Return how many movies the item model knows: the most favourited ones, with 97 % of all favourites.

    They are 2,000 at least, if that many have two favourites, and 10,000 at most, or 2,500 for many users.
    """
    most = min(MOST_ITEMS_FOR_MANY if n_users >= MANY_USERS else MOST_ITEMS, int((n_fans >= LEAST_FANS).sum()))
    return min(most, max(count_holding(LEAST_SHARE, n_fans), FEWEST_ITEMS))


def count_holding(share: float, n_fans: NDArray[np.integer]) -> int:
    """Return how many of the most favourited movies, which come first, hold a share of all favourites."""
    return int(np.searchsorted(np.cumsum(n_fans), share * n_fans.sum())) + 1


def gram_of(users: Interactions, n_items: int) -> NDArray[np.float64]:
    """Return the sum over users of y y' / (y'y) ** 0.5, shape (n_items, n_items).

    y is the user's evidence for the movies that the item model knows. It adds up over blocks of users.
    """
    rows = balanced_evidence(users, n_items)
    head = min(HEAD_ITEMS, n_items)
    tail = rows[:, head:]
    gram = np.zeros((n_items, n_items))
    gram[head:, head:] = (tail.T.tocsr() @ tail).toarray()
    for start in range(0, rows.shape[0], BLOCK_ROWS):
        few = slice(start, start + BLOCK_ROWS)
        dense = rows[few, :head].toarray().astype(np.float64)
        gram[:head, :head] += dense.T @ dense
        gram[head:, :head] += tail[few].T.tocsr() @ dense
    gram[:head, head:] = gram[head:, :head].T
    return gram


def balanced_evidence(users: Interactions, n_items: int | None = None) -> csr_matrix:
    """Return y / (y'y) ** 0.25 for each user, y the evidence for the first ``n_items`` movies, or for all."""
    weights = evidence_of(users).weights[:, :n_items]
    squares = np.asarray(weights.multiply(weights).sum(axis=1), dtype=np.float64).ravel()
    factors = (np.maximum(squares, 1e-9) ** -ROW_POWER).astype(np.float32)
    return with_data(weights, weights.data * np.repeat(factors, np.diff(weights.indptr)))


def item_weights(gram: NDArray[np.float64], settings: ItemSettings) -> NDArray[np.float32]:
    """Return what favourite j adds to movie i in row j and column i, shape (n_items, n_items).

    It is the regression plus ``settings.low_rank`` times the part of low rank.
    """
    weights = regression_weights(gram, settings.strength, settings.regularisation_power)
    return add_low_rank(weights, low_rank_weights(gram), settings.low_rank, gram) if settings.low_rank else weights


def add_low_rank(
    weights: NDArray[np.float32], part: NDArray[np.float32], share: float, gram: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return B + share * s L, s such that B and s L have the same mean, weighted by the Gram matrix.

    Parameters
    ----------
    weights : B, the regression.
    part : L, the part of low rank.
    share : how much of it is added, 0 for none.
    gram : the Gram matrix that both come from.
    """
    scale = np.sum(gram * weights) / max(np.sum(gram * part), 1e-9)
    return weights + part * np.float32(share * max(scale, 0.0))


def low_rank_weights(gram: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return L, shape (n_items, n_items): W W' with 0 on the diagonal.

    The columns of W are the eigenvectors of D ** -0.25 G D ** -0.25 with the 32 largest eigenvalues, D the diagonal of
    the Gram matrix G. The scale keeps movies with many favourites from taking all axes (EigenRec: A. Nikolakopoulos et
    al., "EigenRec: Generalizing PureSVD for Effective and Efficient Top-N Recommendations", KAIS 2019). So that
    processors agree on L, it has 7 decimals, and of eigenvalues that are equal all are taken or none.
    """
    from scipy.sparse.linalg import eigsh  # takes a while to import, and ranking needs none of it

    scale = np.maximum(np.diag(gram), 1e-3) ** -SCALE_POWER
    scaled = gram * scale[:, None] * scale
    n_items, n_wanted = len(gram), min(N_AXES + 1, len(gram))
    if n_items <= FEW_ITEMS:
        values, vectors = np.linalg.eigh(scaled)
        values, vectors = values[-n_wanted:], vectors[:, -n_wanted:]
    else:
        values, vectors = eigsh(scaled, n_wanted, which="LA", v0=np.ones(n_items))
    del scaled
    axes = vectors[:, values > values.min() + 1e-6 * abs(values.max())]
    weights = axes @ axes.T
    np.round(weights, 7, out=weights)
    np.fill_diagonal(weights, 0)
    return weights.astype(np.float32)


def regression_weights(gram: NDArray[np.float64], strength: float, power: float) -> NDArray[np.float32]:
    """Return B, shape (n_items, n_items).

    C is the inverse of the Gram matrix G plus strength * m * (G_ii / m) ** power on its diagonal, m the mean of G_ii of
    the 1,000 most favourited movies, so that a strength means the same however many movies are known.
    B_ji = -C_ji / C_ii, and 0 on the diagonal. It is computed in float64, so that processors agree on it.
    """
    from scipy.linalg.lapack import dpotrf, dpotri  # as above

    diagonal = np.diag(gram)
    mean = max(float(diagonal[:SCALE_ITEMS].mean()), 1e-9)
    added = strength * mean * (np.maximum(diagonal, 1e-3) / mean) ** power
    system = np.array(gram, order="F")
    system[np.diag_indices_from(system)] += added
    factor, _ = dpotrf(system, lower=True, overwrite_a=True)
    inverse, _ = dpotri(factor, lower=True, overwrite_c=True)
    mirror_lower(inverse)
    weights = np.empty(gram.shape, dtype=np.float32)
    np.divide(inverse, -np.diag(inverse), out=weights, casting="same_kind")
    np.fill_diagonal(weights, 0)
    return weights


def mirror_lower(matrix: NDArray[np.float64]) -> None:
    """Write what is below the diagonal of a square matrix above it, too, a few rows at a time to save memory."""
    for start in range(0, len(matrix), BLOCK_ROWS):
        stop = start + BLOCK_ROWS
        block = matrix[start:stop, start:stop]
        block[:] = np.tril(block) + np.tril(block, -1).T
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T


def with_few_digits(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return weights with so many decimals that the largest has 6 digits: files hold them in half the space."""
    largest = float(np.abs(weights).max(initial=0))
    return np.round(weights, 5 - int(np.floor(np.log10(largest)))) if largest else weights


def discounted(users: Interactions, n_items: int, recency: float) -> csr_matrix:
    """Return the evidence of users for the movies that the item model knows, later entries counting more."""
    evidence = evidence_of(users)
    return with_data(evidence.weights, evidence.weights.data * discount(evidence, recency))[:, :n_items]


def rarity(popularity: NDArray[np.floating], power: float) -> NDArray[np.float32]:
    """Return (n_i / n_max) ** -power for each movie, n_i its evidence summed over all users: 1 for the most popular."""
    shares = np.maximum(popularity, 0.5) / max(float(popularity.max()), 0.5)
    return (shares**-power).astype(np.float32)
