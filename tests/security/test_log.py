"""A log that we did not write is an error, and stays as it is."""

import pytest

from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.favourites.log import HEADER, log_of, read_log

LINE = "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f"{HEADER}\r{LINE},1,2,add\r{LINE},3,4,add\r", "its lines end with LF"),
        ("no line end, and not ours", "it begins with changed_at"),
        (f"{HEADER}\n{LINE},0,2,add\n", "line 2: .*ids are numbers from 1 on"),
        (f"{HEADER}\n{LINE},3,2,add\n{LINE},3,-5,add\n", "line 3: .*ids are numbers from 1 on"),
        (f"{HEADER}\n{LINE},3,99999999999,add\n", "not a log of favourites"),
        (f"{HEADER}\n{LINE},3,4,eat\n", "with add or remove"),
        (f"{HEADER}\nyesterday,3,4,add\n", "not a log of favourites"),
    ],
    ids=["CR", "no line end", "user 0", "movie -5", "too large", "eat", "yesterday"],
)
def test_such_a_log_is_refused_and_kept(text, error, database):
    log_of(database).write_text(text, newline="")
    with pytest.raises(CineclusterError, match=error):
        change_favourites(database, [(2, 1)])
    assert log_of(database).read_bytes() == text.encode()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_both_line_ends_of_editors_are_read(end, database):
    log_of(database).write_text(f"{HEADER}{end}{LINE},2,1,add{end}", newline="")
    assert read_log(database).select("user_id", "movie_id", "change").rows() == [(2, 1, "add")]


def test_a_log_whose_first_line_was_never_finished_is_begun_anew(database):
    log_of(database).write_text(HEADER[:11])
    assert change_favourites(database, [(2, 1)]) == 1
    assert log_of(database).read_text().startswith(f"{HEADER}\n")
