"""The inverse of a positive definite matrix by LAPACK, on several threads at a time.

SciPy's own functions keep other threads of Python waiting; the pointers that it offers to compiled code do not.
"""

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 1024


def invert(matrix: NDArray[np.floating]) -> None:
    """Replace a symmetric positive definite matrix by its inverse.

    Parameters
    ----------
    matrix : shape (n, n), float32 or float64, in C order.

    Raises
    ------
    numpy.linalg.LinAlgError
        If it is not positive definite, as by rounding.
    """
    prefix = "s" if matrix.dtype == np.float32 else "d"
    n, failed = ctypes.c_int(len(matrix)), ctypes.c_int(0)
    for name in ("potrf", "potri"):  # upper for LAPACK, whose columns are our rows, is lower for us
        function_of(prefix + name)(b"U", ctypes.byref(n), matrix.ctypes.data, ctypes.byref(n), ctypes.byref(failed))
        if failed.value:
            raise np.linalg.LinAlgError("The matrix is not positive definite.")
    mirror_lower(matrix)


@cache
def function_of(name: str) -> Callable[..., None]:
    """Return a function of LAPACK with the parameters uplo, n, a, lda and info."""
    from scipy.linalg import cython_lapack  # takes a while to import, and ranking needs none of it

    capsules: dict[str, object] = {**cython_lapack.__pyx_capi__}
    capsule, api = capsules[name], ctypes.pythonapi
    name_of = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))
    pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", api))
    pointer = ctypes.c_void_p
    return ctypes.CFUNCTYPE(None, ctypes.c_char_p, pointer, pointer, pointer, pointer)(
        pointer_of(capsule, name_of(capsule))
    )


def mirror_lower(matrix: NDArray[np.floating]) -> None:
    """Write what is below the diagonal of a square matrix above it, too, a few rows at a time to save memory."""
    for start in range(0, len(matrix), BLOCK_ROWS):
        stop = start + BLOCK_ROWS
        block = matrix[start:stop, start:stop]
        block[:] = np.tril(block) + np.tril(block, -1).T
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T
