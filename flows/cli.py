"""The command ``cinecluster``."""

import atexit
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter, validators
from pydantic import ValidationError
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from flows.cli_change import favourite, forget, rollback
from flows.cli_read import PUBLISHED, recommend, status, versions
from flows.config import EvaluateOptions, Options, RetrainOptions
from flows.messages import fail, faults_of, message_of, print_warning
from flows.server import apply_settings, start_server, use_server
from flows.terminal import console, say, shown
from tasks.errors import CineclusterError
from tasks.source.header import find_files, find_ratings, read_columns
from tasks.text import tables_in_words

if TYPE_CHECKING:
    from tasks.quality.standings import Standing

STOPPED = 130  # by Ctrl-C, as shells say it
READER_GONE = 141  # what a shell reports of a program that wrote to a closed pipe

app = App(
    name="cinecluster",
    help="Movie recommendations from k-means clusters of people with the same taste, in DuckDB tables.",
    version=version("cinecluster"),
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)
for command in (recommend, status, versions, favourite, forget, rollback):
    app.command(command)


@contextmanager
def progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, and yield the function that fills it."""
    with Progress(console=console, disable=not console.is_terminal) as bars:
        bar = bars.add_task(name, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total or None)


def begin(command: str, config: Options, verbose: bool) -> None:
    """Say what begins, and refuse a wrong source, before anything is imported that takes long.

    Where a webhook waits for failures, the run itself refuses it, and tells the webhook.
    """
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO" if verbose else "CRITICAL")
    moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    say(f"cinecluster {command}, {moment}, preset {config.preset}, from {config.source or 'demo data'}")
    if config.source and "CINECLUSTER_WEBHOOK" not in os.environ:
        [first, *_] = find_files(config.source) or [find_ratings(config.source)]
        read_columns(first)


@app.command
def retrain(*, config: Annotated[RetrainOptions | None, Parameter(name="*")] = None, verbose: bool = False) -> None:
    """Read ratings, cluster the users, and publish recommendations for every one of them.

    Args:
        verbose: Show Prefect's log and, on failure, the traceback.
    """
    config = config or RetrainOptions()
    begin("retrain", config, verbose)
    server = start_server()
    from flows.retrain import retrain as flow  # takes seconds to import, which no other command has to wait for
    from tasks.published.read import first_user
    from tasks.task import show_on

    with use_server(server), show_on(console):
        built = flow(**config.model_dump())
    console.print(summary_table(built, config))
    recommend(first_user(config.database), n=5, database=config.database)


def summary_table(built: dict[str, Any], config: RetrainOptions) -> Table:
    """Return the closing table of a retrain: what was built and where it is."""
    table = Table(title="Published", title_justify="left", show_header=False)
    if config.source is None:
        table.add_row("source", "DEMO DATA: invented ratings of invented movies")
    for name, value in built.items():
        label = name.removeprefix("n_").replace("_", " ")
        table.add_row(label, f"{value:,}" if isinstance(value, int) else str(value))
    table.add_row("tables", Text(shown(str(config.database))))
    table.add_row("report", Text(shown(str(config.reports / "index.html"))))
    return table


@app.command
def evaluate(*, config: Annotated[EvaluateOptions | None, Parameter(name="*")] = None, verbose: bool = False) -> None:
    """Measure the recommendations on held-out favourites, against known recommenders.

    Args:
        verbose: Show Prefect's log and, on failure, the traceback.
    """
    config = config or EvaluateOptions()
    begin("evaluate", config, verbose)
    server = start_server()
    import polars as pl

    from flows.evaluate import evaluate as flow  # takes seconds to import, as above
    from tasks.quality.evaluate import SCHEMA
    from tasks.quality.standings import standings
    from tasks.task import show_on

    with use_server(server), show_on(console):
        measured = pl.DataFrame(flow(**config.model_dump()), schema=SCHEMA)
    for standing in standings(measured):
        print_standing(standing)
    say(f"tables {config.database}, picture {config.reports / 'evaluation.png'}")


def print_standing(standing: "Standing") -> None:
    """Print how the recommenders did on one split."""
    if standing.rows:
        table = Table(*standing.columns, title=standing.title, title_justify="left")
        for row in standing.rows:
            table.add_row(*row, style="bold" if row[0] == "cinecluster" else None)
        console.print(table)
        if standing.finding:
            say(standing.finding)
    else:
        say(f"{standing.title}: {standing.finding}")
    for note in standing.notes if standing.rows else ():
        say(f"  {note}")
    say("")


@app.command(name="demo-data")
def demo_data(folder: Path, *, ratings: int = 100_000, seed: int = 0, replace: bool = False) -> None:
    """Make MovieLens-shaped ratings of invented movies.

    Args:
        folder: Folder to write ratings.csv, movies.csv and links.csv to.
        ratings: Number of ratings; 26024289 is the size of the full MovieLens file.
        seed: Same seed and number: same files.
        replace: Replace files of these names that are there already.
    """
    from tasks.source.demo_data import make_demo_data

    with progress("Make demo data") as report:
        made = make_demo_data(folder, ratings, seed, report, replace)
    say(f"{made.n_ratings:,} demo ratings by {made.n_users:,} users of {made.n_movies:,} movies in {folder}")


@app.command
def download(name: str, *, folder: Path = Path("data")) -> None:
    """Fetch a public MovieLens set, verify it and unpack it.

    Args:
        name: ml-latest-small, ml-latest, ml-20m, ml-25m or ml-32m.
        folder: The set is unpacked to a folder of its own in here.
    """
    from tasks.source.download import download_movielens

    with progress("Download") as report:
        path = download_movielens(name, folder, on_progress=report, say=say)
    say(f"Now run: cinecluster retrain --source {path}")


@app.command
def export(
    folder: Path | None = None,
    *,
    to: str | None = None,
    schema: str = "cinecluster",
    tables: str | None = None,
    changed_since: str | None = None,
    database: Path = PUBLISHED,
) -> None:
    """Write the published tables to Parquet files in a folder, or to a PostgreSQL database.

    Args:
        folder: Folder for the files; those of an earlier export are replaced.
        to: Database, such as postgresql://user@host:5432/name; CINECLUSTER_POSTGRESQL if there is no folder either.
        schema: Schema in that database, which is made if it is not there.
        tables: Names with commas between them; without, all go to a folder, those that an app needs to a database.
        changed_since: Run; replace in the database the recommendations of those users whose lists changed since.
        database: Published DuckDB file.
    """
    asked = tables.split(",") if tables else []
    if folder and (to or changed_since):
        raise CineclusterError("--to and --changed-since are for a database: leave the folder out.")
    with progress("Export") as report:
        if folder:
            from tasks.published.export import export_tables

            rows = export_tables(database, folder, report, asked)
            return say(f"{tables_in_words(rows)} in {folder}")
        from tasks.published.postgresql import export_to
        from tasks.published.postgresql_server import place_given

        place = place_given(to, schema)
        rows = export_to(database, place, asked, changed_since, report)
    return say(f"{tables_in_words(rows)} in {place}, schema {schema}")


@app.command
def api(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))] = 8000,
    allowed_host: tuple[str, ...] = (),
    max_requests: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 64,
    max_age: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 36.0,
    database: Path = PUBLISHED,
) -> None:
    """Serve recommendations over HTTP, and pages to look at them; whatever is published later is followed.

    The variable CINECLUSTER_API_TOKEN holds the token that allows to change favourites; without it nobody may.

    Args:
        host: Address to listen on; 127.0.0.1 is for this machine alone.
        port: Port; 0 takes a free one.
        allowed_host: Name that the server is called by from elsewhere; give it again for several.
        max_requests: Requests answered at a time; others get status 503.
        max_age: Hours after which /health calls the tables stale.
        database: Published DuckDB file.
    """
    from flows.api.app import ServeOptions, serve_published, token_given

    hosts = (host, *allowed_host)
    serve_published(database, host, port, ServeOptions(hosts, max_requests, max_age, token_given()))


@app.command
def serve() -> None:
    """Run the deployments of prefect.yaml on schedule and on demand, without a worker, until stopped."""
    from flows.serve import serve as serve_deployments

    serve_deployments()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command.

    It exits with 0 if done, 1 if it failed, 2 on wrong usage, 130 if stopped by Ctrl-C, 141 if nobody reads on.
    """
    apply_settings()
    arguments = with_preset(list(sys.argv[1:] if arguments is None else arguments))
    try:
        with warnings.catch_warnings():
            warnings.showwarning = print_warning  # type: ignore[assignment]
            app(arguments, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except CycloptsError as error:
        bad = error.__cause__
        message = "\n".join(faults_of(bad)) if isinstance(bad, ValidationError) else str(error)
        fail(f"{message}\n`cinecluster --help` lists the commands.", 2)
    except BrokenPipeError:
        drop_output(1)
        sys.exit(READER_GONE)
    except KeyboardInterrupt:
        fail("Stopped. The published tables stay as they are.", STOPPED)
    except Exception as error:
        if "--verbose" in arguments:
            raise
        fail(message_of(error), 1)


def drop_output(descriptor: int) -> None:
    """Drop what is written to a file descriptor from now on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def run() -> None:
    """Run the command as a process, which ends once all is put away.

    Python would take itself apart before, which takes longer than many a command, and has DuckDB report objects.
    """
    status = [0]

    def leave() -> None:
        """Print what waits, and end."""
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(status[0])

    atexit.register(leave)  # the first to be registered is the last to run
    try:
        main()
    except SystemExit as ended:
        status[0] = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        if status[0] == STOPPED:
            logging.disable()  # the server that Prefect still wants to speak to was stopped, too
        raise


def with_preset(arguments: list[str]) -> list[str]:
    """Name the default preset where none is named: without any option Cyclopts would check None against the bounds."""
    if arguments[:1] in (["retrain"], ["evaluate"]) and not any(word.startswith("--preset") for word in arguments):
        return [*arguments, "--preset", "default"]
    return arguments


if __name__ == "__main__":
    run()
