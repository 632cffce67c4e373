"""The elbow: WCSS by number of clusters, and the number that it suggests."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_smoothing_spline
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from tasks.model.kmeans import TWO_THREADS
from tasks.model.types import ModelOptions, Points
from tasks.progress import report_progress

LEAST_FOR_SPLINE = 5  # points


def measure_wcss(points: Points, n_users: int, options: ModelOptions) -> NDArray[np.float64]:
    """Return the WCSS of k-means with 1, 2, ... ``max_clusters`` clusters, in the space of ``points``.

    Parameters
    ----------
    points : shape (n_points, n_columns).
    n_users : users that the points stand for; the WCSS is scaled to them.
    options : ``n_init``, ``max_iter`` and ``seed`` are as for scikit-learn's KMeans; ``elbow_users`` points are drawn,
        or all are used where it is None. The curve ends earlier where fewer clusters hold every user at distance 0.
    """
    sample = draw_users(points, options.elbow_users, options.seed)
    n_fits = min(options.max_clusters, sample.shape[0])

    def inertia(n_clusters: int) -> float:
        """Return the WCSS of k-means on the sample."""
        k_means = KMeans(n_clusters, n_init=options.n_init, max_iter=options.max_iter, random_state=options.seed)
        return float(k_means.fit(sample).inertia_)

    wcss: list[float] = []
    with threadpool_limits(1), ThreadPoolExecutor(TWO_THREADS) as pool:
        for start in range(1, n_fits + 1, TWO_THREADS):
            wcss += pool.map(inertia, range(start, min(start + TWO_THREADS, n_fits + 1)))
            report_progress(len(wcss), n_fits)
            if 0 in wcss:
                break
    return np.array(wcss[: wcss.index(0) + 1 if 0 in wcss else None]) * n_users / sample.shape[0]


def draw_users(points: Points, sample_users: int | None, seed: int) -> Points:
    """Return a random sample of the rows, in their order; all of them if they are no more."""
    n_users = points.shape[0]
    if sample_users is None or n_users <= sample_users:
        return points
    return points[np.sort(np.random.default_rng(seed).choice(n_users, sample_users, replace=False))]


def find_elbow(wcss: NDArray[np.float64], options: ModelOptions) -> int:
    """Return the number of clusters at the elbow of a WCSS curve.

    Parameters
    ----------
    wcss : WCSS of 1, 2, ... clusters.
    options : ``elbow_rule`` is ``"knee"``, see `knee`, or ``"boundary"``, the last number whose WCSS is lower than the
        one before by more than ``elbow_boundary``.
    """
    if options.elbow_rule == "boundary":
        above = np.flatnonzero(-np.diff(wcss) > options.elbow_boundary)
        return int(above[-1]) + 2 if len(above) else 1
    return knee(wcss)


def knee(wcss: NDArray[np.float64]) -> int:
    """Return where the curve, smoothed, is farthest below the line between its ends, or its end if it is never below.

    This is the rule of Satopaa et al., "Finding a 'Kneedle' in a Haystack", 2011. The smoothing spline, over the
    logarithm of the number of clusters, keeps a sharp knee and evens out the noise of k-means' random starts.
    """
    numbers = np.arange(1, len(wcss) + 1)
    if len(wcss) >= LEAST_FOR_SPLINE:
        wcss = make_smoothing_spline(np.log(numbers), wcss)(np.log(numbers))
    below = np.interp(numbers, numbers[[0, -1]], wcss[[0, -1]]) - wcss
    return int(numbers[below.argmax()] if below.max() > 1e-9 * wcss[0] else numbers[-1])
