"""How recommendations are made from favourites."""

from typing import NamedTuple


class Method(NamedTuple):
    """The options of a retrain that say how recommendations are made."""

    weighting: str
    n_components: int | str
    watched_weight: float
    recency: float
    n_nearest_clusters: int | str
    closeness: float
    smoothing: float
    taste_weight: float
    max_iter: int
    seed: int
