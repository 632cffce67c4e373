"""WCSS at k = 15 in the 0/1 space: k-means after SVD and some Lloyd steps, against k-means on the sparse matrix."""

import sys
import time

from sklearn.cluster import KMeans

from benchmarks.incidence import read_incidence
from tasks.model.clusters import embedding, full_space_wcss, k_means, refine_in_full_space
from tasks.stations.incidence import Evidence

K = 15


def main(path: str, n_init: int) -> None:
    """Print the WCSS and the seconds of both; ``n_init`` starts for the sparse matrix, none if 0."""
    incidence = read_incidence(path)
    started = time.monotonic()
    nothing = Evidence(incidence, incidence.data[:0])
    points = embedding(incidence, nothing, "none", 32, 0.0, 0)
    found = k_means(points, K, 3, 300, 0)
    labels = refine_in_full_space(incidence, found.labels, 10)
    print(f"svd wcss {full_space_wcss(incidence, labels):.0f} seconds {time.monotonic() - started:.1f}", flush=True)
    if n_init:
        started = time.monotonic()
        sparse = KMeans(K, n_init=n_init, random_state=0).fit(incidence)
        print(f"sparse wcss {sparse.inertia_:.0f} seconds {time.monotonic() - started:.1f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
