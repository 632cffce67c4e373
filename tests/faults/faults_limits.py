"""Too little disk or memory, read-only folders, a source that changes, a clock that goes back: a clear message.

What is published stays as it is, to the last byte, and the next run succeeds.
"""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.published.publish import roll_back, versions
from tasks.published.versions import versions_of
from tests.faults.retrains import (
    LONGEST_RUN_SECONDS,
    Place,
    assert_healed,
    assert_whole,
    place_in,
    publish_again,
    retrain,
    run_of,
    stamp,
    start_retrain,
)

RAW = ("_duckdb.", "Traceback", "InternalException", "Segmentation")


@contextmanager
def left_alone(place: Place) -> Iterator[None]:
    """Check that nothing that is published changes inside, and that a run succeeds after it."""
    before = digest(place)
    yield
    assert digest(place) == before
    assert_whole(place)
    assert list(versions_of(place.database).glob("build-*")) == []
    assert retrain(place) == ""
    assert_healed(place)


def digest(place: Place) -> dict[str, str]:
    """Return the names of all published files and pictures with a hash of their content."""
    paths = [place.database, *versions_of(place.database).glob("*.duckdb"), *place.reports.iterdir()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount something at a folder; skip the test where that is not allowed."""
    made = system("mount", *options, str(folder))
    if made.returncode:
        pytest.skip(f"NOT TESTED: mounting is not possible here: {made.stderr.strip()}")
    try:
        yield
    finally:
        assert system("umount", str(folder)).returncode == 0


def system(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the system."""
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


def assert_clear(complaint: str, *words: str) -> None:
    """Check that a message says what is wrong, in one of these words, and is not a raw error."""
    print(complaint)
    assert any(word in complaint for word in words), complaint
    assert not any(word in complaint for word in RAW), complaint


@pytest.mark.parametrize("kilobytes", [50, 1000, 3000])
def test_no_file_may_grow(kilobytes: int, published: Place) -> None:
    with left_alone(published):
        assert_clear(retrain(published, largest_file=kilobytes * 1000), "File too large", "disk full")


@pytest.mark.parametrize("kilobytes", [0, 100, 1000, 3000])
def test_disk_full(kilobytes: int, source: Path, tmp_path: Path) -> None:
    place = place_in(tmp_path, source)
    place.database.parent.mkdir()
    ballast = place.database.with_name("ballast")
    with mounted(place.database.parent, "-t", "tmpfs", "-o", "size=80m", "none"):
        assert retrain(place) == ""
        with left_alone(place):
            ballast.write_bytes(bytes(shutil.disk_usage(ballast.parent).free - kilobytes * 1000))
            assert_clear(retrain(place), "No space left on device", "disk full")
            ballast.unlink()


def test_disk_too_small_for_a_second_version(source: Path, tmp_path: Path) -> None:
    """What DuckDB leaves in its write-ahead log until the file is closed may be what does not fit."""
    place = place_in(tmp_path, source)
    place.database.parent.mkdir()
    with mounted(place.database.parent, "-t", "tmpfs", "-o", "size=40m", "none"):
        assert retrain(place) == ""
        before = digest(place)
        assert_clear(retrain(place), "disk full")
        assert digest(place) == before
        assert list(versions_of(place.database).glob("build-*")) == []


def test_disk_full_of_pictures(published: Place) -> None:
    before = run_of(published.database)
    with mounted(published.reports, "-t", "tmpfs", "-o", "size=16k", "none"):
        assert_clear(retrain(published), "reports/cluster_sizes.png: cannot be written: No space left on device")
    assert assert_whole(published) == before
    assert retrain(published) == ""
    assert_healed(published)


def test_read_only_folder(published: Place) -> None:
    folder = published.database.parent
    with left_alone(published), mounted(folder, "--bind", str(folder)):
        assert system("mount", "-o", "remount,ro,bind", str(folder)).returncode == 0
        assert_clear(retrain(published), "cannot be written: Read-only file system")


def test_read_only_pictures(published: Place) -> None:
    with left_alone(published), mounted(published.reports, "--bind", str(published.reports)):
        assert system("mount", "-o", "remount,ro,bind", str(published.reports)).returncode == 0
        assert_clear(retrain(published), "reports: cannot be written: Read-only file system")


def cut(path: Path) -> None:
    """Cut a file to half."""
    os.truncate(path, path.stat().st_size // 2)


def replace(path: Path) -> None:
    """Put a shorter file in the place of one."""
    other = path.with_name("other")
    other.write_bytes(path.read_bytes()[:100_000])
    other.replace(path)


def wait_until_open(process_id: int, path: Path) -> None:
    """Wait until a process has opened a file."""
    end = time.monotonic() + LONGEST_RUN_SECONDS
    while time.monotonic() < end:
        links = (link for link in Path(f"/proc/{process_id}/fd").iterdir())
        for link in links:
            try:
                if link.readlink() == path:
                    return
            except FileNotFoundError:
                continue
    pytest.fail(f"{path} was never opened")


@pytest.mark.parametrize("change", [cut, replace])
def test_source_changes_while_it_is_read(change: Callable[[Path], None], published: Place, tmp_path: Path) -> None:
    ratings = tmp_path / "ratings.csv"
    lines = (published.source / "ratings.csv").read_bytes()
    ratings.write_bytes(lines + lines[lines.index(b"\n") + 1 :] * 150)
    with left_alone(published):
        process = start_retrain(published, source=str(tmp_path))
        wait_until_open(process.pid or 0, ratings)
        change(ratings)
        process.join(LONGEST_RUN_SECONDS)
        assert process.exitcode == 1
        assert_clear(
            published.complaint.read_text(), "ratings.csv: changed while it was read. Wait until it is complete"
        )


def test_clock_goes_back(published: Place, tmp_path: Path) -> None:
    first = run_of(published.database)
    later = "29991231T235959-ffff"
    template = stamp(versions_of(published.database) / f"{first}.duckdb", tmp_path / "later.duckdb", later)
    publish_again(published, template, later)
    assert assert_healed(published) == later
    for keep in (3, 3, 2):
        assert retrain(published, keep=keep) == ""
        now = assert_healed(published)
        assert now < later
        assert versions(published.database)[0].stem == now
        assert len(versions(published.database)) <= keep
    assert later not in [path.stem for path in versions(published.database)]
    before = roll_back(published.database, published.reports)
    assert assert_healed(published) == before < now
