"""Recommendations for every user."""

from functools import partial

import numpy as np

from tasks.blocks import Frame, Interactions
from tasks.engine import Engine
from tasks.model.fit import known_of
from tasks.model.neighbours import Known, place
from tasks.model.rank import rank
from tasks.model.reasons import reasons
from tasks.model.recency import with_ages
from tasks.model.types import Fit, Model


def recommend_movies(engine: Engine, model: Model, fit: Fit, top_n: int) -> int:
    """Build ``recommendations`` and the view ``seen``; return the number of recommendations.

    The users who were in the fit keep the clusters that they have there.
    """
    engine.run("model/recommendations", "views/seen")
    function = partial(recommendation_rows, model=model, known=known_of(fit), top_n=top_n)
    return engine.map_blocks(function, "recommendation_rows", "model/recommendations_block")


def recommendation_rows(users: Interactions, model: Model, known: Known, top_n: int) -> Frame:
    """Return the rows of ``recommendations`` of a block."""
    if model.scoring.recency or model.scoring.item_recency:
        users = with_ages(users)
    where = place(users, model, known)
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
