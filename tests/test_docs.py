"""README.md and docs/: long pages begin with their contents, and links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LONGEST = 100  # lines of a page without a list of contents: two screens
TOP = 25  # lines that such a list is in


def text_of(page: Path) -> str:
    """Return a page without its blocks of code, whose # are no headings."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors_of(page: Path, marks: str = "#{1,6}") -> list[str]:
    """Return the anchors of headings as GitHub makes them."""
    headings = re.findall(rf"^{marks} (.+)$", text_of(page), flags=re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_is_two_screens_or_begins_with_its_contents(page):
    lines = page.read_text(encoding="utf-8").splitlines()
    if len(lines) > LONGEST:
        linked = re.findall(r"\]\(#([^)]+)\)", "\n".join(lines[:TOP]))
        assert [anchor for anchor in anchors_of(page, "##") if anchor not in linked] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_to_files_and_headings_lead_there(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if target.startswith(("https://", "http://")):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), target
        assert not anchor or anchor in anchors_of(path), target
