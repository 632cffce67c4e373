"""Known recommenders to compare with.

Each learns from the same interactions, recommends to the same users and leaves out the same movies. ALS and the
item-item neighbourhoods are those of the library ``implicit`` (extra ``baselines``).
"""

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from tasks.blocks import Interactions, favourites_of, times
from tasks.errors import CineclusterError
from tasks.model.lapack import invert
from tasks.model.rank import hide, pick_best, withhold
from tasks.model.types import NO_MOVIES, Ranking
from tasks.quality.holdout import Trial

MOST_MOVIES_FOR_EASE = 25_000  # its matrix of movies x movies is 2.5 GB then
BLOCK_USERS = 1000
INSTALL = 'not installed: pip install "cinecluster[baselines]"'
ALS_ITERATIONS = 15
FEW_ENTRIES = 20_000  # of a matrix, below which a second thread of ALS costs more than it brings

Score = Callable[[slice], NDArray[np.float32]]  # scores of all movies for users in these rows


class Baseline(NamedTuple):
    """A known recommender and its grid of settings.

    fit : takes the matrix to learn from and the matrix of the users to recommend to, both users x movies, CSR,
        float32, and a setting; returns their scores. Both are one object where these are the users learned from.
    grid : the values of each setting, ascending.
    start : the setting to try first; see `tasks.quality.tune`.
    """

    name: str
    fit: Callable[..., Score]
    grid: dict[str, tuple[float, ...]]
    start: dict[str, float]


def popular(trial: Trial, excluded: csr_matrix, top_n: int) -> Ranking:
    """Recommend the overall favourites."""
    learned = favourites_of(trial.train)
    n_fans = np.bincount(learned.indices, minlength=learned.shape[1]).astype(np.float32)
    return best_of_scores(lambda rows: np.tile(n_fans, (rows.stop - rows.start, 1)), excluded, top_n, trial.withheld)


def ease(learned: csr_matrix, users: csr_matrix, regularization: float) -> Score:
    """Score by EASE: Y B, B the closed form of a ridge regression of each movie on the others.

    With C = (X' X + regularization * I)^-1, X learned from: B_ij = -C_ij / C_jj off the diagonal and 0 on it, so that
    Y B = Y - Y C / diag(C) (H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019).
    """
    is_known = learned.getnnz(axis=0) > 0
    x, y = learned[:, is_known], users[:, is_known]
    invert = invert_gram_of_users if x.shape[0] < x.shape[1] else invert_gram
    times_inverse, diagonal = invert(x, y, regularization)

    def score(rows: slice) -> NDArray[np.float32]:
        scores = np.zeros((rows.stop - rows.start, users.shape[1]), dtype=np.float32)
        scores[:, is_known] = y[rows] - times_inverse(rows) / diagonal
        return scores

    return score


def invert_gram(x: csr_matrix, y: csr_matrix, regularization: float) -> tuple[Score, NDArray[np.float32]]:
    """Return the rows of Y C, and the diagonal of C = (X' X + regularization * I)^-1."""
    gram = (x.T @ x).toarray(order="C")
    gram[np.diag_indices_from(gram)] += regularization
    try:
        invert(gram)
    except np.linalg.LinAlgError as error:
        raise CineclusterError(f"EASE: regularization {regularization:g} is too small for float32.") from error
    return lambda rows: times(y[rows], gram), gram.diagonal()


def invert_gram_of_users(x: csr_matrix, y: csr_matrix, regularization: float) -> tuple[Score, NDArray[np.float32]]:
    """Return what `invert_gram` returns, by a matrix of users x users: for fewer users than movies.

    By the identity of Woodbury, C = (I - X' W) / regularization with W = (X X' + regularization * I)^-1 X.
    """
    gram = (x @ x.T).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += regularization
    w = cho_solve(cho_factor(gram, lower=True), x.toarray()).astype(np.float32)
    diagonal = (1 - np.asarray(x.multiply(w).sum(axis=0), dtype=np.float32).ravel()) / np.float32(regularization)
    products = (y @ x.T).tocsr()
    return lambda rows: (y[rows] - products[rows] @ w) / np.float32(regularization), diagonal


def als(learned: csr_matrix, users: csr_matrix, **setting: Any) -> Score:
    """Score by implicit's alternating least squares; the factors of users not learned from are folded in."""
    from implicit.als import AlternatingLeastSquares

    setting |= {"factors": int(setting["factors"]), "num_threads": 1 if learned.nnz < FEW_ENTRIES else 0}
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(random_state=0, iterations=ALS_ITERATIONS, use_gpu=False, **setting)
        model.fit(learned, show_progress=False)
        factors = model.user_factors
        if users is not learned:
            factors = model.recalculate_user(np.arange(users.shape[0]), users)
    return lambda rows: factors[rows] @ model.item_factors.T


def cosine_items(learned: csr_matrix, users: csr_matrix, **setting: Any) -> Score:
    """Score by implicit's item-item neighbourhood with cosine similarity."""
    from implicit.nearest_neighbours import CosineRecommender

    return by_similar_items(CosineRecommender(K=int(setting["K"])), learned, users)


def bm25_items(learned: csr_matrix, users: csr_matrix, **setting: Any) -> Score:
    """Score by implicit's item-item neighbourhood with BM25 weights."""
    from implicit.nearest_neighbours import BM25Recommender

    return by_similar_items(BM25Recommender(**setting | {"K": int(setting["K"])}), learned, users)


def by_similar_items(model: Any, learned: csr_matrix, users: csr_matrix) -> Score:
    """Train an item-item model of implicit and score by the similarities that it finds."""
    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own weighting hands its own fit another form of matrix
        model.fit(learned, show_progress=False)
    return lambda rows: (users[rows] @ model.similarity).toarray().astype(np.float32)


def best_of_scores(
    score: Score, excluded: csr_matrix, top_n: int, withheld: NDArray[np.integer] = NO_MOVIES
) -> Ranking:
    """Return the movies with the highest scores, but for those in ``excluded``, of shape (n_users, n_movies), and
    ``withheld``.
    """
    parts = []
    for start in range(0, excluded.shape[0], BLOCK_USERS):
        rows = slice(start, min(start + BLOCK_USERS, excluded.shape[0]))
        scores = np.array(score(rows), dtype=np.float32)
        hide(scores, excluded[rows])
        withhold(scores, withheld)
        user, place, movie, value = pick_best(scores, top_n)
        parts.append(Ranking(user + np.int32(start), place, movie, value, value, np.zeros_like(value)))
    return Ranking(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def excluded_of(users: Interactions, exclude_seen: bool) -> csr_matrix:
    """Return what is not recommended to the users: what they rated, or with ``exclude_seen`` false their favourites."""
    return users.weights if exclude_seen else favourites_of(users)


ALS = Baseline(
    "implicit ALS",
    als,
    {"factors": (32, 64, 128, 256, 512), "regularization": (10.0, 30.0, 100.0), "alpha": (1.0, 2.0, 4.0, 8.0, 16.0)},
    {"factors": 64, "regularization": 30.0, "alpha": 4.0},
)
COSINE = Baseline("implicit cosine", cosine_items, {"K": (20, 50, 100, 200, 400)}, {"K": 100})
BM25 = Baseline(
    "implicit BM25",
    bm25_items,
    {"K": (20, 50, 100, 200, 400), "K1": (0.05, 0.1, 0.2, 0.6, 1.2)},
    {"K": 100, "K1": 0.2},
)
EASE = Baseline(
    "EASE",
    ease,
    {"regularization": (12.0, 25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0)},
    {"regularization": 200.0},
)
BASELINES = (COSINE, BM25, EASE, ALS)  # those that are quickly tuned leave their time to the others


def reason_to_leave_out(baseline: Baseline, n_movies: int) -> str | None:
    """Return why a baseline cannot run, or None if it can."""
    if baseline.name.startswith("implicit") and find_spec("implicit") is None:
        return INSTALL
    if baseline is EASE and n_movies > MOST_MOVIES_FOR_EASE:
        gigabytes = 4e-9 * n_movies**2
        return (
            f"left out: {n_movies:,} movies are more than {MOST_MOVIES_FOR_EASE:,}, its matrix needs {gigabytes:.1f} GB"
        )
    return None
