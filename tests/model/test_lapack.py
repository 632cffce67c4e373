"""The inverse of a positive definite matrix."""

import numpy as np
import pytest

from tasks.model.lapack import invert


@pytest.mark.parametrize(("dtype", "precision"), [(np.float32, 1e-3), (np.float64, 1e-9)])
@pytest.mark.parametrize("size", [1, 7, 300, 1500])
def test_the_matrix_becomes_its_inverse(size, dtype, precision):
    rows = np.random.default_rng(size).normal(size=(2 * size, size))
    matrix = (rows.T @ rows / size + np.eye(size)).astype(dtype)
    expected = np.linalg.inv(matrix.astype(np.float64))
    invert(matrix)
    np.testing.assert_allclose(matrix, expected, atol=precision)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_matrix_that_is_not_positive_definite_is_refused(dtype):
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        invert(np.array([[1, 2], [2, 1]], dtype=dtype))
