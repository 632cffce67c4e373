"""The presets: what options are where nobody says."""

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "default": {
        "n_clusters": "auto",
        "n_fine_clusters": "auto",
        "elbow_rule": "knee",
        "elbow_users": 10_000,
        "weighting": "idf",
        "n_components": "auto",
        "near_weight": 0.5,
        "recency": 0.6,
        "n_init": 3,
        "min_cluster_size": 5,
        "merge_by": "centroid",
        "n_neighbours": "auto",
        "sharpness": 2.5,
        "smoothing": 1.0,
        "taste_weight": 1.25,
        "item_weight": "auto",
        "exclude_seen": True,
    },
    "article": {
        "n_clusters": "auto",
        "n_fine_clusters": 0,
        "elbow_rule": "boundary",
        "elbow_users": None,
        "weighting": "none",
        "n_components": 0,
        "near_weight": 0.0,
        "recency": 0.0,
        "n_init": 10,
        "min_cluster_size": 6,
        "merge_by": "overlap",
        "n_neighbours": 1,
        "sharpness": 0.0,
        "smoothing": 0.0,
        "taste_weight": 0.0,
        "item_weight": 0.0,
        "exclude_seen": False,
    },
}
