"""A process of its own that brings the overlay up to date after favourites were recorded, at a low priority.

``python -m tasks.app.follow DATABASE`` does so once for each line that it reads, and answers each with a line, empty or
what went wrong. It ends with its standard input, and so with the server that started it.
"""

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

from tasks.errors import CineclusterError, first_line

NICENESS = 19
SECONDS_BETWEEN = 2.0
log = logging.getLogger("cinecluster.api")


class Follower:
    """The server's side of that process, which is started by `start` or with the first favourite."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.problem: str | None = None
        self.is_asked = threading.Event()
        self.is_ending = threading.Event()
        self.process: subprocess.Popen[str] | None = None

    def tell(self) -> None:
        """Have the overlay brought up to date soon."""
        self.is_asked.set()

    def keep_following(self) -> None:
        """Do so until `end`; favourites that come close together are done together, what went wrong again later."""
        while not self.is_ending.is_set() or self.is_asked.is_set():
            if not self.is_asked.wait(SECONDS_BETWEEN):
                continue
            self.is_asked.clear()
            problem = self.bring_up_to_date()
            if problem and problem != self.problem:
                log.warning("The tables do not follow the favourites yet: %s", problem)
            self.problem = problem or None
            if not self.is_ending.wait(SECONDS_BETWEEN) and problem:
                self.is_asked.set()
        if self.process and self.process.stdin:
            self.process.stdin.close()
            self.process.wait()

    def start(self) -> subprocess.Popen[str]:
        """Return the process, which is started unless it is there."""
        if self.process is None or self.process.poll() is not None:
            command, pipe = [sys.executable, "-m", __name__, str(self.database)], subprocess.PIPE
            self.process = subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe)  # noqa: S603
        return self.process

    def bring_up_to_date(self) -> str:
        """Have the process do it; return what went wrong."""
        process = self.start()
        assert process.stdin and process.stdout
        try:
            process.stdin.write("\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        return answer.strip() if answer else "the process that does it has ended"

    def end(self) -> None:
        """Have `keep_following` return once what was asked for is done."""
        self.is_ending.set()


def main(database: Path) -> None:
    """Bring the overlay up to date for every line of standard input."""
    from tasks.favourites.change import change_favourites

    os.nice(NICENESS)
    for _ in sys.stdin:
        problem = ""
        try:
            change_favourites(database, [])
        except CineclusterError as error:
            problem = first_line(error)
        print(problem, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
