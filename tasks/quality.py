"""How well recommendations foretell favourites that were held out, and the number of fine clusters that does best."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tasks.clusters import Clustering, embedding, fine_k_means, nearest_clusters, tastes
from tasks.method import Method
from tasks.metrics import find_hits, ndcg
from tasks.recommend import Recommendations, best_movies
from tasks.step import report_progress, step

MIN_FAVOURITES = 5
TEST_SHARE = 0.2
DEPTH = 10
FINEST = 1000  # fine clusters; beyond, time and memory grow and quality does not
USERS_A_CLUSTER = (64, 32, 16, 8, 4)


class Split(NamedTuple):
    """Favourites to learn from, and held-out ones to be foretold; shape (n_users, n_movies), CSR.

    Users without held-out favourites have an empty row in ``test``.
    """

    train: csr_matrix
    test: csr_matrix


def hold_out(incidence: csr_matrix, order: NDArray[np.floating]) -> Split:
    """Hold out a fifth, at least one, of the favourites of each user who has five or more.

    Parameters
    ----------
    incidence : shape (n_users, n_movies), CSR of 0 and 1.
    order : shape (nnz,): the favourites with the highest values of each user are held out; random numbers for a
        random split, times for a temporal one.
    """
    counts = np.diff(incidence.indptr)
    n_test = np.where(counts >= MIN_FAVOURITES, np.maximum(1, (counts * TEST_SHARE).astype(int)), 0)
    users = np.repeat(np.arange(len(counts)), counts)
    latest_first = np.lexsort((-order, users))
    place = np.empty(len(users), dtype=np.int64)
    place[latest_first] = np.arange(len(users)) - np.repeat(incidence.indptr[:-1], counts)
    is_test = place < n_test[users]
    return Split(keep(incidence, users, ~is_test), keep(incidence, users, is_test))


def keep(incidence: csr_matrix, users: NDArray[np.intp], kept: NDArray[np.bool_]) -> csr_matrix:
    """Return the incidence with the kept entries only; ``users`` are the rows of its entries."""
    return csr_matrix((incidence.data[kept], (users[kept], incidence.indices[kept])), shape=incidence.shape)


def recommend_by(
    method: Method, incidence: csr_matrix, excluded: csr_matrix, n_fine_clusters: int, top_n: int
) -> Recommendations:
    """Return the ``top_n`` recommendations of all users, made of the favourites in ``incidence``."""
    m = method
    points = embedding(incidence, m.weighting, m.n_components, m.seed)
    nobody = Clustering(np.zeros(0, dtype=np.int32), np.zeros((0, 0), dtype=np.float32))
    fine = fine_k_means(points, nobody, n_fine_clusters, m.n_clusterings, m.max_iter, m.seed)
    nearness = nearest_clusters(points, fine, m.n_nearest_clusters, m.closeness)
    known = tastes(points, incidence, m.taste_weight)
    return best_movies(incidence, excluded, fine, nearness, known, method, top_n)


@step("Measure quality by fine clusters")
def measure_quality(
    incidence: csr_matrix, excluded: csr_matrix, method: Method, n_fine_clusters: int | str, sample_users: int
) -> dict[int, float]:
    """Return the held-out NDCG@10 for several numbers of fine clusters, on a sample of users.

    Parameters
    ----------
    incidence, excluded : of all users.
    method : how recommendations are made.
    n_fine_clusters : ``"auto"``; else there is nothing to choose, and the result is empty.
    sample_users : users drawn, at most.
    """
    if n_fine_clusters != "auto":
        return {}
    random = np.random.default_rng(method.seed)
    n_users = incidence.shape[0]
    drawn = np.sort(random.choice(n_users, min(n_users, sample_users), replace=False))
    train, test = hold_out(incidence[drawn], random.random(incidence[drawn].nnz))
    if test.nnz == 0:
        return {}
    quality: dict[int, float] = {}
    numbers = sorted({min(FINEST, max(1, len(drawn) // users)) for users in USERS_A_CLUSTER})
    for done, number in enumerate(numbers, start=1):
        found = recommend_by(method, train, excluded[drawn], number, DEPTH)
        quality[number] = float(ndcg(find_hits(found, test, DEPTH), DEPTH).mean())
        report_progress(done, len(numbers))
    return quality


def choose_n_fine_clusters(n_fine_clusters: int | str, quality: dict[int, float], n_users: int) -> int:
    """Return the number of fine clusters with the highest quality, or the one that was given."""
    if isinstance(n_fine_clusters, int):
        return n_fine_clusters
    return max(quality, key=quality.__getitem__, default=max(1, n_users // USERS_A_CLUSTER[-2]))
