"""The elbow: WCSS by number of clusters, and the number that it suggests."""

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_smoothing_spline
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from tasks.clusters import Points, threads_for
from tasks.step import report_progress, step

LEAST_FOR_SPLINE = 5  # points


@step("Measure the elbow")
def measure_wcss(
    points: Points,
    max_clusters: int,
    n_init: int,
    max_iter: int,
    sample_users: int | None,
    seed: int,
) -> NDArray[np.float64]:
    """Return the WCSS of k-means with 1, 2, ... ``max_clusters`` clusters, in the space of ``points``.

    Parameters
    ----------
    points : shape (n_users, n_columns).
    max_clusters : the curve ends earlier where fewer clusters hold every user at distance 0.
    n_init, max_iter : as for scikit-learn's KMeans.
    sample_users : so many users are drawn, and their WCSS scaled to all; None for all users.
    """
    n_users = points.shape[0]
    sample = draw_users(points, sample_users, seed)
    n_fits = min(max_clusters, sample.shape[0])
    wcss: list[float] = []
    with threadpool_limits(threads_for(sample, max_clusters)):
        while len(wcss) < n_fits and (not wcss or wcss[-1] > 0):
            k_means = KMeans(len(wcss) + 1, n_init=n_init, max_iter=max_iter, random_state=seed).fit(sample)
            wcss.append(k_means.inertia_ * n_users / sample.shape[0])
            report_progress(len(wcss), n_fits)
    return np.array(wcss)


def draw_users(points: Points, sample_users: int | None, seed: int) -> Points:
    """Return a random sample of the rows, in their order; all of them if they are no more."""
    n_users = points.shape[0]
    if sample_users is None or n_users <= sample_users:
        return points
    return points[np.sort(np.random.default_rng(seed).choice(n_users, sample_users, replace=False))]


def choose_n_clusters(wcss: NDArray[np.float64], elbow_rule: str, elbow_boundary: float) -> int:
    """Return the number of clusters at the elbow of a WCSS curve.

    Parameters
    ----------
    wcss : WCSS of 1, 2, ... clusters.
    elbow_rule : ``"knee"``, see `knee`, or ``"boundary"``, the last number whose WCSS is lower than the one before by
        more than ``elbow_boundary``.
    """
    if elbow_rule == "boundary":
        above = np.flatnonzero(-np.diff(wcss) > elbow_boundary)
        return int(above[-1]) + 2 if len(above) else 1
    return knee(wcss)


def knee(wcss: NDArray[np.float64]) -> int:
    """Return where the curve, smoothed, is farthest below the line between its ends; its end where it nowhere is.

    So do Satopaa et al., "Finding a 'Kneedle' in a Haystack", 2011. The smoothing spline, over the logarithm of the
    number of clusters, follows a sharp knee and evens out what k-means' random starts do to a curve without one.
    """
    numbers = np.arange(1, len(wcss) + 1)
    if len(wcss) >= LEAST_FOR_SPLINE:
        wcss = make_smoothing_spline(np.log(numbers), wcss)(np.log(numbers))
    below = np.interp(numbers, numbers[[0, -1]], wcss[[0, -1]]) - wcss
    return int(numbers[below.argmax()] if below.max() > 1e-9 * wcss[0] else numbers[-1])
