"""What a server answers from: the tables published last, and the favourites since."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from tasks.app.changes import Changes, Words, state_of
from tasks.app.known import keep_next_group, kept_with, n_groups
from tasks.app.person import Person, find_person
from tasks.app.recommend import Recommended, recommend_stored, recommend_to
from tasks.app.tables import Tables, load_tables
from tasks.errors import CineclusterError, first_line
from tasks.favourites.change import check_ids, record
from tasks.published.read import require_published

SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_BETWEEN_GROUPS = 0.02  # that are read ahead, for requests in between
MOST_KEPT = 10_000  # users with changed favourites whose new lists are kept
log = logging.getLogger("cinecluster.api")


class Store:
    """The published tables and the log of favourites, followed while requests are answered.

    ``tables`` is replaced as a whole when another file is published: a request takes it once and keeps it.

    Parameters
    ----------
    database : published DuckDB file.
    tell : called after a favourite was recorded, for somebody to bring the overlay of the tables up to date.
    """

    def __init__(self, database: Path, tell: Callable[[], None] = lambda: None) -> None:
        self.database = database
        self.tell = tell
        self.problem: str | None = None
        self.state = state_of(database)
        self.tables = load_tables(database)
        self.changes = Changes(database)
        self.changes.follow()
        self.kept: dict[int, tuple[Tables, Words, Recommended]] = {}
        self.is_ending = threading.Event()

    def follow(self) -> None:
        """Load what was published since, if anything was; keep what is loaded where that cannot be read."""
        state = state_of(self.database)
        if state == self.state:
            return
        try:
            tables = load_tables(self.database)
        except CineclusterError as error:
            if self.problem is None:
                log.warning("%s Still serving run %s.", error, self.tables.status.run_id)
            self.problem = first_line(error)
            return
        self.kept.clear()
        self.tables, self.state, self.problem = tables, state, None

    def keep_following(self) -> None:
        """Follow what is published until `is_ending` is set, and meanwhile read what requests will need."""
        seconds = 0.0
        while not self.is_ending.wait(seconds):
            try:
                self.follow()
                seconds = SECONDS_BETWEEN_GROUPS if self.read_ahead() else SECONDS_BETWEEN_LOOKS
            except Exception as error:
                log.exception("following %s", self.database)
                self.problem, seconds = first_line(error), SECONDS_BETWEEN_LOOKS

    def read_ahead(self) -> bool:
        """Read one more group of users; return whether there was one."""
        tables = self.tables
        is_left = len(tables.known) < n_groups(tables)
        if is_left:
            keep_next_group(tables)
        return is_left

    def words_of(self, user_id: int) -> Words:
        """Return what the log says of a user at this moment."""
        self.changes.follow()
        return self.changes.of(user_id)

    def person(self, user_id: int) -> tuple[Tables, Person]:
        """Return a user as of now, and the tables that this is in."""
        tables = self.tables
        return tables, find_person(tables, user_id, self.words_of(user_id))

    def is_at_hand(self, user_id: int) -> bool:
        """Whether a list for a user takes a moment: nothing is read from the file, and nobody new is placed."""
        known = kept_with(self.tables, user_id)
        return known is not None and (known.place(user_id) is not None or not self.words_of(user_id))

    def stored(self, user_id: int, n: int) -> tuple[Tables, Recommended] | None:
        """Return a user's first ``n`` recommendations if they need no computing, else None."""
        tables, words = self.tables, self.words_of(user_id)
        if not words:
            found = recommend_stored(tables, user_id, n)
            return found and (tables, found)
        kept = self.kept.get(user_id)
        if kept and kept[0] is tables and kept[1] is words and n <= len(kept[2].movies):
            return tables, kept[2].first(n)
        return None

    def rank_again(self, user_id: int) -> None:
        """Keep a new list of as many as the tables store, for a user whose favourites changed."""
        tables, words = self.tables, self.words_of(user_id)
        found = recommend_to(tables, find_person(tables, user_id, words), tables.top_n)
        if len(self.kept) >= MOST_KEPT:
            self.kept.clear()
        self.kept[user_id] = (tables, words, found)

    def change(self, user_id: int, movie_id: int, remove: bool) -> int:
        """Record a favourite, or that it is none any more, on disk; return the number of lines that this took.

        Every answer after this has it; the tables follow, see ``tell``.

        Raises
        ------
        CineclusterError
            If it cannot be written, or the ids are none.
        LookupError
            If the movie is unknown.
        """
        check_ids([(user_id, movie_id)])
        if self.tables.movies.position(movie_id) is None:
            raise LookupError(f"Movie {movie_id} is unknown.")
        require_published(self.database)
        n_recorded = record(self.database, [(user_id, movie_id)], remove)
        if n_recorded:
            self.tell()
            self.rank_again(user_id)
        return n_recorded
