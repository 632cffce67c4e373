"""The ratings file of a source folder and its columns, found without reading it.

A command that is given a wrong folder says so at once: nothing here takes long to import.
"""

import gzip
import re
import stat
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from tasks.errors import CineclusterError, first_line

if TYPE_CHECKING:
    import polars as pl

RATINGS_FILES = ("ratings.csv", "ratings.csv.gz", "ratings.parquet")
FOLDER = "ratings"
ENDINGS = (".csv", ".csv.gz", ".parquet")  # of files in the folder
COLUMNS = ("userId", "movieId", "rating", "timestamp")
REQUIRED = COLUMNS[:3]
LONGEST_LINE = 10_000  # bytes: no valid line comes near
LINE_END = re.compile(r"\r\n|\r|\n")
OTHER_FORMATS = {
    b"PK\x03\x04": "a zip archive: unpack it",
    b"\x1f\x8b": "packed with gzip: unpack it, or if it is ratings call it ratings.csv.gz",
    b"PAR1": "a Parquet file: save it as CSV, or if it is ratings call it ratings.parquet",
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
}
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def find_files(source: Path) -> list[Path]:
    """Return the files in the folder ``ratings`` of a source and in folders therein, by path; none without one.

    Names that begin with a dot or an underscore are left out, as Spark does.
    """
    folder = source / FOLDER
    files = [path for path in folder.rglob("*") if path.name.endswith(ENDINGS) and path.is_file()]
    return sorted(path.absolute() for path in files if not is_hidden(path.relative_to(folder)))


def is_hidden(path: Path) -> bool:
    """Say whether a name in the path begins with a dot or an underscore."""
    return any(name.startswith((".", "_")) for name in path.parts)


def find_ratings(source: Path) -> Path:
    """Return the path of the ratings file in a source folder; the first of ``RATINGS_FILES`` counts."""
    if not source.is_dir():
        fault = "is a file" if source.exists() else "no such folder"
        raise CineclusterError(f"{source}: {fault}. --source is a folder with a ratings.csv.")
    for name in RATINGS_FILES:
        if is_file(source / name):
            return (source / name).absolute()
    raise CineclusterError(
        f"{source}: holds none of {', '.join(RATINGS_FILES)}. --source is the folder of one, or has a folder {FOLDER} "
        "of such files."
    )


def is_file(path: Path) -> bool:
    """Say whether there is such a file.

    Raises
    ------
    CineclusterError
        If there is something else of that name: a folder, a device, a link to nothing.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return False
        raise CineclusterError(
            f"{path}: cannot be looked at: {error.strerror}. Mend the link or the permissions."
        ) from error
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
        raise CineclusterError(f"{path}: is {what}. Put a file of that name there, or move it away.")
    return True


def read_columns(path: Path) -> list[str]:
    """Return the columns of a ratings file in their order, spelled as in ``COLUMNS``.

    Raises
    ------
    CineclusterError
        If one is missing, unknown or there twice; so also for a file without a header.
    """
    spelling = {name.lower(): name for name in COLUMNS}
    found = list(parquet_schema(path)) if path.suffix == ".parquet" else read_header(path)
    columns = [spelling.get(name.lower().replace("_", ""), name) for name in found]
    missing = [name for name in REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in COLUMNS]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    for fault, names in (("no", missing), ("unknown", unknown), ("twice the", twice)):
        if names:
            raise CineclusterError(
                f"{path} line 1: {fault} column {names[0][:80]!r}. "
                "The header is userId,movieId,rating and optionally timestamp, in any order."
            )
    return columns


def parquet_schema(path: Path) -> "pl.Schema":
    """Return the columns of a Parquet file and their types.

    Raises
    ------
    CineclusterError
        If it cannot be read, or a column holds durations, whose unit DuckDB does not read.
    """
    import polars as pl

    try:
        with path.open("rb") as file:
            schema = pl.Schema(pl.read_parquet_schema(file))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CineclusterError(
            f"{path}: not a Parquet file that can be read: {first_line(error)}. Fetch it again."
        ) from error
    for name, kind in schema.items():
        if kind == pl.Duration:
            raise CineclusterError(f"{path}: column {name[:80]!r} holds durations. Save it as seconds since 1970.")
    return schema


def read_header(path: Path) -> list[str]:
    """Return the column names in line 1, as written.

    Raises
    ------
    CineclusterError
        If the file is empty, cannot be read, is of another format, or has no commas but other separators.
    """
    try:
        with open_bytes(path) as file:
            start = file.read(LONGEST_LINE)
    except (OSError, EOFError, zlib.error) as error:
        raise CineclusterError(f"{path}: cannot be read: {error}. {remedy(error)}") from error
    if not start:
        raise CineclusterError(f"{path}: the file is empty. It needs a header line, and more lines below it.")
    for signature, what in OTHER_FORMATS.items():
        if start.startswith(signature):
            raise CineclusterError(f"{path} line 1: not CSV but {what}.")
    line = LINE_END.split(start.decode("utf-8-sig", errors="replace"), maxsplit=1)[0]
    if "\0" in line or "\ufffd" in line:
        raise CineclusterError(f"{path} line 1: not text in UTF-8. It must be a CSV file.")
    for separator, what in OTHER_SEPARATORS.items():
        if separator in line and "," not in line:
            raise CineclusterError(f"{path} line 1: its columns are separated by {what}. Separate them by commas.")
    return [name.strip().strip('"') for name in line.split(",")]


def remedy(error: Exception) -> str:
    """Say what helps if a file cannot be read."""
    if isinstance(error, PermissionError):
        return "Make it readable for the user who runs this."
    if isinstance(error, gzip.BadGzipFile):
        return "If it is not packed, leave .gz out of its name; else fetch it again."
    return "Fetch the file again."


def open_bytes(path: Path) -> BinaryIO:
    """Open a file or a ``.gz`` for reading bytes, unpacked."""
    return cast(BinaryIO, gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"))
