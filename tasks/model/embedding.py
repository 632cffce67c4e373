"""The taste space: where users with the same favourites are near each other."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

from tasks.blocks import Interactions, evidence_of, favourites_of, with_data
from tasks.model.recency import discount
from tasks.model.types import ModelOptions, Movies, Points, Scoring, TasteSpace

MANY_USERS, FEW_COMPONENTS, MANY_COMPONENTS = 3000, 32, 64


def embed(sample: Interactions, movies: Movies, options: ModelOptions) -> tuple[TasteSpace, Points]:
    """Return the space that users are clustered in, and the points of the sample as of `place_in_space`.

    Parameters
    ----------
    sample : the users that it is fitted to.
    movies : the columns of interactions.
    options : ``weighting`` ``"none"`` is for the incidence as it is, ``"idf"`` for tastes; ``n_components`` columns,
        by truncated SVD, 0 for no SVD, ``"auto"`` for 32, or 64 of many users; ``recency`` as in `weigh`.

    Notes
    -----
    The SVD runs in float64: float32 products differ between processors in their last bits, which would put equally
    good movies in another order.
    """
    n_components = options.n_components
    if n_components == "auto":
        n_components = MANY_COMPONENTS if movies.n_users >= MANY_USERS else FEW_COMPONENTS
    n_components = min(int(n_components), min(sample.weights.shape) - 1)
    n_movies = len(movies.n_fans)
    idf = np.ones(n_movies, dtype=np.float32) if options.weighting == "none" else idf_of(movies)
    weighed = weigh(sample, idf, options)
    axes, scale = np.zeros((n_movies, 0)), np.zeros(0)
    if n_components > 0:
        svd = TruncatedSVD(n_components, n_iter=5, random_state=options.seed)
        with np.errstate(invalid="ignore"):  # users who are all alike have no variance to explain
            svd.fit(weighed.astype(np.float64))
        axes, scale = svd.components_.T, np.ones(n_components)
        if options.weighting == "idf":
            scale = np.sqrt(np.maximum(svd.singular_values_, np.finfo(np.float32).tiny))
    centre = np.zeros_like(scale)
    space = TasteSpace(*(array.astype(np.float32) for array in (idf, axes, scale, centre)))
    if n_components > 0 and options.weighting == "idf":
        mean = project(weighed, space, options).mean(axis=0, dtype=np.float64)
        space = space._replace(centre=mean.astype(np.float32))
    return space, project(weighed, space, options)


def idf_of(movies: Movies) -> NDArray[np.float32]:
    """Return sqrt(ln(N / n_i)) of each movie, the square root of its inverse document frequency.

    N are the users, n_i those who favourited movie i: what few people favourited tells more about taste.
    """
    return np.sqrt(np.log(movies.n_users / np.maximum(movies.n_fans, 1))).astype(np.float32)


def place_in_space(users: Interactions, space: TasteSpace, options: ModelOptions | Scoring) -> Points:
    """Return the points of users, one row each.

    Without axes it is the weighed incidence. With weighting ``"idf"`` it is U sqrt(S) of the SVD, each row of length
    1, then seen from the centre and again of length 1; else U S. Shape (n_users, n_components), float32.
    """
    return project(weigh(users, space.idf, options), space, options)


def project(weighed: csr_matrix, space: TasteSpace, options: ModelOptions | Scoring) -> Points:
    """Return the points of users whose evidence has been weighed."""
    if not space.axes.shape[1]:
        return weighed
    points = (weighed @ space.axes.astype(np.float64)) / space.scale
    if options.weighting == "idf":
        points = normalize(normalize(points) - space.centre)
    return points.astype(np.float32)


def weigh(users: Interactions, idf: NDArray[np.float32], options: ModelOptions | Scoring) -> csr_matrix:
    """Return the incidence, or with ``weighting`` ``"idf"`` the evidence with rows of length 1.

    There an entry counts its weight, times the ``idf`` of the movie, times the `discount` by the ``recency``.
    """
    if options.weighting == "none":
        return favourites_of(users)
    evidence = evidence_of(users)
    weights = evidence.weights
    data = weights.data * idf[weights.indices] * discount(evidence, options.recency)
    return normalize(with_data(weights, data), copy=False)
