"""Where tables live and statements run."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from tasks.blocks import Frame, Interactions

Sums = Mapping[str, NDArray]
BlockFunction = Callable[[Interactions], Frame]
BLOCK_USERS = 8192


class Engine(Protocol):
    """What a retrain asks of the place where its tables are built.

    It holds paths, memory limit and threads, so that no step passes them. Names of statements are those of files in
    ``sql/``, without the ending; of the parameters each statement takes those that it names.
    """

    def run(self, *names: str, **parameters: Any) -> None:
        """Run statements one after the other."""

    def arrays(self, name: str, **parameters: Any) -> dict[str, NDArray]:
        """Return the columns of a result that fits into memory."""

    def write(self, rows: str, frame: Frame, *names: str, **parameters: Any) -> None:
        """Run statements that read ``frame`` as the table ``rows``."""

    def store_blocks(self) -> None:
        """Read the view ``interactions`` once, and store it as the blocks of whole users that the next three read."""

    def blocks(self) -> Iterator[Interactions]:
        """Yield all users who have favourites, in ascending order, some thousand at a time."""

    def map_blocks(self, function: BlockFunction, rows: str, name: str) -> int:
        """Run the statement ``name``, which reads ``rows``, on what ``function`` makes of each block.

        Blocks are worked on in parallel, and written in their order. Returns the number of rows.
        """

    def sum_blocks(self, function: Callable[[Interactions], Sums]) -> dict[str, NDArray]:
        """Return the sums over all blocks of what ``function`` makes of each."""
