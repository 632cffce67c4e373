"""Recommend movies under the kernels and threads of this process: ``python -m tests.model.kernels IN OUT``.

IN is a folder with a file for each data set, see `save`; OUT gets one of the same name with what `recommend` returns.
"""

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_info

from tasks.blocks import Interactions
from tasks.model import kmeans
from tasks.model.fit import fit_fine_clusters, fit_model, known_of
from tasks.model.neighbours import place
from tasks.model.rank import rank
from tasks.model.types import ModelOptions, Movies

TOP_N = 20


def save(path: Path, users: Interactions, movies: Movies, n_fine_clusters: int, options: ModelOptions) -> None:
    """Write a data set for `load`."""
    weights = users.weights
    np.savez(
        path,
        **{name: getattr(weights, name) for name in ("data", "indices", "indptr", "shape")},
        user_ids=users.user_ids,
        seconds=users.seconds,
        movie_ids=movies.movie_ids,
        n_fans=movies.n_fans,
        n_fine_clusters=n_fine_clusters,
        options=json.dumps(options._asdict()),
    )


def load(path: Path) -> tuple[Interactions, Movies, int, ModelOptions]:
    """Return what `save` wrote."""
    found = np.load(path)
    weights = csr_matrix((found["data"], found["indices"], found["indptr"]), found["shape"])
    users = Interactions(found["user_ids"], weights, found["seconds"])
    movies = Movies(found["movie_ids"], found["n_fans"], len(users.user_ids))
    return users, movies, int(found["n_fine_clusters"]), ModelOptions(**json.loads(str(found["options"])))


def recommend(users: Interactions, movies: Movies, n_fine_clusters: int, options: ModelOptions) -> dict[str, NDArray]:
    """Return user, rank and movie_id of each recommendation, and the fine cluster that k-means put each user in."""
    space, groups = fit_fine_clusters(users, movies, n_fine_clusters, options)
    model, groups = fit_model(users, movies, space, groups, options, lambda count: count(users))
    best = rank(users, place(users, model, known_of(users, groups)), model, TOP_N)
    user_id, movie_id = users.user_ids[best.user], model.movie_ids[best.movie]
    return {"user_id": user_id, "rank": best.rank, "movie_id": movie_id, "fine": groups.fine.labels}


def main(source: Path, target: Path) -> None:
    """Recommend from all data sets in a folder."""
    kmeans.SMALL_WORK = 0  # as many threads as for large data
    for path in sorted(source.glob("*.npz")):
        np.savez(target / path.name, **recommend(*load(path)))
    kernels = sorted({str(info.get("architecture")) for info in threadpool_info() if info["user_api"] == "blas"})
    (target / "kernels.json").write_text(json.dumps(kernels), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
