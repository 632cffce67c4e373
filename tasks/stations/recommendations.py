"""Every user's place among the clusters, and recommendations."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tasks.blocks import Frame, Interactions
from tasks.engine import Engine
from tasks.model.fit import known_of
from tasks.model.neighbours import Known, place
from tasks.model.rank import rank
from tasks.model.reasons import reasons
from tasks.model.recency import with_ages
from tasks.model.types import Fit, Model, Placement

STATEMENTS = {
    "user_cluster_rows": "model/user_clusters_block",
    "recommendation_rows": "model/recommendations_block",
}


def recommend_movies(engine: Engine, model: Model, fit: Fit, top_n: int, min_cluster_size: int) -> int:
    """Build ``user_clusters``, ``recommendations`` and the view ``seen``; return the number of recommendations.

    The users who were in the fit keep the clusters that they have there.
    """
    engine.run("model/user_clusters", "model/recommendations", "views/seen")
    dissolved = np.bincount(fit.groups.found.labels) < min_cluster_size
    function = partial(rows_of_users, model=model, known=known_of(fit), dissolved=dissolved, top_n=top_n)
    _, n_recommendations = engine.map_blocks(function, STATEMENTS)
    return n_recommendations


def rows_of_users(
    users: Interactions, model: Model, known: Known, dissolved: NDArray[np.bool_], top_n: int
) -> Iterator[Frame]:
    """Yield the rows of ``user_clusters`` and of ``recommendations`` of a block.

    ``dissolved`` says which of the clusters that k-means found were too small.
    """
    if model.scoring.recency or model.scoring.item_recency:
        users = with_ages(users)
    where = place(users, model, known)
    yield user_cluster_rows(users, where, model, dissolved)
    yield recommendation_rows(users, where, model, top_n)


def user_cluster_rows(users: Interactions, where: Placement, model: Model, dissolved: NDArray[np.bool_]) -> Frame:
    """Return the rows of ``user_clusters`` of a block."""
    return {
        "user_id": users.user_ids,
        "cluster": where.clusters,
        "cluster_before_merge": where.found,
        "was_moved": dissolved[where.found],
        "fine_cluster": where.fine,
        "neighbours": where.neighbours.clusters,
        "weights": where.neighbours.weights,
        "taste": where.tastes[:, : model.tastes.shape[1]],
    }


def recommendation_rows(users: Interactions, where: Placement, model: Model, top_n: int) -> Frame:
    """Return the rows of ``recommendations`` of a block."""
    best = rank(users, where, model, top_n)
    because = reasons(users, best, model)
    return {
        "user_id": users.user_ids[best.user],
        "rank": best.rank,
        "movie_id": model.movie_ids[best.movie],
        "cluster": where.clusters[best.user],
        "score": best.score,
        "cluster_score": best.cluster_score,
        "item_score": best.item_score,
        "because": np.ma.array(model.movie_ids[because], mask=because < 0),
    }
