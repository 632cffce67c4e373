"""The commands that change what is published."""

import sys
from pathlib import Path

from flows.cli_read import PUBLISHED
from flows.messages import fail
from flows.terminal import console, say

REPORTS = Path("reports")


def favourite(user_id: int, movie: str, *, remove: bool = False, database: Path = PUBLISHED) -> None:
    """Add a movie to the favourites of a user, now: the tables and recommendations follow without a retrain.

    Args:
        user_id: Id of the user, who may be new.
        movie: Title, or words of it, in quotation marks; or MovieLens id of the movie.
        remove: Take the favourite back.
        database: Published DuckDB file.
    """
    from tasks.favourites.change import change_favourites
    from tasks.published.titles import movie_called

    movie_id, title = movie_called(database, movie)
    n_recorded = change_favourites(database, [(user_id, movie_id)], remove)
    name = f"{title}, movie {movie_id}," if title else f"Movie {movie_id}"
    what = "is not a favourite" if remove else "is a favourite"
    say(f"{name} {what} of user {user_id}{'' if n_recorded else ', as before'}.")


def forget(user_id: int, *, yes: bool = False, database: Path = PUBLISHED, reports: Path = REPORTS) -> None:
    """Take a user out of the tables, every kept version and the log of favourites, for good; asks before it does.

    Args:
        user_id: Id of the user.
        yes: Do not ask; needed where nobody can answer.
        database: Published DuckDB file.
        reports: Folder of the pictures.
    """
    from tasks.favourites.forget import forget_user, published_run

    _, source = published_run(database)
    if not yes and not sys.stdin.isatty():
        fail("Nothing was changed: there is no terminal to ask on. Give --yes to forget without asking.", 1)
    if not yes:
        say(f"User {user_id} leaves {database}, every kept version and the log of favourites. There is no way back.")
        say(f"What {source or 'the demo data'} holds of the user remains.")
        if console.input("Go on? [y/N] ", markup=False).strip().lower() not in ("y", "yes"):
            fail("Nothing was changed.", 1)
    done = forget_user(database, reports, user_id)
    if not done.n_rows + done.n_kept_rows + done.n_lines:
        fail(f"User {user_id} is unknown: nothing is published, kept or logged of them.", 1)
    say(
        f"User {user_id} is forgotten: {done.n_rows:,} rows of {database} and {done.n_lines:,} lines of the log of "
        f"favourites are gone, from {done.n_versions} versions."
    )
    say("The numbers that the retrain counted, its model and its pictures stay as they are until the next one.")
    source = done.source or "the demo data"
    say(f"What {source} holds of the user remains: take it out there, or the next retrain reads it again.")


def rollback(*, to: str | None = None, database: Path = PUBLISHED, reports: Path = REPORTS) -> None:
    """Publish the version before the present one again, or any kept one, tables and pictures.

    Args:
        to: Run whose version it is, older or newer; `cinecluster versions` lists them.
        database: Published DuckDB file.
        reports: Folder of the pictures.
    """
    from tasks.favourites.change import change_favourites
    from tasks.published.publish import roll_back

    run_id = roll_back(database, reports, to)
    change_favourites(database, [])  # those that came since that run read the log
    say(f"{database} is run {run_id} again.")
