"""Every kind of bad input: either a message that says what to mend, or bad lines set aside by number and reason.

Each case is read in parallel and line by line, and must come out the same.
"""

import errno
import gzip
import io
import os
import re
import resource
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tasks.engine.duckdb import DuckDBEngine, machine_errors
from tasks.errors import CineclusterError
from tasks.favourites.log import ingest_favourites_log
from tasks.source import csv_text, ingest
from tasks.source.ingest import RowCounts, ingest_movies, ingest_ratings
from tests.conftest import connect

HEADER = "userId,movieId,rating,timestamp"
BAD_USER = "userId is not a whole number from 1 to 2147483647"
BAD_MOVIE = "movieId is not a whole number from 1 to 2147483647"
BAD_RATING = "rating is not 0.5 to 5.0 in halves"
BAD_TIME = "timestamp is not in seconds between 1970 and 2100"
BAD_TEXT = "is not UTF-8 text"
BAD_TITLE = "is 2 lines, as a quote in its title opens and does not close"

Kept = dict[tuple[int, int], tuple[float, int | None]]  # (user, movie): (stars, seconds since 1970)
ONE: Kept = {(1, 10): (4.0, 100)}
TWO: Kept = ONE | {(2, 10): (5.0, 200)}


class Case(NamedTuple):
    """Files and what becomes of them: either a message with these words, or rows kept and lines rejected."""

    name: str
    files: dict[str, bytes]
    kept: Kept = {}  # noqa: RUF012
    rejected: tuple[tuple[int, str], ...] = ()
    n_superseded: int = 0
    error: tuple[str, ...] = ()


def text(*lines: str, header: str | None = HEADER, end: str = "\n", last: str | None = None) -> bytes:
    """Return a file of lines, each with a line end, the last one with ``last``."""
    every = [*([] if header is None else [header]), *lines]
    return (end.join(every) + (end if last is None else last)).encode()


def kept(name: str, content: bytes, rows: Kept = TWO, *rejected: tuple[int, str], n_superseded: int = 0) -> Case:
    """Return the case of a ``ratings.csv`` that is read."""
    return Case(name, {"ratings.csv": content}, rows, rejected, n_superseded)


def bad_line(name: str, line: str, reason: str) -> Case:
    """Return the case of a bad line 3 between two good ones."""
    return kept(name, text("1,10,4.0,100", line, "2,10,5.0,200"), TWO, (3, reason))


def refused(name: str, content: bytes, *words: str, file: str = "ratings.csv") -> Case:
    """Return the case of a ratings file that is refused with a message that names it and has these words."""
    return Case(name, {file: content}, error=(file, *words))


def good_line(name: str, line: str, rating: float = 4.0, seconds: int = 100, rows: Kept | None = None) -> Case:
    """Return the case of a line that is a rating of movie 10 by user 1."""
    return kept(name, text(line), rows or {(1, 10): (rating, seconds)})


def packed(content: bytes, name: str = "ratings.csv") -> bytes:
    """Return a zip file with one member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def parquet(**columns: list[Any]) -> bytes:
    """Return a Parquet file."""
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


GOOD = text("1,10,4.0,100", "2,10,5.0,200")
MANY = text(*(f"{user},10,4.0,100" for user in range(1, 5001)))
ALL_OF_MANY: Kept = {(user, 10): (4.0, 100) for user in range(1, 5001)}
GOOD_PARQUET: dict[str, list[Any]] = {
    "userId": [1, 2],
    "movieId": [10, 10],
    "rating": [4.0, 5.0],
    "timestamp": [100, 200],
}
COLUMNS_ARE = "The header is userId,movieId,rating and optionally timestamp"

CASES = [
    # text and empty values
    bad_line("text as rating", "7,7,good,100", BAD_RATING),
    bad_line("text as user", "ann,7,4.0,100", BAD_USER),
    bad_line("text as movie", "7,Heat,4.0,100", BAD_MOVIE),
    bad_line("text as timestamp", "7,7,4.0,2020-01-01", BAD_TIME),
    bad_line("empty user", ",7,4.0,100", BAD_USER),
    bad_line("empty movie", "7,,4.0,100", BAD_MOVIE),
    bad_line("empty rating", "7,7,,100", BAD_RATING),
    bad_line("missing timestamp", "7,7,4.0,", BAD_TIME),
    bad_line("nothing but commas", ",,,", BAD_USER),
    bad_line("white space only", "   ", "has 1 columns, not 4"),
    bad_line("NULL as text", "7,7,NULL,100", BAD_RATING),
    # headers and columns
    refused("wrong header", text("1,10,4.0", header="user,film,stars"), "line 1", "no column 'userId'", COLUMNS_ARE),
    refused("headless", text("1,10,4.0,100", header=None), "line 1", "no column 'userId'", COLUMNS_ARE),
    refused("missing column", text("1,4.0,100", header="userId,rating,timestamp"), "no column 'movieId'", COLUMNS_ARE),
    refused("extra column", text("1,10,4.0,1,x", header=HEADER + ",tag"), "line 1: unknown column 'tag'", COLUMNS_ARE),
    refused("column twice", text("1,1,10,4.0", header="userId,userId,movieId,rating"), "twice the column 'userId'"),
    refused("semicolons", GOOD.replace(b",", b";"), "line 1", "separated by semicolons. Separate them by commas."),
    refused("tabs", GOOD.replace(b",", b"\t"), "line 1", "separated by tabs. Separate them by commas."),
    refused("vertical bars", GOOD.replace(b",", b"|"), "separated by vertical bars"),
    refused("columns separated by spaces", GOOD.replace(b",", b" "), "line 1: no column 'userId'", COLUMNS_ARE),
    refused("header after a blank line", b"\n" + GOOD, "line 1: no column 'userId'", COLUMNS_ARE),
    kept("reordered header", text("100,4.0,10,1", header="timestamp,rating,movieId,userId"), ONE),
    kept("header spelled otherwise", text("1,10,4.0,100", header="USER_ID, movie_id ,Rating,TimeStamp"), ONE),
    kept("quoted header", text("1,10,4.0,100", header='"userId","movieId","rating","timestamp"'), ONE),
    kept("no timestamps", text("1,10,4.0", header="userId,movieId,rating"), {(1, 10): (4.0, None)}),
    bad_line("missing field", "7,7,4.0", "has 3 columns, not 4"),
    bad_line("extra field", "7,7,4.0,100,x", "has 5 columns, not 4"),
    bad_line("far too many fields", "7" + ",7" * 999, "has 1000 columns, not 4"),
    good_line("empty fields at the end", "1,10,4.0,100,,"),
    bad_line("white space as extra field", "7,7,4.0,100, ", "has 5 columns, not 4"),
    # ratings
    *(bad_line(f"rating {stars}", f"7,7,{stars},100", BAD_RATING) for stars in ("nan", "NaN", "inf", "-inf", "0")),
    *(bad_line(f"rating {stars}", f"7,7,{stars},100", BAD_RATING) for stars in ("5.5", "7", "-1", "3.14159", "-0.0")),
    bad_line("rating with a decimal comma", "7,7,4,5,100", "has 5 columns, not 4"),
    good_line("rating without decimals", "1,10,4,100"),
    good_line("rating with many decimals", "1,10,4.000000,100"),
    good_line("lowest rating", "1,10,.5,100", 0.5),
    # ids
    *(
        bad_line(f"user {number}", f"{number},7,4.0,100", BAD_USER)
        for number in ("-3", "0", "1.5", "2147483648", "1e99")
    ),
    *(
        bad_line(f"movie {number}", f"7,{number},4.0,100", BAD_MOVIE)
        for number in ("-3", "0", "7.5", "99999999999", "nan")
    ),
    good_line("largest ids", "2147483647,2147483647,4.0,100", rows={(2147483647, 2147483647): (4.0, 100)}),
    good_line("ids as pandas writes them next to gaps", "1.0,10.0,4.0,100.0"),
    good_line("exponents", "1e0,1.0e1,4e0,1e2"),
    good_line("underscores", "1,1_0,4.0,1_00"),
    good_line("plus signs", "+1,+10,+4.0,+100"),
    good_line("leading zeros", "0001,010,04.0,00100"),
    good_line("white space around", " 1 ,\t10, 4.0 , 100 "),
    bad_line("hexadecimal", "0x7,7,4.0,100", BAD_USER),
    bad_line("Arabic digits", "\u0667,7,4.0,100", BAD_USER),
    bad_line("no-break space", "\u00a07,7,4.0,100", BAD_USER),
    # timestamps
    bad_line("negative timestamp", "7,7,4.0,-1", BAD_TIME),
    bad_line("timestamp in milliseconds", "7,7,4.0,1147880044000", BAD_TIME),
    bad_line("timestamp inf", "7,7,4.0,inf", BAD_TIME),
    bad_line("hexadecimal timestamp", "7,7,4.0,0x10", BAD_TIME),
    good_line("timestamp with a fraction", "1,10,4.0,100.75"),
    good_line("timestamp 0", "1,10,4.0,0", seconds=0),
    # duplicates
    kept("identical lines", text("1,10,4.0,100", "1,10,4.0,100"), ONE, n_superseded=1),
    kept("a later rating", text("1,10,4.0,100", "1,10,2.0,300", "1,10,5.0,200"), {(1, 10): (2.0, 300)}, n_superseded=2),
    kept("conflict at one time", text("1,10,4.0,100", "1,10,2.0,100"), {(1, 10): (2.0, 100)}, n_superseded=1),
    kept(
        "conflict without timestamps",
        text("1,10,4.0", "2,10,1.0", "1,10,2.5", header="userId,movieId,rating"),
        {(1, 10): (2.5, None), (2, 10): (1.0, None)},
        n_superseded=1,
    ),
    kept(
        "a bad line replaces no good one",
        text("1,10,4.0,100", "1,10,9.0,300", "1,10,4.0,100"),
        ONE,
        (3, BAD_RATING),
        n_superseded=1,
    ),
    kept("out of order", text("2,10,5.0,200", "1,10,4.0,100")),
    # quotes and line ends
    good_line("quoted numbers", '"1","10","4.0","100"'),
    good_line("one quoted number", '1,10,"4.0" ,100'),
    bad_line("quoted comma", '7,7,"4,0",100', "has 5 columns, not 4"),
    bad_line("quote left open", '"7,7,4.0,100', BAD_USER),
    bad_line("quote left open at the end", '7,7,4.0,"100', BAD_TIME),
    kept(
        "line end in quotes",
        text("1,10,4.0,100", '7,"7', '",4.0,100', "2,10,5.0,200"),
        TWO,
        (3, "has 2 columns, not 4"),
        (4, "has 3 columns, not 4"),
    ),
    bad_line("NUL", "7,7,4.0\0,100", BAD_TEXT),
    kept("bytes that are not UTF-8", GOOD + b"7,7,\xff\xfe,100\n", TWO, (4, BAD_TEXT)),
    kept("byte order mark", b"\xef\xbb\xbf" + GOOD),
    bad_line("byte order mark in the middle", "\ufeff7,7,4.0,100", BAD_USER),
    kept("CRLF", text("1,10,4.0,100", "2,10,5.0,200", end="\r\n")),
    kept("CR", text("1,10,4.0,100", "2,10,5.0,200", end="\r")),
    kept("mixed line ends", text("1,10,4.0,100\r", "7,7,x,100\r2,10,5.0,200"), TWO, (3, BAD_RATING)),
    kept("LF header, CRLF lines", (HEADER + "\n1,10,4.0,100\r\n2,10,5.0,200\r\n").encode()),
    kept("two CR before LF", text("1,10,4.0,100\r", "2,10,5.0,200\r", end="\r\n")),
    kept("no last line end", text("1,10,4.0,100", "2,10,5.0,200", last="")),
    kept(
        "blank lines are no rows", text("", "1,10,4.0,100", "", "", "7,7,7,7", "2,10,5.0,200", ""), TWO, (6, BAD_RATING)
    ),
    kept("blank lines only between good ones", text("1,10,4.0,100", "", "2,10,5.0,200", "", "")),
    bad_line("end-of-file character", "\x1a", "has 1 columns, not 4"),
    bad_line("comment", "# 7,7,4.0,100", BAD_USER),
    bad_line("header again", HEADER, BAD_USER),
    bad_line("very long line", "7,7,4.0,100" + "0" * 50_000, "is longer than 10000 bytes"),
    bad_line("very long line that begins well", "7,7,4.0,100" + " " * 10_000, "is longer than 10000 bytes"),
    good_line("line as long as allowed", "1,10,4.0,100".ljust(10_000)),
    # whole files
    refused("empty file", b"", "the file is empty", "It needs a header line"),
    refused("header only", text(), "no ratings in it", "It needs lines such as"),
    refused("header without line end", text(last=""), "no ratings in it"),
    refused("bad lines only", text("x,x,x,x"), "no ratings in it"),
    refused("zip called ratings.csv", packed(GOOD), "line 1", "a zip archive: unpack it"),
    refused("gzip called ratings.csv", gzip.compress(GOOD), "line 1", "call it ratings.csv.gz"),
    refused("Parquet called ratings.csv", parquet(**GOOD_PARQUET), "line 1", "call it ratings.parquet"),
    refused("UTF-16", GOOD.decode().encode("utf-16"), "line 1", "save it as UTF-8"),
    refused("UTF-16 without mark", GOOD.decode().encode("utf-16-le"), "line 1", "not text in UTF-8"),
    refused("other bytes", bytes(range(128, 256)) * 20, "line 1", "not text in UTF-8"),
    refused("zip called ratings.csv.gz", packed(GOOD), "Not a gzipped file", "leave .gz", file="ratings.csv.gz"),
    refused("text called ratings.csv.gz", GOOD, "Not a gzipped file", "leave .gz", file="ratings.csv.gz"),
    refused("empty gz", b"", "the file is empty", file="ratings.csv.gz"),
    refused("truncated gz", gzip.compress(MANY)[:-400], "breaks off, at line", "Fetch", file="ratings.csv.gz"),
    refused("gz without its end", gzip.compress(MANY)[:-8], "breaks off, at line", "Fetch", file="ratings.csv.gz"),
    refused("gz with a wrong checksum", gzip.compress(MANY)[:-8] + b"12345678", "CRC", "etch", file="ratings.csv.gz"),
    refused("gz with bytes after it", gzip.compress(MANY) + b"more", "breaks off", "etch", file="ratings.csv.gz"),
    Case("gz", {"ratings.csv.gz": gzip.compress(MANY)}, ALL_OF_MANY),
    Case(
        "gz in two members",
        {"ratings.csv.gz": gzip.compress(MANY[:40_000]) + gzip.compress(MANY[40_000:])},
        ALL_OF_MANY,
    ),
    Case("csv beside gz and Parquet", {"ratings.csv": GOOD, "ratings.csv.gz": b"", "ratings.parquet": b""}, TWO),
    Case("no ratings", {"movies.csv": b""}, error=("holds none of ratings.csv, ratings.csv.gz", "--source is")),
    # Parquet
    Case("Parquet", {"ratings.parquet": parquet(**GOOD_PARQUET)}, TWO),
    Case(
        "Parquet with other names in another order",
        {"ratings.parquet": parquet(timestamp=[100], rating=[4.0], movie_id=[10], USERID=[1])},
        ONE,
    ),
    Case(
        "Parquet without timestamps",
        {"ratings.parquet": parquet(rating=[4.0], userId=[1], movieId=[10])},
        {(1, 10): (4.0, None)},
    ),
    Case(
        "Parquet with nulls",
        {"ratings.parquet": parquet(**GOOD_PARQUET | {"movieId": [10, None], "timestamp": [100, 200]})},
        ONE,
        ((2, BAD_MOVIE),),
    ),
    Case(
        "Parquet with text",
        {"ratings.parquet": parquet(**GOOD_PARQUET | {"userId": ["1", "ann"]})},
        ONE,
        ((2, BAD_USER),),
    ),
    Case(
        "Parquet with text that holds commas",
        {
            "ratings.parquet": parquet(
                userId=["1,2", "1"], movieId=["10", "10"], rating=["4.0", "4.0"], timestamp=["", "100"]
            )
        },
        ONE,
        ((1, BAD_USER),),
    ),
    Case(
        "Parquet with true and false",
        {"ratings.parquet": parquet(**GOOD_PARQUET | {"rating": [True, False]})},
        error=("ratings.parquet", "no ratings in it"),
    ),
    Case(
        "Parquet with dates",
        {"ratings.parquet": parquet(**GOOD_PARQUET | {"timestamp": [datetime(2020, 1, 1, tzinfo=UTC)] * 2})},
        error=("ratings.parquet", "no ratings in it"),
    ),
    Case(
        "Parquet with nan, fractions and negatives",
        {
            "ratings.parquet": parquet(
                userId=[1.0, 1.5, 2.0, 3.0],
                movieId=[10] * 4,
                rating=[4.0, 4.0, float("nan"), 4.0],
                timestamp=[100, 1, 1, -1],
            )
        },
        ONE,
        ((2, BAD_USER), (3, BAD_RATING), (4, BAD_TIME)),
    ),
    refused("Parquet with other columns", parquet(user=[1], film=[1]), "no column 'userId'", file="ratings.parquet"),
    refused("Parquet with no rows", parquet(userId=[], movieId=[], rating=[]), "no ratings", file="ratings.parquet"),
    refused("CSV called Parquet", GOOD, "not a Parquet file", "Fetch it again", file="ratings.parquet"),
    refused("truncated Parquet", parquet(**GOOD_PARQUET)[:-30], "not a Parquet file", file="ratings.parquet"),
    refused("empty Parquet", b"", "not a Parquet file", file="ratings.parquet"),
]


@pytest.fixture(params=["in parallel", "line by line"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Read as usual, and once more as if every file had a flaw, in small blocks."""
    if request.param == "line by line":
        monkeypatch.setattr(ingest, "read_clean", lambda *_: None)
        monkeypatch.setattr(csv_text, "CHUNK_BYTES", 5000)
    return str(request.param)


@pytest.fixture(scope="module")
def fast_folder() -> Iterator[Path]:
    """Return a folder in memory, where there is one, with a database that stays open: opening it is most of a read."""
    shared_memory = Path("/dev/shm")  # noqa: S108
    with (
        tempfile.TemporaryDirectory(dir=shared_memory if os.access(shared_memory, os.W_OK) else None) as folder,
        DuckDBEngine(Path(folder) / "build.duckdb").kept_open(),
    ):
        yield Path(folder)


def place(files: dict[str, bytes], folder: Path) -> Path:
    """Write the files into an empty folder ``source`` and return it."""
    source = folder / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    for name, content in files.items():
        (source / name).write_bytes(content)
    return source


def emptied(folder: Path) -> DuckDBEngine:
    """Drop what the database of `fast_folder` holds."""
    engine = DuckDBEngine(folder / "build.duckdb")
    with engine.connect() as connection:
        for (table,) in connection.execute("show tables").fetchall():
            connection.execute(f"drop table {table}")
    return engine


def read(source: Path, folder: Path, max_rejected_share: float = 1.0) -> tuple[RowCounts, Kept, list[tuple[int, str]]]:
    """Ingest the ratings; return the counts, the table ``ratings``, and line and reason of ``rejected_rows``."""
    engine = emptied(folder)
    counts = ingest_ratings(engine, source, max_rejected_share)
    with engine.connect() as connection:
        rows = connection.execute("select user_id, movie_id, rating, epoch(rated_at)::bigint from ratings").fetchall()
        rejected = connection.execute("select line, reason from rejected_rows").fetchall()
    assert [row[:2] for row in rows] == sorted({row[:2] for row in rows})
    assert counts.n_rows_read == counts.n_kept + counts.n_superseded + counts.n_rejected
    assert (counts.n_kept, counts.n_rejected) == (len(rows), len(rejected))
    return counts, {(user, movie): (stars, seconds) for user, movie, stars, seconds in rows}, rejected


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_input(case: Case, way: str, fast_folder: Path) -> None:
    source = place(case.files, fast_folder)
    if case.error:
        with pytest.raises(CineclusterError) as caught:
            read(source, fast_folder)
        assert [word for word in case.error if word not in str(caught.value)] == []
        assert str(caught.value).isprintable()
    else:
        counts, rows, rejected = read(source, fast_folder)
        assert rows == case.kept
        assert rejected == list(case.rejected)
        assert counts.n_superseded == case.n_superseded


def test_names_of_cases_are_unique_and_many() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


def test_too_many_bad_lines(way: str, fast_folder: Path) -> None:
    source = place({"ratings.csv": text(*["1,10,4.0,100"] * 999, "7,7,\x1b[31mgood,100")}, fast_folder)
    assert read(source, fast_folder, 0.001)[0] == RowCounts(1000, 1, 998, 1)
    with pytest.raises(CineclusterError) as caught:
        read(source, fast_folder, 0.0009)
    message = str(caught.value)
    for words in (
        "ratings.csv: 1 of 1,000 lines are bad",
        "--max-rejected-share 0.0009",
        f"The first is line 1001: {BAD_RATING}: '7,7,\\x1b[31mgood,100'",
    ):
        assert words in message
    assert message.isprintable()


def test_rejected_rows_hold_the_start_of_the_line(fast_folder: Path) -> None:
    source = place({"ratings.csv": text("1,10,4.0,100", "7,7," + "x" * 5000)}, fast_folder)
    read(source, fast_folder)
    with connect(fast_folder / "build.duckdb") as connection:
        rejected = connection.execute("from rejected_rows").fetchall()
    assert rejected == [("ratings.csv", 3, "has 3 columns, not 4", "7,7," + "x" * 996)]


def test_no_such_folder(fast_folder: Path) -> None:
    with pytest.raises(CineclusterError, match=r"nowhere: no such folder. --source is a folder with a ratings.csv"):
        read(fast_folder / "nowhere", fast_folder)


@pytest.mark.parametrize("name", ["ratings.csv", "movies.csv"])
def test_a_folder_called_like_a_file(name: str, fast_folder: Path) -> None:
    source = place({"ratings.csv": GOOD} if name != "ratings.csv" else {}, fast_folder)
    (source / name).mkdir()
    with pytest.raises(CineclusterError, match=f"{name}: is a folder. Put a file of that name there"):
        read_both(source, fast_folder)


@pytest.mark.parametrize("name", ["ratings.csv", "movies.csv"])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "is a pipe or device. Put a file of that name there"),
        (lambda path: path.symlink_to("/dev/zero"), "is a pipe or device. Put a file of that name there"),
        (lambda path: path.symlink_to(path), "cannot be looked at: Too many levels of symbolic links. Mend the link"),
        (lambda path: path.symlink_to("nothing"), "cannot be looked at: No such file or directory. Mend the link"),
    ],
)
def test_what_is_no_file_is_not_passed_over(make: Any, words: str, name: str, fast_folder: Path) -> None:
    source = place({"ratings.csv": GOOD} if name != "ratings.csv" else {"ratings.csv.gz": GOOD}, fast_folder)
    make(source / name)
    with pytest.raises(CineclusterError, match=f"{name}: {words}"):
        read_both(source, fast_folder)


def test_a_file_as_source_is_told_from_none(fast_folder: Path) -> None:
    source = place({"ratings.csv": GOOD}, fast_folder)
    with pytest.raises(CineclusterError, match=r"ratings.csv: is a file. --source is a folder with a ratings.csv"):
        read(source / "ratings.csv", fast_folder)


@pytest.mark.parametrize("name", ["ratings.csv", "movies.csv"])
def test_unreadable_file(name: str, fast_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = place({"ratings.csv": GOOD, "movies.csv": b"movieId,title,genres\n"}, fast_folder)
    opened = Path.open

    def refuse(path: Path, *args: Any, **kwargs: Any) -> Any:  # root may read everything, so permissions do not serve
        if path.name == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CineclusterError, match=rf"{name}: cannot be read: .*Permission denied.*Make it readable"):
        read_both(source, fast_folder)


@pytest.mark.parametrize(
    "name",
    [
        *("two words", "it's", '"quoted"', "a*b", "a?b", "[ab]", "{a,b}", "Ünïcödé 日本", "back\\slash", "line\nend"),
        *("%20", "$a", "~", "-n", "a;drop table ratings", "rating=5", "userId=7", "s3:", "#", "..."),
    ],
)
def test_any_path(name: str, fast_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = fast_folder / name
    source.mkdir()
    (source / "ratings.parquet").write_bytes(parquet(**GOOD_PARQUET))
    assert read(source, fast_folder)[1] == TWO
    (source / "ratings.csv.gz").write_bytes(gzip.compress(GOOD))
    assert read(source, fast_folder)[1] == TWO
    (source / "ratings.csv").write_bytes(GOOD)
    assert read(source, fast_folder)[1] == TWO
    monkeypatch.chdir(fast_folder)
    assert read(Path(name), fast_folder)[1] == TWO
    monkeypatch.setattr(ingest, "read_clean", lambda *_: None)
    assert read(Path(name), fast_folder)[1] == TWO


def cut(path: Path) -> None:
    """Cut a file, as a copy that begins anew does."""
    os.truncate(path, 60)


def grow(path: Path) -> None:
    """Add to a file, as a copy that goes on does."""
    with path.open("ab") as file:
        file.write(b"3,10,4.0,100\n")


def rewrite(path: Path) -> None:
    """Write other bytes of the same length over a file."""
    time = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes().replace(b"4.0", b"3.0"))
    os.utime(path, ns=(time, time + 1_000_000))


def swap(path: Path) -> None:
    """Put another file, of the same size and time, in the place of one."""
    status = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


def remove(path: Path) -> None:
    """Remove a file."""
    path.unlink()


@pytest.mark.parametrize("change", [cut, grow, rewrite, swap, remove])
@pytest.mark.parametrize("name", ["ratings.csv", "ratings.csv.gz", "ratings.parquet"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_source_changes_while_it_is_read(
    change: Any, name: str, moment: str, fast_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {"ratings.csv": MANY, "ratings.csv.gz": gzip.compress(MANY), "ratings.parquet": parquet(**GOOD_PARQUET)}
    source = place({name: content[name]}, fast_folder)
    read_clean = ingest.read_clean

    def change_and_read(connection: duckdb.DuckDBPyConnection, path: Path, columns: list[str]) -> int | None:
        if moment == "before":
            change(path)
        n_rows = read_clean(connection, path, columns)
        if moment == "after":
            change(path)
        return n_rows

    monkeypatch.setattr(ingest, "read_clean", change_and_read)
    with pytest.raises(CineclusterError, match=f"{name}: changed while it was read. Wait until it is complete"):
        read(source, fast_folder)


def test_a_wrong_count_of_lines_is_not_believed(fast_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = place({"ratings.csv": GOOD}, fast_folder)
    monkeypatch.setattr(ingest, "count_lines", lambda _: 4)
    assert read(source, fast_folder)[0] == RowCounts(2, 2, 0, 0)


def test_memory_limit(fast_folder: Path) -> None:
    source = place({"ratings.csv": text(*(f"1,{movie},4.0,100" for movie in range(100_000, 0, -1)))}, fast_folder)
    with (
        pytest.raises(CineclusterError, match=r"(?s)^Out of memory: .*--memory-limit.*The published tables stay"),
        machine_errors(),
    ):
        ingest_ratings(DuckDBEngine(fast_folder / "small.duckdb", "1MB"), source)


def test_disk_full(way: str, fast_folder: Path) -> None:
    source = place(
        {"ratings.csv": text(*(f"{user},{user % 977 + 1},4.0,{user}" for user in range(1, 60_001)))}, fast_folder
    )
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        full = pytest.raises(CineclusterError, match=r"Could not write file .*File too large. Is the disk full")
        with full, machine_errors():
            ingest_ratings(DuckDBEngine(fast_folder / "full.duckdb"), source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_step_can_be_tried_again(fast_folder: Path) -> None:
    source = place(
        {"ratings.csv": text("1,10,4.0,100", "x"), "movies.csv": b"movieId,title,genres\nx,y,z\n"}, fast_folder
    )
    engine = emptied(fast_folder)
    for _ in range(2):
        ingest_ratings(engine, source, 1.0)
        ingest_favourites_log(engine, fast_folder / "none.duckdb")
        ingest_movies(engine, source, 1.0)
    with engine.connect() as connection:
        assert connection.execute("select file from rejected_rows order by file").fetchall() == [
            ("movies.csv",),
            ("ratings.csv",),
        ]


# A second reader, simple and slow, of what docs call a good line.

NUMBERS = ("userId", "movieId", "rating", "timestamp")


def number(field: str) -> float | None:
    """Return the number in a field, None if there is none."""
    quoted = re.fullmatch(r'[ \t\n\f\r]*"([^"]*)"[ \t\n\f\r]*', field)
    bare = (quoted[1] if quoted else field).strip(" \t\n\v\f\r")
    bare = bare[1:] if bare.startswith("+-") else bare
    try:
        return float(bare) if re.fullmatch(r"[0-9a-zA-Z_.+-]+", bare) else None
    except ValueError:
        return None


def flaw(line: str, columns: list[str]) -> str | None:
    """Return what is wrong with a line, in one word."""
    fields = line.split(",")
    values = dict(zip(columns, map(number, fields), strict=False))
    if len(line.encode()) > 10_000:
        return "longer"
    if "\ufffd" in line or "\0" in line:
        return "UTF-8"
    if len(fields) < len(columns) or any(field not in ("", '""') for field in fields[len(columns) :]):
        return "columns"
    for name in ("userId", "movieId"):
        if (value := values[name]) is None or not (1 <= value <= 2**31 - 1 and value == int(value)):
            return name
    if values["rating"] not in [half / 2 for half in range(1, 11)]:
        return "rating"
    if "timestamp" in columns and ((value := values["timestamp"]) is None or not 0 <= value <= 4102444799):
        return "timestamp"
    return None


def read_simply(content: bytes) -> tuple[Kept, int, list[tuple[int, str]]]:
    """Return rows kept, the number of those superseded, and line and flaw of those rejected."""
    lines = re.split("\r\n|\r|\n", content.decode("utf-8-sig", errors="replace"))
    columns = lines[0].split(",")
    latest: dict[tuple[int, int], tuple[float, int, float]] = {}
    rejected, n_good = [], 0
    for place_in_file, line in enumerate(lines[1:], start=2):
        if line and (wrong := flaw(line, columns)):
            rejected.append((place_in_file, wrong))
        elif line:
            n_good += 1
            values = {name: number(field) or 0.0 for name, field in zip(columns, line.split(","), strict=False)}
            pair = (int(values["userId"]), int(values["movieId"]))
            rating = (int(values.get("timestamp", -1)), place_in_file, values["rating"])
            latest[pair] = max(latest.get(pair, rating), rating)
    rows: Kept = {pair: (stars, None if time == -1 else time) for pair, (time, _, stars) in latest.items()}
    return rows, n_good - len(rows), rejected


def mostly(usual: st.SearchStrategy[str], *strange: str) -> st.SearchStrategy[str]:
    """Return a strategy that draws what is usual most of the time."""
    return st.one_of(usual, usual, usual, st.sampled_from(strange), st.text(max_size=6))


SPELLINGS = st.sampled_from(
    ["{}", "{}", "{}", " {} ", '"{}"', ' "{}"', "{}.0", "{}e0", "+{}", "0{}", "{}.", "\t{}", "{}_0"]
)
STRANGE = (
    "",
    " ",
    "-1",
    "0",
    "1e400",
    "nan",
    "inf",
    "1,5",
    "1_000",
    "_1",
    "1e3",
    "1__0",
    '"',
    '"1',
    "\0",
    "\ufeff1",
    "0x1",
)
IDS = st.builds(lambda form, n: form.format(n), SPELLINGS, st.integers(1, 4))
STARS = st.builds(lambda form, n: form.format(n / 2), st.sampled_from(["{}", "{}", "{}0", "{}e0"]), st.integers(1, 10))
TIMES = st.builds(lambda form, n: form.format(n), SPELLINGS, st.integers(0, 2**31))
LINES = st.one_of(
    *[
        st.tuples(
            mostly(IDS, *STRANGE, "2147483648", "1.5"),
            mostly(IDS, *STRANGE, "2147483647"),
            mostly(STARS, *STRANGE, "5.5", "3.14159"),
            mostly(TIMES, *STRANGE, "1147880044000", "100.9", "4102444799", "4102444800"),
        ).map(",".join)
    ]
    * 6,
    st.sampled_from(
        ["", "", " ", ",", ",,,", "1,1,4.0,5,", "1,1,4.0,5,,", "1,1,4.0,5,x", "1,1,4.0", "1,1,4.0,5" + " " * 10_000]
    ),
    st.text(max_size=20),
)


@st.composite
def dirty_files(draw: st.DrawFn) -> bytes:
    """Draw a ratings file with a good header and anything below it."""
    columns = draw(st.permutations(NUMBERS)) if draw(st.booleans()) else NUMBERS
    columns = columns if draw(st.integers(0, 5)) else [name for name in columns if name != "timestamp"]
    lines = [",".join(columns), *draw(st.lists(LINES, max_size=8))]
    ends = draw(st.sampled_from(["\n", "\n", "\r\n", "\r", "mixed"]))
    each = [draw(st.sampled_from(["\n", "\r\n", "\r"])) if ends == "mixed" else ends for _ in lines]
    content = "".join(line + end for line, end in zip(lines, each, strict=True)).encode(errors="replace")
    content = content.removesuffix(each[-1].encode()) if draw(st.booleans()) else content
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(len(lines[0]) + 2, len(content) + 2))
        content = content[:at] + draw(st.binary(max_size=3)) + content[at:]
    return draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + content


@pytest.mark.parametrize("chunk_bytes", [None, 30])
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(content=text("1,1,4.0,-0", "1,2,4.0,+-0"))
@example(content=text("1,1,4.0,5", "2,1,4.0,5", end="\r") + b"\n")
@given(content=dirty_files())
def test_any_file_is_read_as_a_simple_reader_reads_it(
    content: bytes, chunk_bytes: int | None, fast_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if chunk_bytes:
        monkeypatch.setattr(ingest, "read_clean", lambda *_: None)
        monkeypatch.setattr(csv_text, "CHUNK_BYTES", chunk_bytes)
    rows, n_superseded, wrong = read_simply(content)
    source = place({"ratings.csv": content}, fast_folder)
    try:
        counts, table, rejected = read(source, fast_folder)
    except CineclusterError as error:
        assert not rows, error
        return
    assert table == rows
    assert counts.n_superseded == n_superseded
    assert [line for line, _ in rejected] == [line for line, _ in wrong]
    assert [reason for (_, flaw), (_, reason) in zip(wrong, rejected, strict=True) if flaw not in reason] == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=200), dirty_files().map(lambda content: content[5:])))
def test_any_bytes_are_read_or_refused(content: bytes, fast_folder: Path) -> None:
    for name in ("ratings.csv", "ratings.csv.gz", "ratings.parquet"):
        source = place({name: content, "movies.csv": content, "links.csv": content}, fast_folder)
        try:
            read_both(source, fast_folder)
        except CineclusterError as error:
            assert name in str(error) or "movies.csv" in str(error)


# Movies


def read_both(source: Path, folder: Path) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Ingest ratings and movies; return the tables ``movies`` and ``rejected_rows``."""
    read(source, folder)
    with connect(folder / "build.duckdb") as connection:
        connection.execute("delete from rejected_rows")
    ingest_favourites_log(DuckDBEngine(folder / "build.duckdb"), folder / "none.duckdb")
    n_movies = ingest_movies(DuckDBEngine(folder / "build.duckdb"), source, 1.0)
    with connect(folder / "build.duckdb") as connection:
        movies = connection.execute("from movies").fetchall()
        rejected = connection.execute("select file, line, reason from rejected_rows").fetchall()
    assert n_movies == len(movies) == len({movie[0] for movie in movies})
    return movies, rejected


class MovieCase(NamedTuple):
    """Lines of the files about movies, and what becomes of them."""

    name: str
    movies: tuple[str, ...] | None = None
    links: tuple[str, ...] | None = None
    metadata: tuple[str, ...] | None = None
    listed: tuple[tuple[Any, ...], ...] = ()
    rejected: tuple[tuple[str, int, str], ...] = ()
    error: str = ""


MOVIES = "movieId,title,genres"
LINKS = "movieId,imdbId,tmdbId"
METADATA = "adult,genres,id,title,release_date"
UNKNOWN = (10, "(movie 10)", None, [], None, None)
HEAT = (10, "Heat (1995)", 1995, ["Action", "Crime"], None, None)
LONG_TITLE = "x" * 10_000
HOSTILE = "'); drop table movies; -- <script>alert(1)</script> \x1b[31m\x07 [red]{0}%s $x |= \u202e"

MOVIE_CASES = [
    MovieCase("no files at all", listed=(UNKNOWN,)),
    MovieCase("header only", (MOVIES,), (LINKS,), (METADATA,), (UNKNOWN,)),
    MovieCase("title", (MOVIES, "10,Heat (1995),Action|Crime"), listed=(HEAT,)),
    MovieCase("byte order mark, CRLF", ("\ufeff" + MOVIES + "\r", "10,Heat (1995),Action|Crime\r"), listed=(HEAT,)),
    MovieCase("further columns", ("x," + MOVIES, "1,10,Heat (1995),Action|Crime"), listed=(HEAT,)),
    MovieCase(
        "partial: another movie",
        (MOVIES, "11,Casino,(no genres listed)"),
        listed=(UNKNOWN, (11, "Casino", None, [], None, None)),
    ),
    MovieCase(
        "links without movies",
        links=(LINKS, "10,0113277,949"),
        listed=((10, "(movie 10)", None, [], "tt0113277", 949),),
    ),
    MovieCase(
        "links without ids, or not of a movie",
        (MOVIES, "10,Heat (1995),Action|Crime"),
        (LINKS, "10,,", "99,0000001,5"),
        listed=(HEAT,),
    ),
    MovieCase(
        "ids of movies that are there twice",
        (MOVIES, "10,Heat (1995),Action|Crime", "10,Hit,Drama", "10.0,Hot,Drama"),
        (LINKS, "10,1,2", "10,3,4"),
        listed=((*HEAT[:4], "tt1", 2),),
        rejected=(
            ("movies.csv", 3, "movieId is there a second time"),
            ("movies.csv", 4, "movieId is there a second time"),
            ("links.csv", 3, "movieId is there a second time"),
        ),
    ),
    MovieCase(
        "first a bad row, then a good one",
        (MOVIES, "10,,Drama", "10,Heat (1995),Action|Crime"),
        (LINKS, "10,1,x", "10,3,4"),
        listed=((*HEAT[:4], "tt3", 4),),
        rejected=(
            ("movies.csv", 2, "has no title"),
            ("links.csv", 2, "tmdbId is not a whole number from 1 to 2147483647"),
        ),
    ),
    MovieCase(
        "bad rows of movies",
        (MOVIES, "x,Heat,Drama", "0,Heat,Drama", "10", "10,  ,Drama", "10,Heat,Drama,4", "", "1.5,Heat,Drama"),
        listed=(UNKNOWN,),
        rejected=(
            ("movies.csv", 2, BAD_MOVIE),
            ("movies.csv", 3, BAD_MOVIE),
            ("movies.csv", 4, "has 1 columns, not 3"),
            ("movies.csv", 5, "has no title"),
            ("movies.csv", 6, "has 4 columns, not 3"),
            ("movies.csv", 8, BAD_MOVIE),
        ),
    ),
    MovieCase(
        "bad rows of links",
        links=(LINKS, "10,<b>,1", "10,1,-5", "10,1,949.5", "x,1,2", "10,1"),
        listed=(UNKNOWN,),
        rejected=(
            ("links.csv", 2, "imdbId is not a number of up to 10 digits"),
            ("links.csv", 3, "tmdbId is not a whole number from 1 to 2147483647"),
            ("links.csv", 4, "tmdbId is not a whole number from 1 to 2147483647"),
            ("links.csv", 5, BAD_MOVIE),
            ("links.csv", 6, "has 2 columns, not 3"),
        ),
    ),
    MovieCase(
        "Kaggle's file, with shifted rows and an id twice",
        links=(LINKS, "10,0113277,949.0"),
        metadata=(
            METADATA,
            """False,"[{'id': 28, 'name': 'Action'}, {'id': 80, 'name': 'Crime'}]",949,Heat,1995-12-15""",
            " - Written by somebody,0.065736,1997-08-20,,1",
            "False,[],949,Hit,1999-01-01",
            "False,[],950,,",
        ),
        listed=((*HEAT[:4], "tt0113277", 949),),
        rejected=(
            ("movies_metadata.csv", 3, "id is not a whole number from 1 to 2147483647"),
            ("movies_metadata.csv", 4, "id is there a second time"),
            ("movies_metadata.csv", 5, "has no title"),
        ),
    ),
    MovieCase(
        "Kaggle's file, without genres or a date that is one",
        links=(LINKS, "10,0113277,949"),
        metadata=(METADATA, "False,,949,Heat,soon"),
        listed=((10, "Heat", None, [], "tt0113277", 949),),
    ),
    MovieCase(
        "very long title", (MOVIES, f"10,{LONG_TITLE},Drama"), listed=((10, LONG_TITLE, None, ["Drama"], None, None),)
    ),
    MovieCase(
        "hostile title and genre",
        (MOVIES, f'10,"{HOSTILE}","{HOSTILE}"'),
        listed=((10, HOSTILE, None, [*HOSTILE.split("|")], None, None),),
    ),
    MovieCase(
        "NUL, or bytes that are not UTF-8",
        (MOVIES, "10,He\0at,Drama", "10,Heat,Dr\ufffdma", "10,Heat (1995),Action|Crime"),
        (LINKS, "10,0113277,9\ufffd"),
        (METADATA, "False,[],949,He\ufffdat,"),
        listed=(HEAT,),
        rejected=(
            ("movies.csv", 2, BAD_TEXT),
            ("movies.csv", 3, BAD_TEXT),
            ("links.csv", 2, "tmdbId is not a whole number from 1 to 2147483647"),
            ("movies_metadata.csv", 2, BAD_TEXT),
        ),
    ),
    MovieCase(
        "quotes and commas",
        (MOVIES, '10,"American ""President"", The (1995)",Comedy'),
        listed=((10, 'American "President", The (1995)', 1995, ["Comedy"], None, None),),
    ),
    MovieCase(
        "quote that a later one closes",
        (MOVIES, '10,"Heat,Drama', '11,"Casino",Drama'),
        listed=(UNKNOWN,),
        rejected=(("movies.csv", 3, BAD_TITLE),),
    ),
    MovieCase(
        "quote left open", (MOVIES, "10,Heat,Drama", '11,"Casino,Drama'), error="movies.csv line 3: a quote is opened"
    ),
    MovieCase(
        "field without end",
        (MOVIES, '10,"' + "x" * 200_000 + '",Drama'),
        error="movies.csv line 2: field larger than field limit",
    ),
    MovieCase("wrong header", ("id,name", "10,Heat"), error="movies.csv line 1: no column 'movieId'; it has 'id,name'"),
    MovieCase("headless", ("10,Heat,Drama",), error="movies.csv line 1: no column 'movieId'; .*Give it a header line"),
    MovieCase("semicolons", ("movieId;title;genres", "10;Heat;Drama"), error="movies.csv line 1: .* by semicolons"),
    MovieCase("zip", ("PK\x03\x04" + MOVIES,), error="movies.csv line 1: not CSV but a zip archive: unpack it"),
    MovieCase("empty links", links=(), error="links.csv: the file is empty. It needs a header line"),
    MovieCase("blank links", links=("",), error="links.csv line 1: no column 'movieId'; it has ''"),
    MovieCase(
        "Kaggle's file with another header", metadata=("id,x",), error="movies_metadata.csv line 1: no column 'title'"
    ),
]


@pytest.mark.parametrize("case", MOVIE_CASES, ids=[case.name for case in MOVIE_CASES])
def test_movies(case: MovieCase, fast_folder: Path) -> None:
    lines = {"movies.csv": case.movies, "links.csv": case.links, "movies_metadata.csv": case.metadata}
    files = {name: "".join(f"{row}\n" for row in rows).encode() for name, rows in lines.items() if rows is not None}
    source = place({"ratings.csv": text("1,10,4.0,100")} | files, fast_folder)
    if case.error:
        with pytest.raises(CineclusterError, match=case.error):
            read_both(source, fast_folder)
    else:
        movies, rejected = read_both(source, fast_folder)
        assert tuple(movies) == case.listed
        assert tuple(rejected) == case.rejected


def test_too_many_bad_movies(fast_folder: Path) -> None:
    movies = "\n".join([MOVIES, *(f"{movie},Heat,Drama" for movie in range(1, 100)), "x,Heat,Drama"]).encode()
    source = place({"ratings.csv": GOOD, "movies.csv": movies}, fast_folder)
    read(source, fast_folder)
    ingest_favourites_log(DuckDBEngine(fast_folder / "build.duckdb"), fast_folder / "none.duckdb")
    with pytest.raises(CineclusterError, match=rf"movies.csv: 1 of 100 lines are bad.*is line 101: {BAD_MOVIE}"):
        ingest_movies(DuckDBEngine(fast_folder / "build.duckdb"), source)
    assert ingest_movies(DuckDBEngine(fast_folder / "build.duckdb"), source, 0.01) == 99


def test_movies_change_while_they_are_read(fast_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = place({"ratings.csv": GOOD, "links.csv": b"movieId,imdbId,tmdbId\n"}, fast_folder)
    read_rows = ingest.read_rows
    monkeypatch.setattr(ingest, "read_rows", lambda path, columns: (read_rows(path, columns), grow(path))[0])
    with pytest.raises(CineclusterError, match=r"links.csv: changed while it was read"):
        read_both(source, fast_folder)


@pytest.fixture
def real_data() -> Path:
    """Return the folder of real files."""
    if not (folder := os.environ.get("CINECLUSTER_REAL_DATA")):
        pytest.skip("CINECLUSTER_REAL_DATA does not name a folder with ml-latest-small and kaggle-sample")
    return Path(folder)


def test_movielens(real_data: Path, way: str, fast_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_text, "CHUNK_BYTES", 300_000)
    counts, rows, rejected = read(real_data / "ml-latest-small", fast_folder, 0.0)
    assert counts == RowCounts(100_836, 100_836, 0, 0)
    assert (len({user for user, _ in rows}), len({movie for _, movie in rows})) == (610, 9724)
    assert rejected == []
    ingest_favourites_log(DuckDBEngine(fast_folder / "build.duckdb"), fast_folder / "none.duckdb")
    assert ingest_movies(DuckDBEngine(fast_folder / "build.duckdb"), real_data / "ml-latest-small") == 9742
    with connect(fast_folder / "build.duckdb") as connection:
        counted = "select count(title), count(imdb_id), count(tmdb_id) from movies"
        assert connection.execute(counted).fetchall() == [(9742, 9742, 9734)]
        assert connection.execute("from rejected_rows").fetchall() == []
        assert connection.execute("select * exclude genres from movies where movie_id = 1").fetchall() == [
            (1, "Toy Story (1995)", 1995, "tt0114709", 862)
        ]


def test_kaggle(real_data: Path, fast_folder: Path) -> None:
    folder = real_data / "ml-latest-small"
    files = {name: (folder / name).read_bytes() for name in ("ratings.csv", "links.csv")}
    files["movies_metadata.csv"] = (real_data / "kaggle-sample" / "movies_metadata.csv").read_bytes()
    movies, rejected = read_both(place(files, fast_folder), fast_folder)
    assert rejected == [("movies_metadata.csv", 1468, "id is there a second time")]
    assert movies[0] == (1, "Toy Story (1995)", 1995, ["Animation", "Comedy", "Family"], "tt0114709", 862)


def test_article(real_data: Path, fast_folder: Path) -> None:
    counts, rows, _ = read(real_data / "article", fast_folder)
    assert counts == RowCounts(447, 447, 0, 0)
    assert {seconds for _, seconds in rows.values()} == {None}
