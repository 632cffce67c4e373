"""Held-out quality of a run, and how it changed since the run before."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.quality.metrics import bootstrap_means, summary
from tasks.text import share_in_words

FEWEST_USERS = 50  # in both runs; an interval of fewer tells little


def measure_change(before: NDArray[np.float64], now: NDArray[np.float64], seed: int) -> dict[str, float]:
    """Return how quality changed, by the values of the same users in two runs; nothing for fewer than 50 users.

    Returns
    -------
    ``n_quality_pairs``, ``quality_before`` (mean), and ``quality_change``, ``quality_change_low`` and
    ``quality_change_high``: the difference of the means as a share of ``quality_before``, and its 95 % interval by
    paired bootstrap over users.
    """
    if len(now) < FEWEST_USERS or not before.any():
        return {}
    differences = np.vstack([(now - before).mean(keepdims=True), bootstrap_means((now - before)[:, None], seed)])
    change, low, high = summary(differences[:, 0] / before.mean())
    return {
        "n_quality_pairs": len(now),
        "quality_before": float(before.mean()),
        "quality_change": float(change or 0),
        "quality_change_low": float(low or 0),
        "quality_change_high": float(high or 0),
    }


def quality_in_words(facts: Mapping[str, Any]) -> str:
    """Say what the held-out quality of a run is, out of the metrics of the run."""
    if facts.get("quality") is None:
        return "Quality on held-out favourites was not measured: with these options nothing is chosen by it."
    return (
        f"Of {facts['n_quality_users']:,} users a fifth of the favourites was hidden, and had to be found again with "
        f"the settings that this run chose: NDCG@10 is {facts['quality']:.4f}. It would be 1 if hidden favourites came "
        "first for everybody."
    )


def change_in_words(facts: Mapping[str, Any]) -> str:
    """Say how quality changed since the run before; nothing where that is not known."""
    if facts.get("quality_change") is None:
        return ""
    share = share_in_words(facts["quality_change"])
    low, high = (share_in_words(facts[f"quality_change_{end}"]) for end in ("low", "high"))
    return (
        f"On the {facts['n_quality_pairs']:,} users whom the run before measured too, it is {share} against "
        f"{facts['quality_before']:.4f} then (95 % interval {low} to {high})."
    )
