"""The engine on one machine: a DuckDB file, and the statements in ``sql/``."""

import os
import re
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from tasks.blocks import Frame, Interactions, Sums, order_of, select_users, sum_parts
from tasks.engine import BLOCK_USERS, BlockFunction, FileFunction, UserFilter
from tasks.engine.arrow import table_of
from tasks.errors import NO_SPACE, CineclusterError, first_line, no_space
from tasks.progress import report_progress

Block = TypeVar("Block")
Result = TypeVar("Result")
OLDEST_READER = "v1.5.0"  # DuckDB 1.5 clients can open what is written
LEAST_MEMORY = "64MB"  # that DuckDB keeps of pages which are in the file, too
INTERRUPTED = "Query interrupted"  # the whole message of the RuntimeError that DuckDB raises at Ctrl-C
MOST_WORKERS = 4  # blocks at work; more would need more memory


class DuckDBEngine(NamedTuple):
    """Tables in a DuckDB file, which is closed between any two calls but in `kept_open`; see `tasks.engine.Engine`.

    database : path of the file, made if it is missing.
    memory_limit : such as ``"4GB"``; DuckDB's own default where None.
    threads : processor cores that DuckDB and blocks at work take; all where None.
    """

    database: Path
    memory_limit: str | None = None
    threads: int | None = None

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file for building tables, and close it again."""
        config: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": OLDEST_READER}
        if self.memory_limit:
            config["memory_limit"] = self.memory_limit
        if self.threads:
            config["threads"] = self.threads
        with duckdb.connect(self.database, config=config) as connection:
            connection.execute("set enable_progress_bar = false")
            yield connection

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Have calls share one opened file: opening and closing it takes as long as many a statement.

        At the end all is in the file, and nothing in its write-ahead log.

        Raises
        ------
        CineclusterError
            If the disk is full: closing alone would not say so.
        """
        with self.connect() as connection:
            yield
            with machine_errors():
                connection.execute("checkpoint")

    def run(self, *names: str, **parameters: Any) -> None:
        """Run statements one after the other."""
        with self.connect() as connection:
            for name in names:
                run(connection, name, **parameters)

    def arrays(self, name: str, **parameters: Any) -> dict[str, NDArray]:
        """Return the columns of a result that fits into memory."""
        with self.connect() as connection:
            return arrays(connection, name, **parameters)

    def write(self, rows: str, frame: Frame, *names: str, **parameters: Any) -> None:
        """Run statements that read ``frame`` as the table ``rows``."""
        with self.connect() as connection:
            write(connection, rows, frame, *names, **parameters)

    def store_blocks(self) -> None:
        """Read the view ``interactions`` once, and store it as blocks in a folder beside the database."""
        folder = self.folder_of_blocks()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with self.connect() as connection:
            n_movies = len(connection.table("movie_positions"))

            def store(part: tuple[int, tuple[NDArray[np.int32], Frame]]) -> None:
                """Write the block of users with a number, made of their entries."""
                number, (user_ids, entries) = part
                save_block(folder / f"{number:08}.npz", block_of(user_ids, n_movies, entries))

            deque(in_parallel(store, enumerate(read_users(connection)), self.workers()), maxlen=0)
            forget_pages(connection, self.memory_limit)

    def blocks(self, is_kept: UserFilter | None = None) -> Iterator[Interactions]:
        """Yield the users who have favourites, or those whom ``is_kept`` keeps, in ascending order, in blocks."""
        paths = sorted(self.folder_of_blocks().iterdir())
        for done, path in enumerate(paths, start=1):
            block = load_block(path)
            yield select_users(block, is_kept(block.user_ids)) if is_kept else block
            report_progress(done, len(paths))

    def folder_of_blocks(self) -> Path:
        """Return where the blocks are."""
        return self.database.with_suffix(".blocks")

    def workers(self) -> int:
        """Return how many blocks are worked on at the same time."""
        return min(MOST_WORKERS, self.threads or os.cpu_count() or 1)

    def map_blocks(self, function: BlockFunction, statements: Mapping[str, str]) -> list[int]:
        """Run statements, by the names of the rows that they read, on what ``function`` makes of each block."""
        n_rows = [0] * len(statements)
        with self.connect() as connection:
            for frames in in_parallel(lambda users: list(function(users)), self.blocks(), self.workers()):
                for number, ((rows, name), frame) in enumerate(zip(statements.items(), frames, strict=True)):
                    table = table_of(frame)
                    connection.register(rows, table)
                    run(connection, name)
                    n_rows[number] += table.num_rows
        return n_rows

    def sum_blocks(self, function: Callable[[Interactions], Sums]) -> dict[str, NDArray]:
        """Return the sums over all blocks of what ``function`` makes of each."""
        return sum_parts(in_parallel(function, self.blocks(), self.workers()))

    def map_files(self, function: FileFunction, n_files: int, table: str, schema: pa.Schema) -> None:
        """Build ``table`` with the columns of ``schema`` from what ``function`` makes of files 0, 1, ..."""
        with self.connect() as connection:
            connection.execute(f"drop table if exists {table}")
            connection.from_arrow(schema.empty_table()).create(table)
            for number in range(n_files):
                for batch in function(number):
                    connection.from_arrow(pa.Table.from_batches([batch])).insert_into(table)
                report_progress(number + 1, n_files)


def read_users(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[NDArray[np.int32], Frame]]:
    """Yield the ids of users who have favourites, ``BLOCK_USERS`` at a time, and the entries of those between them."""
    user_ids = arrays(connection, "model/interaction_users")["user_id"]
    for start in range(0, len(user_ids), BLOCK_USERS):
        users = user_ids[start : start + BLOCK_USERS]
        yield users, arrays(connection, "model/interaction_block", first=int(users[0]), last=int(users[-1]))
        report_progress(min(len(user_ids), start + BLOCK_USERS), len(user_ids))


def forget_pages(connection: duckdb.DuckDBPyConnection, memory_limit: str | None) -> None:
    """Have DuckDB free the memory of pages that it could read again, for who needs memory next."""
    connection.execute("checkpoint")
    with suppress(duckdb.OutOfMemoryException):
        connection.execute("set memory_limit = $limit", {"limit": LEAST_MEMORY})
    if memory_limit:
        connection.execute("set memory_limit = $limit", {"limit": memory_limit})
    else:
        connection.execute("reset memory_limit")


def save_block(path: Path, block: Interactions) -> None:
    """Write a block to a file."""
    weights = block.weights
    np.savez(
        path,
        user_ids=block.user_ids,
        n_movies=np.int64(weights.shape[1]),
        indptr=weights.indptr,
        indices=weights.indices,
        weights=weights.data,
        seconds=block.seconds.astype(np.uint32),
    )


def load_block(path: Path) -> Interactions:
    """Return the block in a file."""
    with np.load(path) as stored:
        shape = (len(stored["user_ids"]), int(stored["n_movies"]))
        weights = csr_matrix((stored["weights"], stored["indices"], stored["indptr"]), shape)
        return Interactions(stored["user_ids"], weights, stored["seconds"].astype(np.int64))


def block_of(user_ids: NDArray[np.int32], n_movies: int, entries: dict[str, NDArray]) -> Interactions:
    """Return the users ``user_ids`` with their ``entries``: user_id, movie_position, weight and seconds, any order.

    ``user_ids`` ascend; entries of other users, such as those without favourites, are left out.
    """
    rows = np.searchsorted(user_ids, entries["user_id"])
    known = user_ids[np.minimum(rows, len(user_ids) - 1)] == entries["user_id"]
    rows, columns = rows[known], entries["movie_position"][known].astype(np.int32)
    order = order_of(rows.astype(np.int64) * n_movies + columns)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(user_ids)))]).astype(np.int32)
    weights = csr_matrix((entries["weight"][known][order], columns[order], indptr), (len(user_ids), n_movies))
    return Interactions(user_ids, weights, entries["seconds"][known][order])


def in_parallel(function: Callable[[Block], Result], blocks: Iterator[Block], n_threads: int) -> Iterator[Result]:
    """Yield what ``function`` makes of each block, in their order; few blocks are in memory at a time.

    Each thread has one of BLAS: more would wait for each other.
    """
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(n_threads) as pool:
        waiting: deque[Future[Result]] = deque()
        for block in blocks:
            waiting.append(pool.submit(function, block))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@cache
def statement(name: str) -> str:
    """Return the text of ``sql/<name>.sql``."""
    return files("sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")


@cache
def parameters_of(name: str) -> frozenset[str]:
    """Return the names of the parameters of ``sql/<name>.sql``."""
    return frozenset(re.findall(r"\$([a-z]\w*)", re.sub(r"--.*", "", statement(name))))


def used(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return those parameters that ``sql/<name>.sql`` names."""
    return {key: parameters[key] for key in parameters_of(name)}


def run(connection: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Run ``sql/<name>.sql`` with those of the parameters that it names, and return its rows."""
    return connection.execute(statement(name), used(name, parameters)).fetchall()


def write(connection: duckdb.DuckDBPyConnection, rows: str, frame: Frame, *names: str, **parameters: Any) -> None:
    """Run statements that read ``frame`` as the table ``rows``."""
    connection.register(rows, table_of(frame))
    for name in names:
        run(connection, name, **parameters)


def arrays(connection: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> dict[str, NDArray]:
    """Return the columns of what ``sql/<name>.sql`` selects."""
    columns = connection.execute(statement(name), used(name, parameters)).fetchnumpy()
    return {key: np.asarray(column) for key, column in columns.items()}


def frame(connection: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> pl.DataFrame:
    """Return what ``sql/<name>.sql`` selects."""
    return connection.sql(statement(name), params=used(name, parameters)).pl()


def literal_path(path: Path) -> str:
    """Return the path as DuckDB's readers want it: with glob characters taken literally."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))


@contextmanager
def machine_errors() -> Iterator[None]:
    """Raise a CineclusterError where memory or disk do not suffice for what is done inside.

    A query that Ctrl-C has ended raises KeyboardInterrupt, as all other code does.
    """
    try:
        yield
    except RuntimeError as error:
        if str(error) != INTERRUPTED:
            raise
        raise KeyboardInterrupt from error
    except (MemoryError, duckdb.OutOfMemoryException) as error:
        wanted = first_line(error).removeprefix("Out of Memory Error: ")
        raise CineclusterError(
            f"Out of memory: {wanted}. Raise or leave out --memory-limit, or run where there is more. "
            "The published tables stay as they are."
        ) from error
    except (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException) as error:
        raise CineclusterError(no_space(error)) from error
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise CineclusterError(no_space(error)) from error
