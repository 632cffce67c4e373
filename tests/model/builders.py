"""Small interactions, made by hand or read from a file."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from flows.config import RetrainOptions
from tasks.blocks import Interactions, favourites_of, rank_movies
from tasks.model.types import ModelOptions, Movies

UNSEEN = np.nan


def options_of(**options: object) -> ModelOptions:
    """Return the options of the model, those of the default preset where they are not given."""
    return RetrainOptions(**options).model


def interactions_of(weights: NDArray | list, seconds: NDArray | list | None = None) -> Interactions:
    """Return users 1, 2, ... whose rows of a dense array hold a weight for what they rated, else ``UNSEEN``.

    ``seconds`` has the time of each entry, row by row, 0 if it is left out.
    """
    dense = np.asarray(weights, dtype=np.float32)
    is_seen = ~np.isnan(dense)
    indptr = np.concatenate([[0], is_seen.sum(axis=1).cumsum()]).astype(np.int32)
    matrix = csr_matrix((dense[is_seen], np.nonzero(is_seen)[1].astype(np.int32), indptr), dense.shape)
    times = np.zeros(matrix.nnz) if seconds is None else seconds
    return Interactions(np.arange(1, len(dense) + 1, dtype=np.int32), matrix, np.asarray(times, dtype=np.int64))


def from_incidence(incidence: csr_matrix | NDArray) -> Interactions:
    """Return users who rated nothing but the favourites in a 0/1 matrix."""
    dense = incidence.toarray() if isinstance(incidence, csr_matrix) else np.asarray(incidence)
    return interactions_of(np.where(dense > 0, 1.0, UNSEEN))


def movies_of(users: Interactions) -> Movies:
    """Return the columns of interactions, with ids 10, 20, ..."""
    n_movies = users.weights.shape[1]
    n_fans = np.bincount(favourites_of(users).indices, minlength=n_movies)
    return Movies(np.arange(10, 10 * n_movies + 10, 10, dtype=np.int32), n_fans, len(users.user_ids))


def read_interactions(source: Path, near_weight: float = 0.5) -> Interactions:
    """Return the interactions of the users with favourites in a ``ratings.csv``, as a retrain makes them."""
    ratings = pl.read_csv(source / "ratings.csv")
    ratings = ratings.filter(
        (pl.col("rating") >= 4).any().over("userId"), (pl.col("rating") >= 4).any().over("movieId")
    )
    user_ids, rows = np.unique(ratings["userId"], return_inverse=True)
    columns = np.unique(ratings["movieId"], return_inverse=True)[1]
    stars = ratings["rating"].to_numpy()
    weights = np.where(stars >= 4, 1.0, np.where(stars >= 3, near_weight, 0.0)).astype(np.float32)
    order = np.lexsort((columns, rows))
    indptr = np.concatenate([[0], np.bincount(rows).cumsum()])
    matrix = csr_matrix((weights[order], columns[order], indptr), (len(user_ids), columns.max() + 1))
    users = Interactions(user_ids.astype(np.int32), matrix, ratings["timestamp"].to_numpy()[order])
    return rank_movies(users)[0]


@st.composite
def incidences(draw: st.DrawFn, max_users: int = 14, max_movies: int = 12) -> csr_matrix:
    """0/1 matrices in which every user has a favourite and every movie a fan."""
    shape = draw(st.tuples(st.integers(1, max_users), st.integers(1, max_movies)))
    liked = draw(arrays(np.bool_, shape))
    liked[~liked.any(axis=1), 0] = True
    liked = liked[:, liked.any(axis=0)]
    return csr_matrix(liked.astype(np.float32))


def labels_for(n_users: int, most: int = 5) -> st.SearchStrategy[np.ndarray]:
    """Clusters of users, numbered from 0 without gaps."""
    drawn = arrays(np.int32, n_users, elements=st.integers(0, most - 1))
    return drawn.map(lambda labels: np.unique(labels, return_inverse=True)[1].astype(np.int32))


def wcss_of(incidence: csr_matrix, labels: NDArray) -> float:
    """Return the sum of squared distances of users to the means of their clusters."""
    points = incidence.toarray().astype(np.float64)
    return sum(((points[labels == c] - points[labels == c].mean(axis=0)) ** 2).sum() for c in np.unique(labels))


def real_folder() -> Path:
    """Return the folder with real ratings that CINECLUSTER_REAL_DATA names; skip the test without."""
    folder = os.environ.get("CINECLUSTER_REAL_DATA")
    if not folder:
        pytest.skip("CINECLUSTER_REAL_DATA names no folder with ml-latest-small/ and article/")
    return Path(folder)


def article_incidence() -> csr_matrix:
    """Return the incidence of the article's 447 ratings; skip the test without them."""
    ratings = pl.read_csv(real_folder() / "article" / "ratings.csv")
    user, movie = (np.unique(ratings[name], return_inverse=True)[1] for name in ("userId", "movieId"))
    return csr_matrix((np.ones(len(user), dtype=np.float32), (user, movie)))
