"""The item model: what a user's own favourites add to the score of each movie, beside the clusters.

It is a ridge regression of each movie on all others in closed form, EASE (H. Steck, "Embarrassingly Shallow
Autoencoders for Sparse Data", WWW 2019), with four changes that pay on held-out favourites: users with many favourites
count less, what a user favourited at about the same time counts again, movies with many favourites are regularised
more, and a part of low rank is added.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.blocks import Interactions, evidence_of, select_entries, with_data
from tasks.model.lapack import invert
from tasks.model.recency import age, discount
from tasks.model.types import ItemSettings

LEAST_FANS = 2  # favourites from which the item model knows a movie
MOST_ITEMS = 18_000
MOST_EXACT = 8000  # items up to which the Gram matrix has double precision; it saves memory beyond
MANY_USERS, SHARES_FOR_MANY = (25_000, 100_000), (0.97, 0.85)  # share of all favourites that the movies known have
FEWEST_FOR_MANY = 2500
BLOCK_ROWS = 1024
HEAD_ITEMS = 700  # most favourited movies, whose rows are so full that dense products are faster
ROW_POWER, SCALE_POWER, REGULARISATION_POWER = 0.25, 0.25, 0.25  # see docs/quality.md
SCALE_ITEMS = 1000  # most favourited movies, whose mean is the unit of the strength
SESSION_LENGTH, LONGEST_SESSION = 8, 64  # entries
N_AXES = 32  # of the part of low rank
TOLERANCE = 1e-6  # of eigenvalues; entries of the part of low rank are then exact to 12 decimals
FEW_ITEMS = 200  # up to which all eigenvectors are computed


def count_items(n_fans: NDArray[np.integer], n_users: int) -> int:
    """Return how many movies the item model knows: all with two favourites, 18,000 at most.

    From 25,000 users on it is those that have 97 % of all favourites, falling to 85 % with 100,000 and more, 2,500 at
    least: where favourites are spread evenly each movie matters, elsewhere time and memory are saved.

    Parameters
    ----------
    n_fans : users who favourited each movie, the most favourited first.
    n_users : all users.
    """
    n_known = min(MOST_ITEMS, int((n_fans >= LEAST_FANS).sum()))
    share = np.interp(np.log(n_users), np.log(MANY_USERS), SHARES_FOR_MANY) if n_users >= MANY_USERS[0] else 1
    n_holding = int(np.searchsorted(np.cumsum(n_fans), share * n_fans.sum())) + 1
    return min(n_known, max(n_holding, FEWEST_FOR_MANY))


def gram_of(
    users: Interactions, n_items: int, session_weight: float = 0.0, n_first: int | None = None
) -> NDArray[np.floating]:
    """Return the sum over users of (y y' + session_weight * the sum of z z') / (y'y) ** 0.5, shape (n_items, n_items).

    y is the user's evidence for the movies that the item model knows, z the part of it that is in one of the user's
    sessions, see `sessions_of`. It adds up over blocks of users. It is float64, and float32 for more than 8,000 items.
    With ``n_first`` only the first rows and columns are computed, as many.
    """
    gram = gram_of_rows(balanced_evidence(users, n_items)[:, :n_first])
    if session_weight:
        add_sessions(gram, sessions_of(users, n_items)[:, :n_first], session_weight)
    return gram


def add_sessions(gram: NDArray[np.floating], sessions: csr_matrix, session_weight: float) -> None:
    """Add session_weight * Z'Z to the Gram matrix, Z the rows of ``sessions``."""
    by_movie = sessions.T.tocsr()
    for start in range(0, len(gram), BLOCK_ROWS):
        few = slice(start, start + BLOCK_ROWS)
        gram[few] += np.float32(session_weight) * (by_movie[few] @ sessions).toarray()


def gram_of_rows(rows: csr_matrix) -> NDArray[np.floating]:
    """Return Y'Y of rows Y, whose first columns are the fullest."""
    n_items = rows.shape[1]
    head = min(HEAD_ITEMS, n_items)
    tail = rows[:, head:]
    gram = np.zeros((n_items, n_items), dtype=np.float64 if n_items <= MOST_EXACT else np.float32)
    products = tail.T.tocsr() @ tail
    for start in range(head, n_items, BLOCK_ROWS):
        gram[start : start + BLOCK_ROWS, head:] = products[start - head : start - head + BLOCK_ROWS].toarray()
    for start in range(0, rows.shape[0], BLOCK_ROWS):
        few = slice(start, start + BLOCK_ROWS)
        dense = rows[few, :head].toarray().astype(np.float64)
        gram[:head, :head] += dense.T @ dense
        gram[head:, :head] += tail[few].T.tocsr() @ dense
    gram[:head, head:] = gram[head:, :head].T
    return gram


def sessions_of(users: Interactions, n_items: int) -> csr_matrix:
    """Return the `balanced_evidence` of each session for the first ``n_items`` movies, shape (n_sessions, n_items).

    A user's evidence is cut into sessions by how many later entries there are: 0 to 7, 8 to 15, and so on. Entries of
    one time are in one session. A session that this makes longer than 64, as of ratings imported at once, is left out.
    """
    known = select_entries(users, (users.weights.data > 0) & (users.weights.indices < n_items))
    rows = balanced_evidence(known, n_items)
    counts = np.diff(rows.indptr)
    first = np.cumsum(np.append(0, -(-counts // SESSION_LENGTH)))
    session = np.repeat(first[:-1], counts) + age(known).astype(np.int64) // SESSION_LENGTH
    sessions = csr_matrix((rows.data, (session, rows.indices)), (int(first[-1]), n_items))
    sizes = np.diff(sessions.indptr)
    return sessions[(sizes > 0) & (sizes <= LONGEST_SESSION)]


def balanced_evidence(users: Interactions, n_items: int | None = None) -> csr_matrix:
    """Return y / (y'y) ** 0.25 for each user, y the evidence for the first ``n_items`` movies, or for all."""
    weights = evidence_of(users).weights[:, :n_items]
    squares = np.asarray(weights.multiply(weights).sum(axis=1), dtype=np.float64).ravel()
    factors = (np.maximum(squares, 1e-9) ** -ROW_POWER).astype(np.float32)
    return with_data(weights, weights.data * np.repeat(factors, np.diff(weights.indptr)))


def item_weights(gram: NDArray[np.floating], settings: ItemSettings) -> NDArray[np.float32]:
    """Return what favourite j adds to movie i in row j and column i, shape (n_items, n_items).

    It is the regression plus ``settings.low_rank`` times the part of low rank. The Gram matrix is overwritten.
    """
    if not settings.low_rank:
        return regression_weights(gram, settings)[0]
    diagonal = np.diag(gram).copy()
    axes = low_rank_axes(diagonal, lambda vectors: gram @ vectors)
    total = float(np.sum(axes * (gram @ axes), dtype=np.float64) - np.sum(axes**2, axis=1) @ diagonal)
    weights, regression_total = regression_weights(gram, settings)
    add_low_rank(weights, axes, settings.low_rank * scale_of(regression_total, total))
    return weights


def scale_of(regression_total: float, low_rank_total: float) -> float:
    """Return s such that the regression B and s L have the same sum of G_ij B_ij and of s G_ij L_ij; 0 at least."""
    return max(regression_total / max(low_rank_total, 1e-9), 0.0)


def add_low_rank(weights: NDArray[np.float32], axes: NDArray[np.floating], scale: float) -> None:
    """Add scale * L to weights, L = W W' with 0 on the diagonal, W the `low_rank_axes`; a few rows at a time.

    So that processors agree on L, it has 7 decimals.
    """
    for start in range(0, len(weights), BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, len(weights)))
        part = np.round(axes[rows] @ axes.T, 7).astype(np.float32)
        part[rows - start, rows] = 0
        weights[rows] += np.float32(scale) * part


def low_rank_axes(diagonal: NDArray[np.floating], times: Callable[[NDArray], NDArray]) -> NDArray[np.floating]:
    """Return the eigenvectors of D ** -0.25 G D ** -0.25 with the 32 largest eigenvalues, shape (n_items, 32).

    D is the diagonal of the Gram matrix G. The scale keeps movies with many favourites from taking all axes (EigenRec:
    A. Nikolakopoulos et al., "EigenRec: Generalizing PureSVD for Effective and Efficient Top-N Recommendations", KAIS
    2019). Of eigenvalues that are equal all are taken or none.

    Parameters
    ----------
    diagonal : of G.
    times : returns G times vectors, shape (n_items, n_vectors).
    """
    from scipy.sparse.linalg import LinearOperator, eigsh  # take a while to import, and ranking needs none of it

    scale = (np.maximum(diagonal, 1e-3) ** -SCALE_POWER).astype(diagonal.dtype)[:, None]
    n_items, n_wanted = len(diagonal), min(N_AXES + 1, len(diagonal))
    if n_items <= FEW_ITEMS:
        values, vectors = np.linalg.eigh(scale * times(scale * np.eye(n_items)))
        values, vectors = values[-n_wanted:], vectors[:, -n_wanted:]
    else:
        scaled = LinearOperator(
            (n_items, n_items), lambda vector: scale * times(scale * vector.reshape(-1, 1)), dtype=diagonal.dtype
        )
        start = np.ones(n_items, dtype=diagonal.dtype)
        values, vectors = eigsh(scaled, n_wanted, which="LA", v0=start, tol=TOLERANCE)
    return vectors[:, values > values.min() + 1e-6 * abs(values.max())]


def regression_weights(gram: NDArray[np.floating], settings: ItemSettings) -> tuple[NDArray[np.float32], float]:
    """Return B, shape (n_items, n_items), and the sum of G_ij B_ij. The Gram matrix G is overwritten.

    C is the inverse of G plus the `regularisation` a_i on its diagonal. B_ji = -C_ji / C_ii, and 0 on the diagonal.
    From this follows that the sum of G_ij B_ij is that of G_ii + a_i - 1 / C_ii.

    Raises
    ------
    numpy.linalg.LinAlgError
        If that matrix is not positive definite, as by rounding.
    """
    diagonal = np.diag(gram).astype(np.float64)
    added = regularisation(diagonal / (1 + settings.session_weight), settings)
    gram[np.diag_indices_from(gram)] += added
    try:
        invert(gram)
    except np.linalg.LinAlgError as error:
        message = f"The item model cannot be learned with so little regularisation: {settings}."
        raise np.linalg.LinAlgError(message) from error
    variances = np.diag(gram).copy()
    weights = gram if gram.dtype == np.float32 else np.empty(gram.shape, dtype=np.float32)
    np.divide(gram, -variances, out=weights, casting="same_kind")
    np.fill_diagonal(weights, 0)
    return weights, float(np.sum(diagonal + added - 1 / variances))


def regularisation(diagonal: NDArray[np.float64], settings: ItemSettings) -> NDArray[np.float64]:
    """Return strength * m * (D_i / m) ** 0.25, m the mean of D of the 1,000 most favourited movies.

    D is the diagonal of the Gram matrix without sessions. So a strength means the same however many movies are known,
    and however much sessions count.
    """
    mean = max(float(diagonal[:SCALE_ITEMS].mean()), 1e-9)
    return settings.strength * mean * (np.maximum(diagonal, 1e-3) / mean) ** REGULARISATION_POWER


def with_few_digits(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round weights, in their place, so that the largest has 6 digits: files hold them in half the space."""
    largest = float(max(weights.max(initial=0), -weights.min(initial=0)))
    return np.round(weights, 5 - int(np.floor(np.log10(largest))), out=weights) if largest else weights


def discounted(users: Interactions, n_items: int, recency: float) -> csr_matrix:
    """Return the evidence of users for the movies that the item model knows, later entries counting more."""
    evidence = evidence_of(users)
    return with_data(evidence.weights, evidence.weights.data * discount(evidence, recency))[:, :n_items]
