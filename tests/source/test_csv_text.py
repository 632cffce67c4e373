"""Lines and rows of text: every line end, every place to break a block, and messages that name the line."""

import gzip
from pathlib import Path

import pytest

from tasks.errors import CineclusterError
from tasks.source import csv_text
from tasks.source.csv_text import count_lines, fingerprint, read_lines, read_rows, unchanged
from tasks.source.header import LONGEST_LINE, read_header


def write(folder: Path, content: bytes, name: str = "some.csv") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content)
    return path


def lines_of(path: Path) -> list[tuple[int, str]]:
    """Return number and text of every line that is not blank."""
    return [row for frame in read_lines(path) for row in frame.rows()]


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 4, 5, 7, 16, 1000])
@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n", []),
        (b"a", [(1, "a")]),
        (b"a\nb", [(1, "a"), (2, "b")]),
        (b"a\nb\n", [(1, "a"), (2, "b")]),
        (b"a\r\nb\r\n", [(1, "a"), (2, "b")]),
        (b"a\rb\r", [(1, "a"), (2, "b")]),
        (b"a\r\r\nb", [(1, "a"), (3, "b")]),
        (b"a\n\rb", [(1, "a"), (3, "b")]),
        (b"\r\n\r\n\n\ra\r", [(5, "a")]),
        (b"a\n\n\n bb \n", [(1, "a"), (4, " bb ")]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [(1, "a"), (2, "\ufeffb")]),
        ("é\n日本\n".encode(), [(1, "é"), (2, "日本")]),
        (b"\xffa\nb\x00\n\xe6\x97", [(1, "\ufffda"), (2, "b\x00"), (3, "\ufffd")]),
        (b"a\x0bb\x0cc\x1cd\xc2\x85e\xe2\x80\xa8f\n", [(1, "a\x0bb\x0cc\x1cd\x85e\u2028f")]),
    ],
)
def test_read_lines(
    content: bytes, lines: list[tuple[int, str]], chunk_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_text, "CHUNK_BYTES", chunk_bytes)
    assert lines_of(write(tmp_path, content)) == lines
    assert lines_of(write(tmp_path, gzip.compress(content), "some.csv.gz")) == lines


def test_a_line_without_end_is_not_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_text, "CHUNK_BYTES", 1000)
    lines = lines_of(write(tmp_path, b"a\n" + b"x" * 1_000_000 + b"\nb"))
    assert [(number, text[:3]) for number, text in lines] == [(1, "a"), (2, "xxx"), (3, "b")]
    assert LONGEST_LINE < len(lines[1][1]) < 3 * LONGEST_LINE


@pytest.mark.parametrize(
    ("content", "n_lines"),
    [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2), (b"a\n" * 2_000_000, 2_000_000)],
)
def test_count_lines(content: bytes, n_lines: int, tmp_path: Path) -> None:
    assert count_lines(write(tmp_path, content)) == n_lines
    assert count_lines(write(tmp_path, gzip.compress(content, 1), "some.csv.gz")) == n_lines


def test_a_file_that_breaks_off_is_read_as_far_as_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_text, "CHUNK_BYTES", 1000)
    content = b"".join(b"%d,%d\n" % (number, number * number % 9973) for number in range(20_000))
    frames = read_lines(write(tmp_path, gzip.compress(content)[:-5000], "some.csv.gz"))
    last = 0
    with pytest.raises(
        CineclusterError, match=r"some.csv.gz: breaks off, at line \d+ or later: .*Fetch the file again"
    ) as caught:
        for frame in frames:
            last = frame["line"][-1]
    assert last > 100
    assert f"at line {last + 1} or later:" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "header"),
    [
        (b"a,b", ["a", "b"]),
        (b"a,b\rc", ["a", "b"]),
        (b"\xef\xbb\xbf\"a\", 'b' ,c\r\nx", ["a", "'b'", "c"]),
        (b"\nx", [""]),
        ("é\u2028,b\nx".encode(), ["é", "b"]),
    ],
)
def test_read_header(content: bytes, header: list[str], tmp_path: Path) -> None:
    assert read_header(write(tmp_path, content)) == header


def test_header_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CineclusterError, match=r"some.csv: cannot be read: .*No such file"):
        read_header(tmp_path / "some.csv")


def test_unchanged(tmp_path: Path) -> None:
    path = write(tmp_path, b"a")
    with unchanged(path):
        assert path.read_bytes() == b"a"
    message = r"some.csv: changed while it was read. Wait until it is complete"
    with pytest.raises(CineclusterError, match=message), unchanged(path):
        path.write_bytes(b"ab")


def test_unchanged_tells_first_of_the_change(tmp_path: Path) -> None:
    path = write(tmp_path, b"a")
    with pytest.raises(ValueError, match="of its own"), unchanged(path):
        raise ValueError("of its own")
    with pytest.raises(CineclusterError, match="changed while it was read"), unchanged(path):
        path.unlink()
        raise ValueError("because of that")
    assert fingerprint(path) == ()


def test_read_rows(tmp_path: Path) -> None:
    content = b'id, title ,x\r\n1,"a, ""b""\r\nc",y\r\n\r\n2\r3,d,y,z\n4,\xff\0,'
    rows = read_rows(write(tmp_path, content), ("title", "id"))
    assert rows.columns == ["line", "n_fields", "width", "title", "id"]
    assert rows.rows() == [
        (3, 3, 3, 'a, "b"\r\nc', "1"),
        (5, 1, 3, None, "2"),
        (6, 4, 3, "d", "3"),
        (7, 3, 3, "\ufffd\ufffd", "4"),
    ]


def test_read_rows_of_a_header_only(tmp_path: Path) -> None:
    rows = read_rows(write(tmp_path, b"id,title"), ("title",))
    assert (rows.columns, rows.rows()) == (["line", "n_fields", "width", "title"], [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty. It needs a header line"),
        (b"id,name\n", "line 1: no column 'title'; it has 'id,name'. Give it a header line"),
        (b'"id,title\n1,a\n', "line 1: a quote is opened in this row and never closed. Close it"),
        (b'id,title\n1,"a"\n2,"b\n3,c\n', "line 3: a quote is opened in this row and never closed. Close it"),
        (b'id,title\n1,"a""', "line 2: a quote is opened in this row and never closed. Close it"),
        (b"id,title\n1,a\n2," + b"b" * 200_000, "line 3: field larger than field limit"),
        (b"\x1b[31m\n", r"line 1: no column 'id'; it has '\x1b[31m'"),
    ],
)
def test_rows_that_cannot_be_read(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(CineclusterError) as caught:
        read_rows(write(tmp_path, content), ("id", "title"))
    assert f"some.csv{' ' if message.startswith('line') else ': '}{message}" in str(caught.value)
    assert str(caught.value).isprintable()
