"""Users placed among the clusters, and the tables that describe those."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from tasks.blocks import Frame, Interactions
from tasks.engine import Engine
from tasks.model.fit import known_of
from tasks.model.neighbours import Known, place
from tasks.model.types import Elbow, Groups, Model


def place_users(engine: Engine, model: Model, sample: Interactions, groups: Groups, min_cluster_size: int) -> int:
    """Build ``user_clusters``; return the number of users.

    ``sample`` and ``groups`` are the users who were in the fit: they keep the clusters that they have there.
    """
    engine.run("model/user_clusters")
    dissolved = np.bincount(groups.found.labels) < min_cluster_size
    function = partial(user_cluster_rows, model=model, known=known_of(sample, groups), dissolved=dissolved)
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
    """Build the tables of the clusters and of what their users like."""
    n_candidates = len(model.tastes)
    tastes = {"movie_id": model.movie_ids[:n_candidates], "taste": model.tastes}
    engine.run("model/fine_clusters", "model/fine_cluster_movies")
    engine.write("movie_taste_rows", tastes, "model/overall_favourites")
    engine.run("model/cluster_movies", "model/cluster_genres", "model/clusters")


def write_elbow(engine: Engine, elbow: Elbow, quality: dict[int, float], n_fine_clusters: int) -> None:
    """Build the table ``elbow``.

    Parameters
    ----------
    elbow : what was measured and chosen.
    quality : held-out NDCG@10 by number of fine clusters; empty where it was not measured.
    n_fine_clusters : number of fine clusters that k-means was asked for, 0 if the clusters serve as such.
    """
    fine, wcss = n_fine_clusters or elbow.chosen, elbow.wcss
    tried = np.array(sorted({*range(1, len(wcss) + 1), *quality, elbow.chosen, fine}), dtype=np.int32)
    rows = {
        "n_clusters": tried,
        "wcss": np.array([wcss[k - 1] if k <= len(wcss) else np.nan for k in tried]),
        "quality": np.array([quality.get(int(k), np.nan) for k in tried]),
        "is_elbow": tried == elbow.suggested,
        "is_chosen": tried == elbow.chosen,
        "is_fine": tried == fine,
    }
    engine.write("elbow_rows", rows, "model/elbow")
