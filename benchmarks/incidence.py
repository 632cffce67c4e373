"""The incidence of a ratings file, read by DuckDB."""

import duckdb
import numpy as np
from scipy.sparse import csr_matrix


def read_incidence(path: str) -> csr_matrix:
    """Return the favourites (4 stars or more) as a CSR matrix of users and movies, both by ascending id."""
    with duckdb.connect() as connection:
        pairs = connection.sql(
            'select "userId"::integer as user_id, "movieId"::integer as movie_id '
            "from read_csv($path) where rating >= 4",
            params={"path": path},
        ).fetchnumpy()
    _, users = np.unique(pairs["user_id"], return_inverse=True)
    _, movies = np.unique(pairs["movie_id"], return_inverse=True)
    return csr_matrix((np.ones(len(users), dtype=np.float32), (users, movies)))
