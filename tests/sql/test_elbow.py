"""The table of the elbow."""

import polars as pl
import pytest

from tasks.engine.duckdb import run
from tests.conftest import rows


def test_difference_is_what_one_more_cluster_takes_off(memory):
    frame = pl.DataFrame(
        {
            "n_clusters": [3, 1, 2, 40],
            "wcss": [60.0, 100.0, 75.5, None],
            "quality": [None, None, None, 0.25],
            "is_elbow": [False, False, True, False],
            "is_chosen": [True, False, False, False],
            "is_fine": [False, False, False, True],
        }
    )
    memory.register("elbow_rows", frame)
    run(memory, "model/elbow")
    assert rows(memory, "select n_clusters, wcss, difference from elbow") == [
        (1, 100.0, None),
        (2, 75.5, pytest.approx(24.5)),
        (3, 60.0, pytest.approx(15.5)),
        (40, None, None),
    ]
    assert rows(memory, "select n_clusters from elbow where is_elbow") == [(2,)]
    assert rows(memory, "select n_clusters from elbow where is_chosen") == [(3,)]
    assert rows(memory, "select n_clusters, quality from elbow where is_fine") == [(40, 0.25)]
    assert run(memory, "report/report_elbow") == rows(memory, "from elbow order by n_clusters")
