"""Text of CSV files, line by line or row by row, where exact line numbers matter more than speed."""

import csv
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import polars as pl

from tasks.errors import CineclusterError
from tasks.source.header import LONGEST_LINE, open_bytes, read_header, remedy

CHUNK_BYTES = 16 << 20
FREE_BYTES = 100 * 1024**2
TIMES_PACKED = 100  # how many times larger a packed file may be unpacked, or FREE_BYTES: ratings are 3 to 10 times
MOST_ROWS_BYTES = 512 * 1024**2  # of a file whose rows are held in memory
END = "\0"


@contextmanager
def unchanged(path: Path) -> Iterator[None]:
    """Raise a CineclusterError if the file is replaced, cut or written to while it is read inside."""
    before = fingerprint(path)
    failure = None
    try:
        yield
    except Exception as error:
        if fingerprint(path) == before:
            raise
        failure = error
    if failure or fingerprint(path) != before:
        raise CineclusterError(
            f"{path}: changed while it was read. Wait until it is complete, then run again."
        ) from failure


def fingerprint(path: Path) -> tuple[int, ...]:
    """Return what tells a file from another and from itself at another time; empty where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def count_lines(path: Path) -> int:
    """Return the number of lines of a file, blank ones too; a line ends with LF, CRLF or CR.

    Raises
    ------
    ValueError
        If a line is longer than 10,000 bytes; from 5,000 on it may be taken for one.
    """
    n_lines, last, window = 0, b"", LONGEST_LINE // 4
    with open_bytes(path) as file:
        for chunk in _with_one_line_end(_limited(path, file)):
            if any(chunk.find(b"\n", start, start + window) < 0 for start in range(0, len(chunk) - window, window)):
                raise ValueError(f"{path}: a line is very long.")
            n_lines += chunk.count(b"\n")
            last = chunk[-1:] or last
    return n_lines + (last not in (b"", b"\n"))


def read_lines(path: Path) -> Iterator[pl.DataFrame]:
    """Yield frames of ``line`` (int64, 1-based) and ``text`` (str), blank lines left out.

    A line ends with LF, CRLF or CR. Bytes that are not UTF-8 become U+FFFD; of a line of many thousand bytes
    only the beginning is kept, though more than 10,000.

    Raises
    ------
    CineclusterError
        If the file breaks off, as a truncated ``.gz`` does.
    """
    number, rest = 1, b""
    try:
        with open_bytes(path) as file:
            for chunk in _with_one_line_end(_limited(path, file)):
                block, newline, tail = (rest + chunk).rpartition(b"\n")
                if not newline:
                    rest = tail[: 2 * LONGEST_LINE]
                    continue
                yield _frame_of_lines(block, number)
                number, rest = number + block.count(b"\n") + 1, tail
            yield _frame_of_lines(rest, number)
    except (OSError, EOFError, zlib.error) as error:
        raise CineclusterError(f"{path}: breaks off, at line {number} or later: {error}. {remedy(error)}") from error


def _limited(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a file in chunks, unless they are far more than a packed file of ratings holds."""
    limit = max(FREE_BYTES, TIMES_PACKED * path.stat().st_size)
    n_bytes = 0
    while chunk := file.read(CHUNK_BYTES):
        n_bytes += len(chunk)
        if n_bytes > limit:
            raise CineclusterError(
                f"{path}: more than {limit:,} bytes unpacked, {TIMES_PACKED} times its size. Unpack it yourself if it "
                "is what you want."
            )
        yield chunk


def _with_one_line_end(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield bytes with LF for CRLF and CR."""
    held = b""
    for chunk in chunks:
        if not held and b"\r" not in chunk:
            yield chunk
            continue
        joined = held + chunk
        held = b"\r" if joined.endswith(b"\r") else b""  # the LF of a CRLF may come next
        yield joined[: len(joined) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    yield held.replace(b"\r", b"\n")


def _frame_of_lines(block: bytes, first: int) -> pl.DataFrame:
    text = block.decode("utf-8-sig" if first == 1 else "utf-8", errors="replace")
    frame = pl.DataFrame({"text": pl.Series([text]).str.split("\n").explode()}).with_row_index("line", offset=first)
    return frame.with_columns(pl.col("line").cast(pl.Int64)).filter(pl.col("text") != "")


def read_rows(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    """Return the named columns of a CSV file as text, with the line where each row ends.

    Meant for files of up to some hundred thousand rows. Fields may be quoted and hold line ends; blank lines
    are no rows. Bytes that are not UTF-8 become U+FFFD.

    Returns
    -------
    ``line`` (int64), ``n_fields`` (int64), ``width`` (int64, number of columns in the header), then ``columns``
    (str, null where the row is too short).

    Raises
    ------
    CineclusterError
        If a column is missing from the header, a quote is never closed, or for what ``read_header`` raises.
    """
    read_header(path)
    if path.stat().st_size > MOST_ROWS_BYTES:
        raise CineclusterError(f"{path}: larger than {MOST_ROWS_BYTES:,} bytes. Is it a file about movies?")
    rows: list[tuple[object, ...]] = []
    row: list[str] = []
    n_lines = 0
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.reader(_with_end(file))
            for row in reader:
                if row and row[-1].endswith(END):
                    break
                if not n_lines:
                    places, width = _find_columns(path, row, columns), len(row)
                elif row:
                    fields = (row[i] if i < len(row) else None for i in places)
                    rows.append((reader.line_num, len(row), width, *fields))
                n_lines = reader.line_num
    except csv.Error as error:
        raise CineclusterError(f"{path} line {n_lines + 1}: {error}. Is a quote opened and never closed?") from error
    except OSError as error:
        raise CineclusterError(f"{path}: cannot be read: {error}. {remedy(error)}") from error
    if row != [END]:
        raise CineclusterError(f"{path} line {n_lines + 1}: a quote is opened in this row and never closed. Close it.")
    return frame_of_rows(rows, columns)


def frame_of_rows(rows: list[tuple[object, ...]], columns: tuple[str, ...]) -> pl.DataFrame:
    """Return rows as ``read_rows`` does."""
    numbers = {"line": pl.Int64, "n_fields": pl.Int64, "width": pl.Int64}
    return pl.DataFrame(rows, schema=numbers | dict.fromkeys(columns, pl.String), orient="row")


def _with_end(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines, without NUL, and then ``END``: a row of its own, or part of a field whose quote is open."""
    for line in lines:
        yield line.replace("\0", "\ufffd")
    yield END


def _find_columns(path: Path, header: list[str], columns: tuple[str, ...]) -> list[int]:
    """Return the places of the columns in the header."""
    names = [name.strip() for name in header]
    for name in columns:
        if name not in names:
            shown = ",".join(names)[:200]
            raise CineclusterError(f"{path} line 1: no column {name!r}; it has {shown!r}. Give it a header line.")
    return [names.index(name) for name in columns]
