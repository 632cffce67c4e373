import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import artifacts


@given(st.text(max_size=100))
def test_plain_text_has_no_markup_left(text: str) -> None:
    shown = artifacts.plain(text)
    assert not re.search(r"(?<!\\)[<>\[\]()*_`|!&#:]", shown.replace(r"\\", ""))
    assert "\n" not in shown
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", shown) == "".join(c if c.isprintable() else " " for c in text)


def test_plain_text_is_shortened() -> None:
    assert len(artifacts.plain("x" * 10_000)) == 300


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (26_024_289, "26,024,289"), (0.17041, "0.1704"), (9910.8, "9,910.80"), ("a|b", r"a\|b")],
)
def test_counts_are_readable(value: object, shown: str) -> None:
    assert artifacts.count(value) == shown


def test_a_page_that_cannot_be_written_leaves_the_run_published(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import logging

    monkeypatch.setattr(artifacts, "get_run_logger", lambda: logging.getLogger("test"))
    monkeypatch.setattr(artifacts.FlowRunContext, "get", lambda: "a run")
    artifacts.show_run(Path("/no/such/file"), Path("reports"))
    assert "Published, but the run's page is incomplete" in caplog.text


FACTS = {"run_id": "20260101T030000-aaaa", "n_users": 610, "n_clusters": 10, "seconds": 9.0, "config": {"top_n": 20}}


def test_what_changed_since_the_run_before_is_told() -> None:
    now = FACTS | {"n_users": 1_200, "n_clusters": 9, "seconds": 11.0, "config": {"top_n": 30, "database": "x"}}
    assert artifacts.changes(FACTS, now).splitlines() == [
        "| since run 20260101T030000-aaaa | before | now |",
        "|---|---:|---:|",
        "| users | 610 | 1,200 |",
        "| clusters | 10 | 9 |",
        r"| top\_n | 20 | 30 |",
    ]


def test_a_night_that_changed_nothing_says_so() -> None:
    assert artifacts.changes(FACTS, FACTS | {"seconds": 3.0}).startswith("The same rows, users")
    assert "no run before" in artifacts.changes(None, FACTS)


def test_without_a_kept_version_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    assert artifacts.facts_before(tmp_path / "films.duckdb") is None
