"""Tables that describe the clusters, and what was chosen."""

import numpy as np

from tasks.engine import Engine
from tasks.model.types import Elbow, Model
from tasks.quality.choose import Choice
from tasks.quality.item_search import Tried

ITEM_COLUMNS = ("weight", "strength", "low_rank", "rarity_power", "trend_power", "recency")


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
