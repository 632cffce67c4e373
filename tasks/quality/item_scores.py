"""What the item model adds to scores, by less than its matrices of movies x movies where users are fewer."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from tasks.blocks import add_to, times, with_data
from tasks.model.items import (
    add_sessions,
    balanced_evidence,
    discounted,
    gram_of_rows,
    low_rank_axes,
    regression_weights,
    regularisation,
    scale_of,
    sessions_of,
)
from tasks.model.lapack import invert
from tasks.model.types import ItemSettings
from tasks.quality.mixture import Mixture

MOST_EXACT = 1000  # movies up to which the Gram matrix of a trial has double precision; it saves time beyond


class Basis(NamedTuple):
    """What the item model of a mixture is learned from, for the n movies that are ranked.

    users : Z, the discounted evidence of the users to score, shape (n_scored, n).
    rows : Y, float64, shape (n_rows, n), such that the Gram matrix G is Y'Y: a row a user, and one a session where
        ``gram`` is not None.
    diagonal : of G.
    gram : G, or None where the users are fewer than the movies. There sessions are left out, as time is saved by few
        rows; the settings that are best are alike.
    axes : W, the `low_rank_axes`, of which the part of low rank L is made.
    low_rank : Z L, what it adds to the scores of the users, before it is scaled.
    low_rank_total : the sum of G_ij L_ij.
    """

    users: csr_matrix
    rows: csr_matrix
    diagonal: NDArray[np.float64]
    gram: NDArray[np.floating] | None
    axes: NDArray[np.floating]
    low_rank: NDArray[np.float32]
    low_rank_total: float


class ItemScores(NamedTuple):
    """What the two parts of the item model add to scores, float32, shape (n_users, n).

    scale : what the part of low rank is multiplied by to have the same mean as the regression.
    """

    regression: NDArray[np.float32]
    low_rank: NDArray[np.float32]
    scale: float


def basis_of(mixture: Mixture, settings: ItemSettings) -> Basis:
    """Return what the item model is learned from, with the recency and the session weight of the settings."""
    n_movies, gram = len(mixture.popularity), None
    rows = balanced_evidence(mixture.train, n_movies)
    if not has_few_users(mixture):
        gram = gram_of_rows(rows)
        if settings.session_weight:
            sessions = sessions_of(mixture.train, n_movies)
            add_sessions(gram, sessions, settings.session_weight)
            rows = csr_matrix(vstack([rows, np.sqrt(settings.session_weight) * sessions]))
        gram = gram if n_movies <= MOST_EXACT else gram.astype(np.float32, copy=False)
    rows = rows.astype(np.float64)
    diagonal = np.asarray(rows.multiply(rows).sum(axis=0)).ravel()
    axes = low_rank_axes(diagonal, lambda vectors: rows.T @ (rows @ vectors))
    total = np.sum((rows @ axes) ** 2) - diagonal @ np.sum(axes**2, axis=1)
    users = discounted(mixture.users, n_movies, settings.recency)
    return Basis(users, rows, diagonal, gram, axes, score_by_axes(users, axes), float(total))


def score_by_axes(users: csr_matrix, axes: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return Z L, L = W W' with 0 on the diagonal."""
    scores = (users @ axes) @ axes.T
    add_to(scores, with_data(users, -users.data * np.sum(axes**2, axis=1)[users.indices]))
    return scores.astype(np.float32)


def has_few_users(mixture: Mixture) -> bool:
    """Return whether the users are fewer than the movies that are ranked, so that sessions are left out."""
    return len(mixture.train.user_ids) < len(mixture.popularity)


def score_items(basis: Basis, settings: ItemSettings) -> ItemScores:
    """Return what regression and part of low rank add to the scores of the users."""
    if basis.gram is None:
        scores, total = score_by_users(basis, settings)
    else:
        weights, total = regression_weights(basis.gram.copy(), settings)
        scores = times(basis.users, weights)
    return ItemScores(scores, basis.low_rank, scale_of(total, basis.low_rank_total))


def score_by_recency(mixture: Mixture, basis: Basis, settings: ItemSettings) -> Callable[[float], ItemScores]:
    """Return a function of the recency that returns the scores of `score_items`.

    The discount is linear in the recency, and so are the scores: those without and those with a recency of 1 are
    computed, and the item model is learned once. Where times are unknown there is no discount.
    """
    n_users, n_movies = mixture.test.shape
    if not mixture.users.seconds.any():
        alike = score_items(basis, settings)
        return lambda _: alike
    both = csr_matrix(vstack([discounted(mixture.users, n_movies, recency) for recency in (0.0, 1.0)]))
    scores = score_items(basis._replace(users=both, low_rank=score_by_axes(both, basis.axes)), settings)

    def between(recency: float) -> ItemScores:
        """Return the scores with a recency."""
        regression, low_rank = (
            np.float32(1 - recency) * each[:n_users] + np.float32(recency) * each[n_users:]
            for each in (scores.regression, scores.low_rank)
        )
        return ItemScores(regression, low_rank, scores.scale)

    return between


def score_by_users(basis: Basis, settings: ItemSettings) -> tuple[NDArray[np.float32], float]:
    """Return Z B, B as of `regression_weights`, by a matrix of users x users, and the sum of G_ij B_ij.

    With A the regularisation, V = Y A^-1 and K = I + V Y', the inverse C of G + A is A^-1 - V' K^-1 V (Woodbury). V is
    sparse, so that no product is of two dense matrices as wide as the movies.
    """
    users, rows = basis.users, basis.rows
    added = regularisation(basis.diagonal, settings)
    scaled = with_data(rows, rows.data / added[rows.indices])
    kernel = (scaled @ rows.T).toarray(order="C")
    kernel[np.diag_indices_from(kernel)] += 1
    invert(kernel)
    solved = kernel @ scaled
    variances = 1 / added - np.asarray(scaled.multiply(solved).sum(axis=0)).ravel()
    scores = ((users @ scaled.T).toarray() @ kernel) @ scaled  # - Z C, but for what is sparse
    add_to(scores, with_data(users, -users.data / added[users.indices]))
    scores /= variances
    add_to(scores, users)
    return scores.astype(np.float32), float(np.sum(basis.diagonal + added - 1 / variances))
