"""How well recommendations foretell favourites that were held out, and the number of fine clusters that does best."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.clusters import FINE_ITERATIONS, Points, embedding, k_means, nearest_clusters, tastes
from tasks.incidence import Evidence
from tasks.method import Method
from tasks.metrics import find_hits, ndcg
from tasks.recommend import Recommendations, best_movies
from tasks.step import report_progress, step

MIN_FAVOURITES = 5
TEST_SHARE = 0.2
DEPTH = 10
FINEST = 1000  # fine clusters; beyond, time and memory grow and quality does not
USERS_A_CLUSTER = (32, 16, 8, 4)
NEAR = 0.99


class Split(NamedTuple):
    """Evidence to learn from, and held-out favourites to be foretold.

    train : without the held-out favourites; in a temporal split also without what was watched after the first.
    test : shape (n_users, n_movies), CSR; empty rows for users with too few favourites.
    """

    train: Evidence
    test: csr_matrix


def hold_out(evidence: Evidence, order: NDArray[np.floating], is_temporal: bool) -> Split:
    """Hold out a fifth, at least one, of the favourites of each user who has five or more.

    Parameters
    ----------
    evidence : favourites are the entries of weight 1.
    order : shape (nnz,): of each user's favourites those with the highest values are held out: random numbers, or
        times.
    is_temporal : whether ``order`` are the times.
    """
    counts = np.diff(evidence.weights.indptr)
    users = np.repeat(np.arange(len(counts)), counts)
    is_favourite = evidence.weights.data == 1
    n_favourites = np.bincount(users[is_favourite], minlength=len(counts))
    n_test = np.where(n_favourites >= MIN_FAVOURITES, np.maximum(1, (n_favourites * TEST_SHARE).astype(int)), 0)
    sequence = np.lexsort((-order, ~is_favourite, users))
    place = np.empty(len(users), dtype=np.int64)
    place[sequence] = np.arange(len(users)) - np.repeat(evidence.weights.indptr[:-1], counts)
    is_test = is_favourite & (place < n_test[users])
    is_train = ~is_test
    if is_temporal:
        first = np.full(len(counts), np.inf)
        np.minimum.at(first, users[is_test], evidence.times[is_test])
        is_train &= is_favourite | (evidence.times < first[users])
    return Split(keep(evidence, is_train), keep(evidence, is_test).weights)


def keep(evidence: Evidence, kept: NDArray[np.bool_]) -> Evidence:
    """Return the evidence with the kept entries only."""
    weights = evidence.weights
    indptr = np.concatenate([[0], np.cumsum(kept)])[weights.indptr]
    return Evidence(
        csr_matrix((weights.data[kept], weights.indices[kept], indptr), weights.shape), evidence.times[kept]
    )


def select_users(evidence: Evidence, users: NDArray[np.intp]) -> Evidence:
    """Return the evidence of some users, in ascending order of rows."""
    rows = np.zeros(evidence.weights.shape[0], dtype=bool)
    rows[users] = True
    kept = np.repeat(rows, np.diff(evidence.weights.indptr))
    return Evidence(evidence.weights[users], evidence.times[kept])


def favourites_of(evidence: Evidence) -> csr_matrix:
    """Return the incidence: the entries of weight 1."""
    return keep(evidence, evidence.weights.data == 1).weights


def recommend_by(
    method: Method, evidence: Evidence, excluded: csr_matrix, n_fine_clusters: int, top_n: int
) -> Recommendations:
    """Return the ``top_n`` recommendations of all users, made of the evidence."""
    return recommend_in(embed(method, evidence), method, evidence, excluded, n_fine_clusters, top_n)


def embed(method: Method, evidence: Evidence) -> Points:
    """Return the points of the users."""
    m = method
    return embedding(favourites_of(evidence), evidence, m.weighting, m.n_components, m.recency, m.seed)


def recommend_in(
    points: Points, method: Method, evidence: Evidence, excluded: csr_matrix, n_fine_clusters: int, top_n: int
) -> Recommendations:
    """Return the ``top_n`` recommendations of all users, whose points are known."""
    m = method
    incidence = favourites_of(evidence)
    fine = k_means(points, n_fine_clusters, 1, FINE_ITERATIONS, m.seed)
    nearness = nearest_clusters(points, fine, m.n_nearest_clusters, m.closeness)
    known = tastes(points, incidence, m.taste_weight)
    return best_movies(incidence, evidence.weights, excluded, fine, nearness, known, method, top_n)


@step("Measure quality by fine clusters")
def measure_quality(
    evidence: Evidence, excluded: csr_matrix, method: Method, n_fine_clusters: int | str, sample_users: int
) -> dict[int, float]:
    """Return the held-out NDCG@10 for several numbers of fine clusters, on a sample of users and of their favourites.

    Parameters
    ----------
    evidence, excluded : of all users.
    method : how recommendations are made.
    n_fine_clusters : ``"auto"``; else there is nothing to choose, and the result is empty.
    sample_users : users drawn, at most.
    """
    if n_fine_clusters != "auto":
        return {}
    n_users = excluded.shape[0]
    random = np.random.default_rng(method.seed)
    drawn = np.sort(random.choice(n_users, min(n_users, sample_users), replace=False))
    sample = select_users(evidence, drawn)
    movies = np.unique(favourites_of(sample).indices)
    kept = np.isin(sample.weights.indices, movies)
    sample = Evidence(sample.weights[:, movies], sample.times[kept])
    return try_fine_clusters(sample, excluded[drawn][:, movies], method)


def try_fine_clusters(evidence: Evidence, excluded: csr_matrix, method: Method) -> dict[int, float]:
    """Return the NDCG@10 on favourites held out from ``evidence``, for several numbers of fine clusters.

    It is empty where no user has enough favourites.
    """
    train, test = hold_out(evidence, np.random.default_rng(method.seed).random(evidence.weights.nnz), is_temporal=False)
    if test.nnz == 0:
        return {}
    points = embed(method, train)
    quality: dict[int, float] = {}
    numbers = sorted({min(FINEST, max(1, excluded.shape[0] // users)) for users in USERS_A_CLUSTER})
    for done, number in enumerate(numbers, start=1):
        found = recommend_in(points, method, train, excluded, number, DEPTH)
        quality[number] = float(ndcg(find_hits(found, test, DEPTH), DEPTH).mean())
        report_progress(done, len(numbers))
    return quality


def choose_n_fine_clusters(n_fine_clusters: int | str, quality: dict[int, float], n_users: int) -> int:
    """Return the number of fine clusters that was given, or the largest one whose quality is near the best.

    Near is within a hundredth: finer clusters recommend more different movies.
    """
    if isinstance(n_fine_clusters, int):
        return n_fine_clusters
    near = [number for number, value in quality.items() if value >= NEAR * max(quality.values())]
    return max(near, default=max(1, n_users // USERS_A_CLUSTER[-1]))
