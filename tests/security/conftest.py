"""Published tables of a few ratings, made by the whole retrain but for its pictures."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

from flows.retrain import retrain
from tasks.favourites.log import log_of
from tasks.published.versions import versions_of
from tasks.report import pictures

OPTIONS: dict[str, Any] = {
    "n_clusters": 2,
    "n_fine_clusters": 3,
    "n_components": 4,
    "n_neighbours": 2,
    "item_weight": 0.0,
    "min_cluster_size": 3,
    "max_clusters": 3,
    "top_n": 3,
}
PICTURES = ("cluster_sizes", "elbow", "genres", "incidence", "item_weight", "top_movies", "user_map")


class Place(NamedTuple):
    """A source and what was published of it."""

    source: Path
    database: Path
    reports: Path

    def retrain(self, **options: Any) -> dict[str, Any]:
        """Run the whole retrain, without Prefect's server."""
        return retrain.fn(source=self.source, database=self.database, reports=self.reports, **OPTIONS | options)


@pytest.fixture(scope="session", autouse=True)
def quick_pictures() -> Iterator[None]:
    """Pictures of a few bytes."""
    with pytest.MonkeyPatch.context() as patch:
        for name in PICTURES:
            content = f"picture of {name}".encode()
            patch.setattr(pictures, f"draw_{name}", lambda *_, path, content=content, **__: path.write_bytes(content))
        patch.setattr(pictures, "project_users", lambda *_: (np.arange(0), np.empty((0, 2))))
        yield


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty users: odd ones favour the rockets, even ones the waltzes."""
    folder = tmp_path_factory.mktemp("source")
    movies = [f"{m},{'Rocket' if m < 10 else 'Waltz'} {m} (19{50 + m}),Drama" for m in (*range(1, 9), *range(11, 19))]
    ratings = [
        f"{user},{10 * (user % 2 == other) + k},{3.5 if other else 4.0 + (user + k) % 3 / 2},{10**9 + 60 * k}"
        for user in range(1, 21)
        for other in (0, 1)
        for k in range(1, 9)
        if (user * 5 + k * 3) % 7 > (4 if other else k % 3)
    ]
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *movies, ""]))
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *ratings, ""]))
    return folder


@pytest.fixture(scope="session")
def published(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Published tables, not to be changed."""
    folder = tmp_path_factory.mktemp("published")
    place = Place(source, folder / "data" / "films.duckdb", folder / "reports")
    place.retrain()
    return place


@pytest.fixture
def database(published: Place) -> Iterator[Path]:
    """The published file; favourites that a test adds are forgotten after it."""
    kept = {path for path in versions_of(published.database).rglob("*") if path.is_file()}
    yield published.database
    log_of(published.database).unlink(missing_ok=True)
    for path in versions_of(published.database).rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()


@pytest.fixture
def place(source: Path, tmp_path: Path) -> Place:
    """A place where nothing is published yet."""
    return Place(source, tmp_path / "data" / "films.duckdb", tmp_path / "reports")


@pytest.fixture
def published_place(published: Place, place: Place) -> Place:
    """A place of one test where a run is published."""
    shutil.copytree(published.database.parent, place.database.parent)
    shutil.copytree(published.reports, place.reports)
    return place


def copy_of(database: Path, path: Path) -> Path:
    """Copy the published file alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(database, path))
