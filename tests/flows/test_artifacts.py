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
