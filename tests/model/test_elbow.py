"""The elbow: the curve against scikit-learn's, and both rules on curves with a known answer."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans

from tasks.model.elbow import draw_users, find_elbow, measure_wcss
from tests.model.builders import article_incidence, options_of


def measure(points, max_clusters, n_init, max_iter, elbow_users, seed):
    """The WCSS curve with these options."""
    options = options_of(max_clusters=max_clusters, n_init=n_init, max_iter=max_iter, seed=seed)
    return measure_wcss(points, points.shape[0], options._replace(elbow_users=elbow_users))


def choose(wcss, elbow_rule):
    """The number of clusters at the elbow by a rule; the boundary is 10."""
    return find_elbow(wcss, options_of(elbow_rule=elbow_rule, elbow_boundary=10.0))


@pytest.fixture(scope="module")
def points():
    """90 points around three corners."""
    random = np.random.default_rng(2)
    return (np.repeat(np.eye(3) * 9, 30, axis=0) + random.normal(size=(90, 3))).astype(np.float32)


def test_curve_is_scikit_learns_inertia(points):
    curve = measure(points, 4, 2, 100, None, 0)
    expected = [KMeans(k, n_init=2, max_iter=100, random_state=0).fit(points).inertia_ for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(curve, expected, rtol=1e-5)
    assert curve[0] == pytest.approx(((points - points.mean(axis=0)) ** 2).sum(), rel=1e-5)


def test_curve_is_the_same_again_and_other_with_another_seed(points):
    assert measure(points, 6, 1, 5, None, 0).tolist() == measure(points, 6, 1, 5, None, 0).tolist()
    assert measure(points, 6, 1, 5, 50, 0).tolist() != measure(points, 6, 1, 5, 50, 1).tolist()


def test_wcss_of_a_sample_is_scaled_to_all_users(points):
    sampled, full = measure(points, 3, 1, 100, 45, 0), measure(points, 3, 1, 100, None, 0)
    np.testing.assert_allclose(sampled, full, rtol=0.3)


def test_wcss_is_scaled_to_the_users_that_the_points_stand_for(points):
    options = options_of(max_clusters=2)
    np.testing.assert_allclose(measure_wcss(points, 900, options), 10 * measure_wcss(points, 90, options), rtol=1e-6)


def test_sample_has_distinct_users_in_their_order(points):
    drawn = draw_users(np.arange(100)[:, None], 10, seed=0)[:, 0]
    assert (np.diff(drawn) > 0).all()
    assert len(drawn) == 10
    assert draw_users(points, 90, 0) is points


def test_curve_ends_where_every_user_is_at_a_centroid():
    incidence = csr_matrix(np.array([[1, 0, 0]] * 4 + [[0, 1, 0]] * 4 + [[0, 0, 1]] * 4, dtype=np.float32))
    curve = measure(incidence, 30, 1, 10, None, 0)
    assert len(curve) == 3
    assert curve[-1] == 0


def test_curve_is_no_longer_than_there_are_users():
    assert len(measure(np.array([[0.0], [1.0]], dtype=np.float32), 30, 1, 10, None, 0)) <= 2


def test_knee_is_the_number_of_corners(points):
    assert choose(measure(points, 10, 3, 100, None, 0), "knee") == 3


@pytest.mark.parametrize("n_corners", [2, 3, 5, 8])
def test_smoothing_keeps_a_sharp_knee(n_corners):
    curve = np.r_[np.linspace(100, 20, n_corners), np.linspace(19.5, 15, 30 - n_corners)]
    assert choose(curve, "knee") == n_corners


def test_noise_moves_the_knee_of_a_smooth_curve_by_one_at_most():
    random = np.random.default_rng(0)
    smooth = 100 * np.arange(1, 31) ** -0.2
    expected = choose(smooth, "knee")
    found = [choose(smooth * random.normal(1, 0.002, 30), "knee") for _ in range(50)]
    assert {abs(n_clusters - expected) for n_clusters in found} <= {0, 1}


@pytest.mark.parametrize(
    ("wcss", "expected"),
    [
        ([100, 80, 65, 60, 58], 3),
        ([100, 95, 80, 79], 3),  # the last one counts, not the first one below
        ([100, 99, 98], 1),
        ([100, 90, 80], 1),  # a difference of just the boundary is not above it
        ([100], 1),
    ],
)
def test_boundary_is_the_last_difference_above_it(wcss, expected):
    assert choose(np.array(wcss, dtype=float), "boundary") == expected


@pytest.mark.parametrize(("wcss", "expected"), [([5.0], 1), ([5.0, 1.0], 2), ([9.0, 6.0, 3.0, 0.0], 4)])
def test_knee_of_a_curve_without_one_is_its_end(wcss, expected):
    assert choose(np.array(wcss), "knee") == expected


def test_article_curve_starts_at_381():
    curve = measure(article_incidence(), 3, 10, 300, None, 0)
    assert curve[0] == pytest.approx(381.35, abs=1e-3)
    assert (np.diff(curve) < 0).all()
