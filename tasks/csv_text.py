"""Text of CSV files, line by line or row by row, where exact line numbers matter more than speed."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from tasks.errors import CineclusterError

CHUNK_BYTES = 16 << 20
LONGEST_LINE = 10_000  # characters kept of a line: no valid line comes near


def open_bytes(path: Path) -> BinaryIO:
    """Open a file or a ``.gz`` for reading bytes, unpacked."""
    return cast(BinaryIO, gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"))


def read_header(path: Path) -> list[str]:
    """Return the column names in line 1, as written.

    Raises
    ------
    CineclusterError
        If the file is empty, cannot be read, or line 1 is no line of text.
    """
    try:
        with open_bytes(path) as file:
            start = file.read(LONGEST_LINE)
    except (OSError, EOFError, zlib.error) as error:
        raise CineclusterError(f"{path}: cannot be read: {error}. Fetch the file again.") from error
    lines = start.decode("utf-8-sig", errors="replace").splitlines()
    if not lines:
        raise CineclusterError(f"{path}: the file is empty. It needs a header line and ratings.")
    if "\0" in lines[0] or "\ufffd" in lines[0]:
        raise CineclusterError(f"{path} line 1: not text. Is it a CSV file?")
    return [name.strip().strip('"') for name in lines[0].split(",")]


def read_lines(path: Path) -> Iterator[pl.DataFrame]:
    """Yield frames of ``line`` (int64, 1-based) and ``text`` (str), blank lines left out.

    Bytes that are not UTF-8 become U+FFFD; of a line over 10,000 characters only those are kept.

    Raises
    ------
    CineclusterError
        If the file breaks off, as a truncated ``.gz`` does.
    """
    number, rest = 1, b""
    try:
        with open_bytes(path) as file:
            while chunk := file.read(CHUNK_BYTES):
                block, newline, tail = (rest + chunk).rpartition(b"\n")
                if not newline:
                    rest = tail[: 4 * LONGEST_LINE]
                    continue
                yield _frame_of_lines(block, number)
                number, rest = number + block.count(b"\n") + 1, tail
            yield _frame_of_lines(rest, number)
    except (OSError, EOFError, zlib.error) as error:
        raise CineclusterError(f"{path}: breaks off after line {number}: {error}. Fetch the file again.") from error


def _frame_of_lines(block: bytes, first: int) -> pl.DataFrame:
    text = block.decode("utf-8-sig" if first == 1 else "utf-8", errors="replace")
    lines = [line.rstrip("\r")[:LONGEST_LINE] for line in text.split("\n")]
    frame = pl.DataFrame({"text": lines}, schema={"text": pl.String}).with_row_index("line", offset=first)
    return frame.with_columns(pl.col("line").cast(pl.Int64)).filter(pl.col("text") != "")


def read_rows(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    """Return the named columns of a CSV file as text, with the line where each row ends.

    Meant for files of up to some hundred thousand rows. Fields may be quoted and hold line ends.

    Returns
    -------
    ``line`` (int64), ``n_fields`` (int64), ``width`` (int64, number of columns in the header), then ``columns``
    (str, null where the row is too short).

    Raises
    ------
    CineclusterError
        If a column is missing from the header or a quote is never closed.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.reader(line.replace("\0", "\ufffd") for line in file)
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in columns if name not in header]
            if missing:
                raise CineclusterError(f"{path} line 1: no column {missing[0]!r}; it has {header}.")
            places = [header.index(name) for name in columns]
            rows = [
                (reader.line_num, len(row), len(header), *(row[i] if i < len(row) else None for i in places))
                for row in reader
                if row
            ]
    except (csv.Error, OSError) as error:
        raise CineclusterError(f"{path}: cannot be read: {error}. Is a quote left open?") from error
    numbers = {"line": pl.Int64, "n_fields": pl.Int64, "width": pl.Int64}
    return pl.DataFrame(rows, schema=numbers | dict.fromkeys(columns, pl.String), orient="row")
