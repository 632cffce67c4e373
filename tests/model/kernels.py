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
from tasks.model import items, kmeans
from tasks.model.fit import fit_in_memory, known_of, with_movies
from tasks.model.neighbours import place
from tasks.model.rank import rank
from tasks.model.types import ItemSettings, ModelOptions
from tasks.quality.choose import Choice, choose_settings

TOP_N = 20


def save(path: Path, users: Interactions, options: ModelOptions, choice: Choice | None) -> None:
    """Write a data set for `load`; without a choice one is made by held-out quality."""
    weights = users.weights
    np.savez(
        path,
        **{name: getattr(weights, name) for name in ("data", "indices", "indptr", "shape")},
        user_ids=users.user_ids,
        seconds=users.seconds,
        options=json.dumps(options._asdict()),
        choice=json.dumps(choice and [choice.n_fine_clusters, choice.items]),
    )


def load(path: Path) -> tuple[Interactions, ModelOptions, Choice | None]:
    """Return what `save` wrote."""
    found = np.load(path)
    weights = csr_matrix((found["data"], found["indices"], found["indptr"]), found["shape"])
    users = Interactions(found["user_ids"], weights, found["seconds"])
    choice = json.loads(str(found["choice"]))
    choice = choice and Choice(choice[0], ItemSettings(*choice[1]), {}, [], {})
    return users, ModelOptions(**json.loads(str(found["options"]))), choice


def recommend(users: Interactions, options: ModelOptions, choice: Choice | None) -> dict[str, NDArray]:
    """Return user, rank and column of each recommendation, and the fine cluster that k-means put each user in."""
    choice = choice or choose_settings(users, with_movies(users)[1], options)
    model, fit = fit_in_memory(users, choice.n_fine_clusters, options, choice.items)
    best = rank(fit.sample, place(fit.sample, model, known_of(fit)), model, TOP_N)
    user_id, movie = users.user_ids[best.user], model.movie_ids[best.movie]
    return {"user_id": user_id, "rank": best.rank, "movie": movie, "fine": fit.groups.fine.labels}


def main(source: Path, target: Path) -> None:
    """Recommend from all data sets in a folder."""
    kmeans.SMALL_WORK = 0  # as many threads as for large data
    items.MOST_ITEMS = 1000  # as old kernels take long for more
    for path in sorted(source.glob("*.npz")):
        np.savez(target / path.name, **recommend(*load(path)))
    kernels = sorted({str(info.get("architecture")) for info in threadpool_info() if info["user_api"] == "blas"})
    (target / "kernels.json").write_text(json.dumps(kernels), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
