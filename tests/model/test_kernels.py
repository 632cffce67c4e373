"""The same recommendations whatever kernels a processor makes NumPy, SciPy and OpenBLAS take, with 1 or 2 threads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from tasks.model.types import CLUSTERS_ALONE
from tasks.quality.choose import Choice
from tasks.quality.item_search import USUAL
from tasks.source.demo_data import make_demo_data
from tests.model.builders import from_incidence, options_of, read_interactions
from tests.model.kernels import save

NEEDS = {"Nehalem": "SSE42", "Sandybridge": "AVX", "Haswell": "AVX2", "SkylakeX": "AVX512_SKX"}
N_TWINS = 150
MOST_MOVED = 0.01  # share of users whom k-means may put elsewhere


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A folder with the data sets: demo data, real ones if there are any, and twins."""
    folder = tmp_path_factory.mktemp("sources")
    make_demo_data(folder / "demo", 20_000)
    save(folder / "demo.npz", read_interactions(folder / "demo"), options_of(), None)
    diverse = options_of(diversity=0.4)
    save(folder / "diverse.npz", read_interactions(folder / "demo"), diverse, Choice(20, USUAL, {}, [], {}))
    save(folder / "twins.npz", from_incidence(twin_movies()), options_of(), Choice(20, CLUSTERS_ALONE, {}, [], {}))
    save(folder / "twins and items.npz", from_incidence(twin_movies()), options_of(), Choice(20, USUAL, {}, [], {}))
    if real := os.environ.get("CINECLUSTER_REAL_DATA"):
        users = read_interactions(Path(real) / "ml-latest-small")
        save(folder / "ml-latest-small.npz", users, options_of(), Choice(100, USUAL, {}, [], {}))
    return folder


def twin_movies():
    """An incidence in which the same users favourited movies 2 i and 2 i + 1, the most favourited first."""
    random = np.random.default_rng(4)
    half = random.random((200, N_TWINS)) < 0.1
    half[:, 0] |= ~half.any(axis=1)
    half[0] |= ~half.any(axis=0)
    half[0, 7] = False  # user 0, who favourited nearly everything, has something left
    return half[:, np.argsort(-half.sum(axis=0), kind="stable")].repeat(2, axis=1)


def newer_features(kernels):
    """What NumPy uses of this processor that one with these OpenBLAS kernels does not have."""
    enabled = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    wide = [name for name in enabled if name.startswith("AVX512") or name == "X86_V4"]
    return {"SkylakeX": [], "Haswell": wide}.get(kernels, enabled)


def recommend_under(kernels, n_threads, sources, target):
    """Recommend from all sources in a process of its own; return the results by data set."""
    target.mkdir()
    environment = os.environ | {
        "OPENBLAS_CORETYPE": kernels,
        "OPENBLAS_NUM_THREADS": str(n_threads),
        "LOKY_MAX_CPU_COUNT": str(n_threads),
        "NPY_DISABLE_CPU_FEATURES": " ".join(newer_features(kernels)),
    }
    command = [sys.executable, "-m", "tests.model.kernels", str(sources), str(target)]
    subprocess.run(command, env=environment, cwd=Path(__file__).parents[2], check=True)  # noqa: S603
    assert json.loads((target / "kernels.json").read_text()) == [kernels]
    return {path.stem: np.load(path) for path in target.glob("*.npz")}


@pytest.fixture(scope="module")
def expected(sources, tmp_path_factory):
    """What is recommended under the oldest kernels."""
    if not __cpu_features__.get(NEEDS["Nehalem"]):
        pytest.skip("These kernels are for x86-64 processors.")
    return recommend_under("Nehalem", 1, sources, tmp_path_factory.mktemp("expected") / "found")


@pytest.fixture(
    scope="module",
    params=[("Sandybridge", 1), ("Haswell", 1), ("Haswell", 2), ("SkylakeX", 2)],
    ids="{0[0]} {0[1]}".format,
)
def found(request, sources, expected, tmp_path_factory):
    """What is recommended under other kernels or with another number of threads."""
    kernels, n_threads = request.param
    if not __cpu_features__.get(NEEDS[kernels]):
        pytest.skip(f"NOT TESTED: this processor cannot run {kernels} kernels, it has no {NEEDS[kernels]}.")
    return recommend_under(kernels, n_threads, sources, tmp_path_factory.mktemp("found") / "found")


def test_rows_are_the_same_but_for_users_whom_k_means_put_elsewhere(sources, expected, found):
    assert found.keys() == expected.keys() == {path.stem for path in sources.glob("*.npz")} > {"demo"}
    for name, one in expected.items():
        other = found[name]
        user_ids = np.load(sources / f"{name}.npz")["user_ids"]
        moved = user_ids[one["fine"] != other["fine"]]
        assert len(moved) <= MOST_MOVED * len(user_ids)
        rows, other_rows = (rows_of(result, moved) for result in (one, other))
        assert len(rows) > 0
        np.testing.assert_array_equal(rows, other_rows, name)


def rows_of(result, left_out):
    """The rows (user, rank, movie) of all users but some."""
    rows = np.stack([result[name] for name in ("user_id", "rank", "movie")], axis=1)
    return rows[~np.isin(rows[:, 0], left_out)]


@pytest.mark.parametrize("name", ["twins", "twins and items"])
def test_twins_come_one_after_the_other_the_lower_id_first(name, expected, found):
    for twins in (expected[name], found[name]):
        place = {(u, m): rank for u, rank, m in zip(twins["user_id"], twins["rank"], twins["movie"], strict=True)}
        for (user, movie), rank in place.items():
            if movie % 2:  # the second of a pair
                assert place.get((user, movie - 1)) == rank - 1
