"""Held-out quality of a run, kept by user, and compared with that of the run before."""

from pathlib import Path

import numpy as np
import polars as pl

from tasks.engine import Engine
from tasks.engine.duckdb import frame
from tasks.published.read import connect_to_published, tables_in
from tasks.quality.choose import Choice
from tasks.quality.nights import measure_change

NEEDED = {"held_out_quality", "model"}


def compare_quality(engine: Engine, published: Path, choice: Choice, seed: int) -> dict[str, float]:
    """Build ``held_out_quality``; return its mean, and how it changed since the run that made the file ``published``.

    Only users whom both runs measured are compared. Nothing is said of the change where no earlier run is published,
    it measured nothing, or it read the ratings of other people; see `tasks.quality.nights`.
    """
    users = np.array(list(choice.by_user), dtype=np.int32)
    values = np.array(list(choice.by_user.values()), dtype=np.float64)
    engine.write("held_out_rows", {"user_id": users, "ndcg": values}, "quality/held_out_quality")
    if not choice.by_user:
        return {}
    quality = {"quality": float(values.mean()), "n_quality_users": len(values)}
    before = read_quality(published)
    if before is None:
        return quality
    with engine.connect() as connection:
        connection.register("quality_before", before)
        pairs = frame(connection, "quality/quality_pairs")
        connection.unregister("quality_before")
    return quality | measure_change(pairs["ndcg_before"].to_numpy(), pairs["ndcg"].to_numpy(), seed)


def read_quality(published: Path) -> pl.DataFrame | None:
    """Return what the published run measured of each user, with the user's favourites; None where it did not."""
    if not published.exists():
        return None
    with connect_to_published(published) as connection:
        if not tables_in(connection) >= NEEDED:
            return None
        return frame(connection, "quality/quality_before")
