"""The commands that only read what is published."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators
from rich.table import Table
from rich.text import Text

from flows.terminal import console, say, shown
from tasks.errors import CineclusterError

if TYPE_CHECKING:
    from tasks.published.read import Recommendation
    from tasks.published.status import Status

PUBLISHED = Path("data/cinecluster.duckdb")
MOST_OF_A_TITLE, MOST_OF_A_CELL = 300, 2000  # letters


def recommend(
    user_id: int,
    *,
    n: Annotated[int, Parameter(name=["-n", "--n"], validator=validators.Number(gte=1))] = 15,
    genre: tuple[str, ...] = (),
    from_year: int | None = None,
    to_year: int | None = None,
    exclude: tuple[int, ...] = (),
    only: tuple[int, ...] = (),
    database: Path = PUBLISHED,
) -> None:
    """Print the favourites of a user and what to watch next, and why.

    Args:
        user_id: Id of the user in the ratings. An unknown user gets the overall favourites.
        n: Number of recommendations.
        genre: Movies of this genre; give it again for several: of any of them.
        from_year: Movies of this year or later.
        to_year: Movies of this year or earlier.
        exclude: Id of a movie to leave out; give it again for several.
        only: Id of a movie to choose from; give it again for several.
        database: Published DuckDB file.
    """
    from tasks.published.filters import Filters
    from tasks.published.read import look_up

    found = look_up(database, user_id, n, Filters(genre, from_year, to_year, exclude, only or None))
    if found.favourites:
        title = f"Favourites of user {user_id} ({len(found.favourites)} of {found.n_favourites:,})"
        console.print(movie_table(title, [(title, genres) for title, genres in found.favourites]))
    else:
        say(f"User {user_id} has no favourites yet: these are the favourites of all users.")
    rows = [
        (str(movie.rank), with_reasons(movie), movie.genres, f"{movie.score:.3f}") for movie in found.recommendations
    ]
    console.print(movie_table(f"Recommendations for user {user_id}", rows, ("rank", "title", "genres", "score")))
    if not rows:
        say("No movie that is left for this user passes the filters.")


def with_reasons(movie: "Recommendation") -> str:
    """Return the title of a movie and, in the next line, why it is recommended."""
    reasons = []
    if movie.because:
        reasons.append("because of " + ", ".join(spoken(title[:MOST_OF_A_TITLE]) for title in movie.because))
    if movie.people and movie.people != "everybody":
        reasons.append(f"people of {movie.people}")
    return "\n".join(filter(None, (movie.title[:MOST_OF_A_TITLE], " · ".join(reasons))))


def spoken(title: str) -> str:
    """Return a title without its year and with the article in front: "American President, The (1995)"."""
    return re.sub(r"^(.+), (The|A|An)$", r"\2 \1", re.sub(r" \(\d{4}\)$", "", title))


def movie_table(title: str, rows: Sequence[tuple[str, ...]], columns: tuple[str, ...] = ("title", "genres")) -> Table:
    """Return a table of movies; whatever markup or control characters the texts hold is shown, not obeyed."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if column in ("rank", "score") else "left", overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(shown(text[:MOST_OF_A_CELL])) for text in row))
    return table


def status(
    *,
    max_age: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    database: Path = PUBLISHED,
) -> None:
    """Say what is published, how old and how large it is, who holds the lock, and which versions are kept.

    Args:
        max_age: Hours; older tables are an error, exit code 1, as are none.
        as_json: Print one JSON object.
        database: Published DuckDB file.
    """
    from tasks.published.status import read_status

    found = read_status(database)
    hours = found.age.total_seconds() / 3600
    if as_json:
        values = found._asdict() | {"finished_at": found.finished_at.isoformat(), "age_hours": round(hours, 2)}
        print(json.dumps(values))
    else:
        console.print(status_table(found, hours))
    if max_age is not None and not hours <= max_age:
        raise CineclusterError(f"{database}: {hours:.1f} hours old, more than --max-age {max_age:g}.")


def status_table(found: "Status", hours: float) -> Table:
    """Return what `status` prints for people."""
    table = Table(title="Published", title_justify="left", show_header=False)
    for name, value in (
        ("run", found.run_id),
        ("finished", f"{found.finished_at:%Y-%m-%d %H:%M:%S} UTC, {hours:.1f} hours ago"),
        ("ratings", f"{found.n_ratings:,}"),
        ("favourites", f"{found.n_favourites:,}"),
        ("users", f"{found.n_users:,}, {found.n_users_with_favourites:,} of them with favourites"),
        ("recommendations", f"{found.n_recommendations:,}"),
        ("held-out quality", quality_of(found)),
        ("lock", found.lock_holder or "free"),
        ("kept versions", ", ".join(found.versions) or "none"),
    ):
        table.add_row(name, Text(shown(value)))
    return table


def quality_of(found: "Status") -> str:
    """Return the held-out quality, and how it changed since the run before."""
    if found.quality is None:
        return "not measured"
    if found.quality_change is None:
        return f"NDCG@10 {found.quality:.4f}, no earlier run to compare with"
    change, low, high = (f"{100 * share:+.1f} %" for share in found[9:12] if share is not None)
    return f"NDCG@10 {found.quality:.4f}, {change} since the run before (95 % interval {low} to {high})"


def versions(*, database: Path = PUBLISHED) -> None:
    """List the kept versions, newest first.

    Args:
        database: Published DuckDB file.
    """
    from tasks.published.status import read_versions

    table = Table("run", "started", "MB", "", title="Kept versions", title_justify="left")
    for version in read_versions(database):
        published = "published" if version.is_published else ""
        started = f"{version.started_at:%Y-%m-%d %H:%M:%S} UTC"
        table.add_row(version.run_id, started, f"{version.n_bytes / 1e6:,.1f}", published)
    console.print(table)
    say("`cinecluster rollback --to RUN` publishes any of them.")
