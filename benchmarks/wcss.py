"""WCSS at k = 15 in the 0/1 space: k-means after SVD and some Lloyd steps, against k-means on the sparse matrix."""

import sys
import time

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD

from benchmarks.incidence import read_incidence
from tasks.model.kmeans import count_favourites, k_means, refine_in_full_space

K = 15


def main(path: str, n_init: int) -> None:
    """Print the WCSS and the seconds of both; ``n_init`` starts for the sparse matrix, none if 0."""
    incidence = read_incidence(path)
    started = time.monotonic()
    points = TruncatedSVD(32, random_state=0).fit_transform(incidence).astype(np.float32)
    labels = refine_in_full_space(incidence, k_means(points, K, 3, 300, 0).labels, 10)
    print(f"svd wcss {full_space_wcss(incidence, labels):.0f} seconds {time.monotonic() - started:.1f}", flush=True)
    if n_init:
        started = time.monotonic()
        sparse = KMeans(K, n_init=n_init, random_state=0).fit(incidence)
        print(f"sparse wcss {sparse.inertia_:.0f} seconds {time.monotonic() - started:.1f}")


def full_space_wcss(incidence: csr_matrix, labels: NDArray[np.integer]) -> float:
    """Return the WCSS of a clustering in the 0/1 space, from counts alone.

    For 0/1 rows it is ``nnz - sum over clusters of (sum over movies of count ** 2) / n_users``.
    """
    counts = count_favourites(incidence, labels)
    squares = np.asarray(counts.multiply(counts).sum(axis=1, dtype=np.float64)).ravel()
    return float(incidence.nnz - (squares / np.bincount(labels)).sum())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
