"""Users placed among the clusters, and the tables that describe those."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from tasks.blocks import Frame, Interactions
from tasks.engine import Engine
from tasks.model.fit import known_of
from tasks.model.neighbours import Known, place
from tasks.model.types import Elbow, Fit, Model
from tasks.quality.choose import Choice
from tasks.quality.item_search import Tried

ITEM_COLUMNS = ("weight", "strength", "low_rank", "rarity_power", "trend_power", "recency")


def place_users(engine: Engine, model: Model, fit: Fit, min_cluster_size: int) -> int:
    """Build ``user_clusters``; return the number of users.

    The users who were in the fit keep the clusters that they have there.
    """
    engine.run("model/user_clusters")
    dissolved = np.bincount(fit.groups.found.labels) < min_cluster_size
    function = partial(user_cluster_rows, model=model, known=known_of(fit), dissolved=dissolved)
    return engine.map_blocks(function, "user_cluster_rows", "model/user_clusters_block")


def user_cluster_rows(users: Interactions, model: Model, known: Known, dissolved: NDArray[np.bool_]) -> Frame:
    """Return the rows of ``user_clusters`` of a block; ``dissolved`` says which clusters were too small."""
    where = place(users, model, known)
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


def describe_clusters(engine: Engine, model: Model) -> None:
    """Build the tables that describe the clusters by the favourites of their users."""
    n_candidates = len(model.tastes)
    movies = {"movie_id": model.movie_ids[:n_candidates], "taste": model.tastes, "boost": model.boost}
    engine.run("model/fine_clusters", "model/fine_cluster_movies")
    engine.write("scored_movie_rows", movies, "model/overall_favourites")
    engine.run("model/cluster_movies", "model/cluster_genres", "model/clusters")


def write_choices(engine: Engine, elbow: Elbow, choice: Choice) -> None:
    """Build the tables ``elbow`` and ``item_settings``."""
    fine, wcss, quality = choice.n_fine_clusters or elbow.chosen, elbow.wcss, choice.by_n_fine_clusters
    numbers = np.array(sorted({*range(1, len(wcss) + 1), *quality, elbow.chosen, fine}), dtype=np.int32)
    rows = {
        "n_clusters": numbers,
        "wcss": np.array([wcss[k - 1] if k <= len(wcss) else np.nan for k in numbers]),
        "quality": np.array([quality.get(int(k), np.nan) for k in numbers]),
        "is_elbow": numbers == elbow.suggested,
        "is_chosen": numbers == elbow.chosen,
        "is_fine": numbers == fine,
    }
    engine.write("elbow_rows", rows, "model/elbow")
    settings = {
        name: np.array([getattr(each.settings, name) for each in choice.tried], dtype=np.float64)
        for name in ITEM_COLUMNS
    }
    settings |= {
        "n_ranked": np.array([each.n_ranked for each in choice.tried], dtype=np.int32),
        "quality": np.array([each.quality for each in choice.tried], dtype=np.float64),
        "is_chosen": np.array([is_chosen(each, choice) for each in choice.tried], dtype=bool),
    }
    engine.write("item_setting_rows", settings, "model/item_settings")


def is_chosen(tried: Tried, choice: Choice) -> bool:
    """Whether settings are what was chosen, and were tried with all movies that are ranked, as the last ones were."""
    return tried.settings == choice.items and tried.n_ranked == choice.tried[-1].n_ranked
