"""The commands that only read what is published."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter, validators
from rich.table import Table
from rich.text import Text

from flows.terminal import aside, console, print_csv, print_json, say, shown
from tasks.errors import CineclusterError
from tasks.published.filters import NONE_LEFT
from tasks.text import share_in_words

if TYPE_CHECKING:
    from tasks.published.read import Lookup, Recommendation
    from tasks.published.status import Status, Version

FOR_PROGRAMS = Group("For programs", validator=validators.MutuallyExclusive())
AsJson = Annotated[bool, Parameter("--json", negative=(), group=FOR_PROGRAMS, help="Print JSON, and nothing else.")]
AsCsv = Annotated[bool, Parameter("--csv", negative=(), group=FOR_PROGRAMS, help="Print comma-separated values.")]
NARROW = 80  # columns of a terminal; with fewer, genres are below the title
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
    as_json: AsJson = False,
    as_csv: AsCsv = False,
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
    from tasks.published.read import Recommendation, look_up

    found = look_up(database, user_id, n, Filters(genre, from_year, to_year, exclude, only or None))
    if not found.favourites:
        words = f"User {user_id} has no favourites yet: these are the favourites of all users."
        say(words, aside if as_json or as_csv else console)
    if as_json:
        print_json({"user_id": user_id, **plain_lookup(found)})
    elif as_csv:
        print_csv(Recommendation._fields, found.recommendations)
    else:
        print_lookup(user_id, found)


def plain_lookup(found: "Lookup") -> dict[str, Any]:
    """Return what was found as dicts and lists."""
    return {
        "favourites": [movie._asdict() for movie in found.favourites],
        "n_favourites": found.n_favourites,
        "recommendations": [movie._asdict() for movie in found.recommendations],
    }


def print_lookup(user_id: int, found: "Lookup") -> None:
    """Print what was found for people."""
    if found.favourites:
        title = f"Favourites of user {user_id} ({len(found.favourites)} of {found.n_favourites:,})"
        liked = [(str(movie.movie_id), movie.title[:MOST_OF_A_TITLE], movie.genres) for movie in found.favourites]
        console.print(movie_table(title, ("id", "title", "genres"), liked))
    rows = [
        (str(movie.rank), str(movie.movie_id), f"{movie.score:.3f}", with_reasons(movie), movie.genres)
        for movie in found.recommendations
    ]
    title = f"Recommendations for user {user_id}"
    console.print(movie_table(title, ("rank", "id", "score", "title", "genres"), rows))
    if not rows:
        say(NONE_LEFT)


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


def movie_table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str | list[str], ...]]) -> Table:
    """Return a table of movies whose last two columns are the title, with what follows it, and the genres.

    Whatever markup or control characters the texts hold is shown, not obeyed.
    """
    is_narrow = console.width < NARROW
    table = Table(title=title, title_justify="left")
    for column in columns[:-1] if is_narrow else columns:
        table.add_column(column, justify="left" if column in ("title", "genres") else "right", overflow="ellipsis")
    for *cells, text, genres in rows:
        first, *reasons = str(text).split("\n")
        below = [", ".join(genres)] if is_narrow and genres else []
        cells += ["\n".join([first, *below, *reasons]), ", ".join(genres)]
        table.add_row(*(Text(shown(str(cell)[:MOST_OF_A_CELL])) for cell in cells[: len(table.columns)]))
    return table


def status(
    *,
    max_age: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    database: Path = PUBLISHED,
) -> None:
    """Say what is published, how old and how large it is, who holds the lock, and which versions are kept.

    Args:
        max_age: Hours; older tables are an error, exit code 1, as are none.
        database: Published DuckDB file.
    """
    from tasks.published.status import read_status

    found = read_status(database)
    hours = found.age.total_seconds() / 3600
    quality = found.quality if found.quality is not None and math.isfinite(found.quality) else None
    found = found._replace(quality=quality)
    values = found._asdict() | {"finished_at": found.finished_at.isoformat(), "age_hours": round(hours, 2)}
    if as_json:
        print_json(values)
    elif as_csv:
        print_csv(list(values), [list(values.values())])
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
        return f"NDCG@10 {found.quality:.4f}, no run of the same users before"
    shares = (found.quality_change, found.quality_change_low, found.quality_change_high)
    change, low, high = (share_in_words(share or 0) for share in shares)
    return f"NDCG@10 {found.quality:.4f}, {change} since the run before (95 % interval {low} to {high})"


def versions(*, as_json: AsJson = False, as_csv: AsCsv = False, database: Path = PUBLISHED) -> None:
    """List the kept versions, newest first.

    Args:
        database: Published DuckDB file.
    """
    from tasks.published.status import Version, read_versions

    kept = read_versions(database)
    plain = [version._replace(started_at=version.started_at.isoformat()) for version in kept]  # type: ignore[arg-type]
    if as_json:
        print_json([version._asdict() for version in plain])
    elif as_csv:
        print_csv(Version._fields, plain)
    else:
        console.print(versions_table(kept))
        say("`cinecluster rollback --to RUN` publishes any of them.")


def versions_table(kept: "list[Version]") -> Table:
    """Return what `versions` prints for people."""
    columns = ("run", "started (UTC)", "MB", "")
    table = Table(*columns, title="Kept versions", title_justify="left", box=None, pad_edge=False)
    for version in kept:
        started, size = f"{version.started_at:%Y-%m-%d %H:%M}", f"{version.n_bytes / 1e6:,.1f}"
        table.add_row(version.run_id, started, size, "published" if version.is_published else "")
    return table
