"""The favourites that users added or took back, followed line by line as the log grows."""

from datetime import UTC, datetime
from math import floor
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from tasks.favourites.log import HEADER, complete_lines, log_of, parse_log, require_no_former_log


class Word(NamedTuple):
    """What the log says last of a user and a movie."""

    is_favourite: bool
    seconds: int


Words = dict[int, Word]  # by movie_id
State = tuple[int, int, int]
NOTHING: Words = {}


class Changes:
    """What the log says last, user by user. What `of` returns is never changed afterwards."""

    def __init__(self, database: Path) -> None:
        require_no_former_log(database)
        self.path = log_of(database)
        self.words: dict[int, Words] = {}
        self.state: State | None = None  # of the log when it was read last
        self.n_bytes = 0
        self.lock = Lock()

    def follow(self) -> None:
        """Read what was added to the log; all of it where another file has taken its place."""
        if state_of(self.path) != self.state:
            with self.lock:
                state = state_of(self.path)  # of now: another thread may have read further meanwhile
                if state != self.state:
                    self.read(state)

    def of(self, user_id: int) -> Words:
        """Return what the log says of a user."""
        return self.words.get(user_id, NOTHING)

    def read(self, state: State | None) -> None:
        """Read the lines that are new, or all."""
        words, begin = self.words, self.n_bytes
        if self.state is None or state is None or state[0] != self.state[0] or not len(HEADER) < begin <= state[1]:
            words, begin = {}, 0
        text = self.added() if begin else complete_lines(self.path)
        lines = parse_log(self.path, f"{HEADER}\n".encode() + text if begin else text)
        for changed_at, user_id, movie_id, change in lines.iter_rows():
            words[user_id] = {**words.get(user_id, NOTHING), movie_id: Word(change == "add", seconds_of(changed_at))}
        self.words, self.n_bytes, self.state = words, begin + len(text), state

    def added(self) -> bytes:
        """Return the whole lines behind those that were read."""
        with self.path.open("rb") as log:
            log.seek(self.n_bytes)
            text = log.read()
        return text[: text.rfind(b"\n") + 1]


def seconds_of(moment: datetime) -> int:
    """Return a time in UTC as seconds since 1970, rounded down as in SQL."""
    return floor(moment.replace(tzinfo=UTC).timestamp())


def state_of(path: Path) -> State | None:
    """Return which file is at a path (its inode), its length, and when it was written; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
