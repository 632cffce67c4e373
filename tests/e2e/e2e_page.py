"""The page in headless Chromium: complete, quiet, readable at a phone's width, light and dark."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from flows.cli import main
from tasks.source.demo_data import make_demo_data
from tests.e2e.browser import CHROMIUM, Page, browser

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(2)>"
LONG = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
CONTRAST = """
(() => {
    const parts = text => text.match(/[\\d.]+/g).map(Number);
    const light = text => {
        const [r, g, b] = parts(text).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = node => {
        for (; node; node = node.parentElement) {
            const colour = getComputedStyle(node).backgroundColor;
            if (!/, 0\\)$/.test(colour)) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let worst = 21;
    while (walker.nextNode()) {
        const node = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim() || !node.offsetParent) continue;
        const [a, b] = [light(getComputedStyle(node).color), light(behind(node))];
        worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
    }
    return worst;
})()
"""
PIERCING = """
[...document.querySelectorAll("main *, header *")].filter(node =>
    !node.closest(".frame, .wide, details:not([open])") && node.getBoundingClientRect().right > innerWidth + 0.5
).map(node => node.outerHTML.slice(0, 80))
"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a real retrain on demo data whose titles are hostile or very long."""
    folder = tmp_path_factory.mktemp("page")
    source, reports = folder / "source", folder / "reports"
    make_demo_data(source, 10_000, seed=1)
    hostile = pl.when(pl.col("movieId") % 2 == 0).then(pl.lit(HOSTILE)).otherwise(pl.lit(LONG))
    movies = pl.read_csv(source / "movies.csv").with_columns(
        pl.concat_str(hostile, "title", separator=" ").alias("title")
    )
    movies.write_csv(source / "movies.csv")
    with (source / "ratings.csv").open("a") as ratings:
        ratings.write(f"1,{LONG},4.0,1\n")
    options = {"source": source, "database": folder / "films.duckdb", "reports": reports, "max-clusters": 6}
    with pytest.raises(SystemExit) as ended:
        main(["retrain", *(str(word) for name, value in options.items() for word in (f"--{name}", value))])
    assert not ended.value.code
    return reports / "index.html"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A tab of Chromium."""
    if not CHROMIUM:
        pytest.skip("no chromium: `apt-get install chromium`, or name one in CHROMIUM")
    with browser(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_the_page_is_complete_quiet_and_readable(page_file, page, width, dark):
    page.complaints.clear()
    page.requests.clear()
    page.open(page_file, width, dark)
    assert page.value("document.querySelectorAll('article.cluster').length") > 1
    assert page.value("[...document.images].map(image => image.complete && image.naturalWidth > 0)") == [True] * 7
    assert page.value("document.documentElement.scrollWidth") == width
    assert page.value(PIERCING) == []
    assert page.value(CONTRAST) >= 4.5
    assert page.value("parseFloat(getComputedStyle(document.body).fontSize)") >= 16
    assert page.complaints == []
    assert {address for address in page.requests if not address.startswith("data:")} == {page_file.as_uri()}


def test_the_page_is_small(page_file):
    assert page_file.stat().st_size < 600_000


def test_dark_is_dark(page_file, page):
    colours = []
    for dark in (False, True):
        page.open(page_file, 1280, dark)
        colours.append(page.value("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"))
    assert min(colours[0]) > 200
    assert max(colours[1]) < 60
    assert page.value("getComputedStyle(document.images[0]).filter").startswith("invert(")


def test_a_hostile_title_is_seen_and_does_nothing(page_file, page):
    page.complaints.clear()
    page.open(page_file, 375)
    assert HOSTILE in page.value("document.body.innerText")
    assert page.value("document.scripts.length") == 0
    assert page.complaints == []


def test_a_link_in_the_contents_leads_to_its_section(page_file, page):
    page.open(page_file, 375)
    page.value("document.querySelector('nav a[href=\"#options\"]').click()")
    assert page.value("location.hash") == "#options"
    page.value("document.querySelector('#options summary').click()")
    assert "max_clusters" in page.value("document.querySelector('#options').innerText")
    assert page.value("document.documentElement.scrollWidth") == 375
