"""docs/architecture.md: what it names is there, and every room is on it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`([\w./-]+/[\w./-]*)`", TEXT)))
ROOMS = sorted(
    f"{folder.relative_to(ROOT)}/"
    for floor in ("tasks", "sql")
    for folder in (ROOT / floor).iterdir()
    if folder.is_dir() and folder.name != "__pycache__"
)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_is_named_exists(path):
    assert (ROOT / path).exists()
    assert (ROOT / path).is_dir() == path.endswith("/")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_named(room):
    assert room in PATHS


@pytest.mark.parametrize(("name", "path"), re.findall(r"`(\w+)` in `([\w./]+\.py)`", TEXT))
def test_a_name_is_in_the_file_that_is_said(name, path):
    assert re.search(rf"^(def|class) {name}\b", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
