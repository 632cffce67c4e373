"""The report as a page."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tasks.engine.duckdb import DuckDBEngine
from tasks.published.publish import restore_reports
from tasks.quality.evaluate import SCHEMA
from tasks.report.page import (
    CAPTIONS,
    Comparison,
    changed_options,
    compare,
    facts_of,
    number,
    percent,
    plain,
    read_facts,
    read_page,
    render_page,
    signed,
    write_page,
)
from tasks.report.plots.cluster_sizes import draw_cluster_sizes
from tasks.stations.evaluation import write_evaluation
from tests.conftest import TITLES, connect, publish

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=\"alert(2)\"> '{{ 7*7 }}' \u202eevil & Co (1951)"
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Reader(HTMLParser):
    """What a browser would make of a page: its text, tags and links; an unclosed tag is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all_of(self, name: str) -> list[str]:
        """The values of an attribute."""
        return [attributes[name] for _, attributes in self.tags if attributes.get(name)]


def page_of(database: Path, published: Path = Path("none")) -> str:
    """The page as `write_page` stores it."""
    assert write_page(DuckDBEngine(database), published) == "index.html"
    with connect(database) as connection:
        [(content,)] = connection.execute("select content from reports where name = 'index.html'").fetchall()
    return content.decode()


@pytest.fixture
def build(good_tables, tmp_path) -> Path:
    """A build of its own for each test."""
    return Path(shutil.copy(good_tables.build, tmp_path / "build.duckdb"))


def test_a_page_has_each_cluster_with_its_movies(build):
    page = Reader(page_of(build))
    text = "".join(page.text)
    with connect(build) as connection:
        clusters = connection.execute("select cluster, name from clusters").fetchall()
        best = connection.execute("select title from cluster_movies join movies using (movie_id) where rank <= 3")
        titles = [title for (title,) in best.fetchall()]
    assert len(clusters) == 2
    for cluster, name in clusters:
        assert f"{cluster} · {name}" in text
        assert f"cluster-{cluster}" in page.all_of("id")
    assert all(title in text for title in titles)


def test_a_page_loads_nothing_and_runs_nothing(build):
    page = Reader(page_of(build))
    addresses = page.all_of("src") + page.all_of("href")
    assert [address for address in addresses if not address.startswith(("#", "data:"))] == []
    assert not {"script", "iframe", "object", "form", "base"} & {tag for tag, _ in page.tags}
    assert [name for _, attributes in page.tags for name in attributes if name.startswith("on")] == []
    style = page.text[[tag for tag, _ in page.tags].index("style") - 1] + "".join(page.text)
    assert not re.search(r"url\(|@import|https?://", style)


def test_every_link_inside_of_the_page_arrives_somewhere(build):
    page = Reader(page_of(build))
    ids = page.all_of("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.all_of("href") if link.startswith("#")} <= set(ids)


def test_a_hostile_title_is_text(tmp_path):
    database = tmp_path / "films.duckdb"
    made = publish(database, movies=TITLES | {1: (HOSTILE, "<b>Sci-Fi</b>|Action"), 2: ("x" * 5000, "Drama")})
    html = page_of(made.build)
    page = Reader(html)
    assert "<script" not in html
    assert "<img src=x" not in html
    assert not {"script", "b"} & {tag for tag, _ in page.tags}
    assert HOSTILE.replace("\u202e", "\ufffd") in "".join(page.text), "shown as it is"
    assert "x" * 301 not in html
    assert made.run_id in html


def test_demo_data_is_called_so_and_a_source_is_named(build):
    with connect(build) as connection:
        content = read_page(connection) | {"before": None, "was_published": False}
    content["facts"]["config"]["source"] = None
    assert "DEMO DATA" in render_page(content)
    content["facts"]["config"]["source"] = "/data/<ratings>"
    page = render_page(content)
    assert "DEMO DATA" not in page
    assert "/data/&lt;ratings&gt;" in page


def test_the_run_before_is_compared_with(tmp_path):
    published = tmp_path / "films.duckdb"
    first = publish(published, min_rating=5.0)
    before = read_facts(published)
    second = publish(published)
    page = "".join(Reader((second.reports / "index.html").read_text(encoding="utf-8")).text)
    assert first.run_id in page
    assert "min_rating" in page
    with connect(second.build) as connection:
        now = facts_of(connection)
    compared = {row.name: row for row in compare(before, now)}
    assert compared["favourites"].difference == now["n_favourites"] - before["n_favourites"] > 0
    assert ("min_rating", 5.0, 4.0) in changed_options(before, now)


def test_a_first_run_says_so_and_tables_of_another_shape_are_told_apart(build, tmp_path):
    assert "Nothing was published before" in page_of(build)
    other = tmp_path / "other.duckdb"
    with connect(other) as connection:
        connection.execute("create table runs as select '20260102T030405-abcd' as run_id")
    assert read_facts(other) is None
    assert "of another shape" in page_of(build, other)


def test_rejected_rows_are_counted_and_the_first_are_shown(build):
    with connect(build) as connection:
        connection.execute(
            "insert into rejected_rows "
            "select 'ratings.csv', 100 + i, 'has <no> columns', 'line ' || i from range(30) t(i)"
        )
    text = "".join(Reader(page_of(build)).text)
    assert "30 lines were set aside; the first 20 are shown" in text
    assert "has <no> columns" in text
    assert ("line 19" in text, "line 20" in text) == (True, False)


def test_pictures_are_in_the_page_with_a_caption_each(build):
    with connect(build) as connection:
        connection.execute("delete from reports")
        for name in (*CAPTIONS, "unknown.png"):
            connection.execute("insert into reports values ($1, 'PNG'::blob)", [name])
    page = Reader(page_of(build))
    assert page.all_of("src") == ["data:image/png;base64,UE5H"] * len(CAPTIONS)
    assert page.all_of("alt") == [title for title, _ in CAPTIONS.values()]


def test_a_picture_says_in_words_what_is_seen_on_it(build, tmp_path):
    draw_cluster_sizes(np.array([9, 8, 2]), np.array([10, 9]), 6, tmp_path / "sizes.png")
    with connect(build) as connection:
        content = (tmp_path / "sizes.png").read_bytes()
        connection.execute("update reports set content = $1 where name = 'cluster_sizes.png'", [content])
    [alt] = [alt for alt in Reader(page_of(build)).all_of("alt") if alt.startswith("Sizes of the clusters")]
    assert "1 of 3 clusters too small: 2 left after merging. 19 users; a cluster needs 6 or more" in alt


def test_the_page_is_light_and_its_pictures_have_a_dark_look(good_tables):
    html = page_of(good_tables.build)
    dark = html.partition("prefers-color-scheme: dark")[2].partition("\n}")[0]
    assert ".frame img" in dark


def test_quality_is_there_when_it_was_measured(build):
    assert "was not measured" in page_of(build)
    common = {"protocol": "known users", "split": "random", "metric": "NDCG", "depth": 10, "n_users": 9}
    own = common | {"recommender": "cinecluster", "value": 0.3214, "low": 0.31, "high": 0.33}
    other = common | {"recommender": "implicit ALS", "value": 0.25, "low": 0.24, "high": 0.26, "validation": 0.2}
    other |= {"ratio": 1.2856, "ratio_low": 1.2, "ratio_high": 1.4}
    write_evaluation(DuckDBEngine(build), pl.DataFrame([own, other], schema=SCHEMA))
    text = " ".join("".join(Reader(page_of(build)).text).split())
    assert "0.321 (0.310\u20130.330)" in text
    assert "Against implicit ALS, the best on validation: 1.29x (1.20\u20131.40), better." in text


def test_writing_twice_leaves_one_page_that_goes_where_the_pictures_go(build, tmp_path):
    page = page_of(build)
    assert page_of(build) == page
    drawn = ("cluster_sizes", "elbow", "genres", "incidence", "item_weight", "top_movies", "user_map")
    restored = restore_reports(build, tmp_path / "reports")
    assert sorted(path.name for path in restored) == sorted([*(f"{name}.png" for name in drawn), "index.html"])
    assert (tmp_path / "reports" / "index.html").read_text(encoding="utf-8") == page


def test_a_difference_is_a_share_where_there_is_much_to_compare_with():
    assert Comparison("users", 200, 250).share == 0.25
    assert [Comparison("clusters", 7, 9).share, Comparison("seconds", 200.0, 250.0).share] == [None, None]
    assert [Comparison("users", None, 250).share, Comparison("users", 0, 250).share] == [None, None]


def test_numbers_read_well():
    assert [number(value) for value in (None, 0, 1234567, 0.08431, 36.84, 1234.5)] == [
        "\u2013", "0", "1,234,567", "0.084", "36.8", "1,234.5",
    ]  # fmt: skip
    assert [signed(value) for value in (None, 0, 5, -1200, 0.25)] == ["\u2013", "±0", "+5", "\u22121,200", "+0.250"]
    assert [percent(share) for share in (0, 0.051, 0.0996, 0.48, 1)] == [
        "0\u00a0%", "5.1\u00a0%", "10\u00a0%", "48\u00a0%", "100\u00a0%",
    ]  # fmt: skip
    assert plain("a\x1b[31m\u202eb\nc") == "a\ufffd[31m\ufffdb\ufffdc"
