"""Where tables live and statements run."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.blocks import Frame, Interactions, Sums

if TYPE_CHECKING:
    import duckdb  # which workers do without

BlockFunction = Callable[[Interactions], Iterable[Frame]]
FileFunction = Callable[[int], Iterable[pa.RecordBatch]]  # number of a file: its rows
UserFilter = Callable[[NDArray[np.int32]], NDArray[np.bool_]]  # user_ids: which of them
BLOCK_USERS = 8192


class Engine(Protocol):
    """What a retrain asks of the place where its tables are built.

    It holds paths, memory limit and threads, so that no step passes them. Names of statements are those of files in
    ``sql/``, without the ending; of the parameters each statement takes those that it names.
    """

    @property
    def database(self) -> Path:
        """The DuckDB file that is going to be published."""

    @property
    def memory_limit(self) -> str | None:
        """DuckDB's, such as ``"4GB"``; its own default where None."""

    def connect(self) -> "AbstractContextManager[duckdb.DuckDBPyConnection]":
        """Open the DuckDB file that is going to be published, with all tables built so far."""

    def run(self, *names: str, **parameters: Any) -> None:
        """Run statements one after the other."""

    def arrays(self, name: str, **parameters: Any) -> dict[str, NDArray]:
        """Return the columns of a result that fits into memory."""

    def write(self, rows: str, frame: Frame, *names: str, **parameters: Any) -> None:
        """Run statements that read ``frame`` as the table ``rows``."""

    def store_blocks(self) -> None:
        """Read the view ``interactions`` once, and store it as the blocks of whole users that the next three read."""

    def blocks(self, is_kept: UserFilter | None = None) -> Iterator[Interactions]:
        """Yield the users who have favourites, or those whom ``is_kept`` keeps, in ascending order, in blocks."""

    def map_blocks(self, function: BlockFunction, statements: Mapping[str, str]) -> list[int]:
        """Run statements on what ``function`` makes of each block.

        Blocks are worked on in parallel, and written in their order. Returns the number of rows for each statement.

        Parameters
        ----------
        function : yields a frame for each of the statements, in their order; later ones may not be asked for.
        statements : name of each by the name of the rows that it reads.
        """

    def sum_blocks(self, function: Callable[[Interactions], Sums]) -> dict[str, NDArray]:
        """Return the sums over all blocks of what ``function`` makes of each."""

    def map_files(self, function: FileFunction, n_files: int, table: str, schema: pa.Schema) -> None:
        """Build ``table`` with the columns of ``schema`` from what ``function`` makes of files 0, 1, ..."""
