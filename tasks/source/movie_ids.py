"""Which movies may be recommended, out of files of movie ids."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.errors import CineclusterError

LARGEST_ID = 2**31 - 1
HEADERS = ("movieid", "id")  # movie_id, movieId, Movie ID, ...
FORM = f"a movie id, a whole number from 1 to {LARGEST_ID}: one a line, or a CSV file with a column movie_id"


class MovieRules(NamedTuple):
    """Which movies may be recommended.

    available : int32, ids of the only ones that may; None where all may.
    blocked : int32, ids of those that may not, also where they are available.
    """

    available: NDArray[np.int32] | None
    blocked: NDArray[np.int32]


def read_movie_rules(available: Path | None, blocked: Path | None) -> MovieRules:
    """Return what two files of movie ids say; without one, nothing is said.

    Raises
    ------
    CineclusterError
        Names a file that cannot be read or the line of one that holds no id; also where ``available`` has no id.
    """
    may = None if available is None else read_movie_ids(available)
    if may is not None and not len(may):
        raise CineclusterError(f"{available}: holds no movie id, so that nothing could be recommended. Leave it out.")
    return MovieRules(may, np.zeros(0, dtype=np.int32) if blocked is None else read_movie_ids(blocked))


def read_movie_ids(path: Path) -> NDArray[np.int32]:
    """Return the ids in a file, ascending and each once: those of its lines, or of a CSV file's column movie_id.

    Without a header the first column counts. Empty lines say nothing.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    found: set[int] = set()
    column: int | None = None
    try:
        for row in reader:
            if not any(field.strip() for field in row):
                continue
            if column is None and (named := column_of(row)) is not None:
                column = named
                continue
            column = column or 0
            found.add(id_in(path, reader.line_num, row[column] if column < len(row) else ""))
    except csv.Error as error:
        raise CineclusterError(f"{path} line {reader.line_num}: {error}. It should hold {FORM}.") from error
    return np.array(sorted(found), dtype=np.int32)


def read_text(path: Path) -> str:
    """Return what a file holds, which is text in UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CineclusterError(f"{path}: cannot be read: {error.strerror}. It should hold {FORM}.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise CineclusterError(f"{path} line {line}: is no text in UTF-8. It should hold {FORM}.") from error


def column_of(row: list[str]) -> int | None:
    """Return the column of the ids where a line is a header, None where it is none."""
    names = [field.strip().casefold().replace("_", "").replace(" ", "") for field in row]
    return next((names.index(header) for header in HEADERS if header in names), None)


def id_in(path: Path, line: int, text: str) -> int:
    """Return the id that a field holds."""
    text = text.strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:20]) <= LARGEST_ID):
        raise CineclusterError(f"{path} line {line}: {text[:80]!r} is not {FORM}.")
    return int(text)
