"""Whole runs over inputs that leave little to cluster, and bad input through the command."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import ROOT
from tests.faults.faults_limits import left_alone
from tests.faults.retrains import LONGEST_RUN_SECONDS, Place, assert_healed, place_in, retrain

HEADER = "userId,movieId,rating,timestamp"


def ratings(users: int, movies: int, rating: float = 4.5) -> list[str]:
    """Return the lines of users who rated movies alike."""
    return [
        f"{user},{movie},{rating},{user * 1000 + movie}"
        for user in range(1, users + 1)
        for movie in range(1, movies + 1)
    ]


READ = {
    "one user": ratings(1, 20),
    "one movie": ratings(20, 1),
    "one user and one movie": ratings(1, 1),
    "all users alike": ratings(30, 12),
    "fewer users than clusters": [f"{user},{user * movie},4.5,1" for user in (1, 2) for movie in range(1, 9)],
    "one user of thirty with favourites": [*ratings(29, 5, 2.0), "30,1,5.0,1"],
}
REFUSED = {
    "no favourites at all": (ratings(20, 20, 3.5), "favourites"),
    "text as rating": ([*ratings(10, 5), "1,2,good,3"], "line 52: rating is not 0.5 to 5.0 in halves"),
    "header only": ([], "no ratings in it"),
}


def place_of(lines: list[str], folder: Path) -> Place:
    """Write a source and return it with a place to publish."""
    source = folder / "source"
    source.mkdir()
    (source / "ratings.csv").write_text("\n".join([HEADER, *lines, ""]))
    return place_in(folder, source)


@pytest.mark.parametrize("preset", ["default", "article"])
@pytest.mark.parametrize("name", READ)
def test_little_to_cluster(name: str, preset: str, tmp_path: Path) -> None:
    place = place_of(READ[name], tmp_path)
    assert retrain(place, preset=preset, min_cluster_size=1) == ""
    assert_healed(place)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tmp_path: Path) -> None:
    lines, words = REFUSED[name]
    place = place_of(lines, tmp_path)
    complaint = retrain(place)
    assert complaint.startswith("CineclusterError: ")
    assert words in complaint
    assert not place.database.exists()


@pytest.mark.parametrize("name", REFUSED)
def test_command_refuses(name: str, published: Place, flow_environment: dict[str, str], tmp_path: Path) -> None:
    lines, words = REFUSED[name]
    bad = published._replace(source=place_of(lines, tmp_path).source)
    command = [sys.executable, "-m", "flows.cli", "retrain", *bad.arguments]
    with left_alone(published):
        done = subprocess.run(  # noqa: S603
            command,
            cwd=ROOT,
            env=flow_environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 1
        assert words in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
