"""Retrains in processes of their own, to be killed and starved, and what must be true of what they leave."""

import filecmp
import json
import multiprocessing
import re
import resource
import shutil
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import flows.retrain
from tasks.engine.duckdb import DuckDBEngine
from tasks.published.checks import CheckOptions, check_tables
from tasks.published.comment import comment_tables
from tasks.published.folder import LIST
from tasks.published.publish import Build, hold_lock, new_build, publish_tables, restore_reports
from tasks.published.read import connect_to_published
from tasks.published.versions import versions_of

QUICK: dict[str, Any] = {"max_clusters": 4, "n_clusters": 3, "n_components": 8, "n_fine_clusters": 8}
LONGEST_RUN_SECONDS = 600  # on a busy machine too

processes = multiprocessing.get_context("forkserver")  # one process imports everything once, its forks start at once
processes.set_forkserver_preload([__name__])


class Place(NamedTuple):
    """Where a retrain reads and writes."""

    source: Path
    database: Path
    reports: Path

    @property
    def options(self) -> dict[str, Any]:
        """The options of a retrain here."""
        return {name: str(path) for name, path in self._asdict().items()} | QUICK

    @property
    def arguments(self) -> list[str]:
        """The same for the command line."""
        return [word for name, value in self.options.items() for word in (f"--{name.replace('_', '-')}", str(value))]

    @property
    def complaint(self) -> Path:
        """What the last retrain in a process said when it failed."""
        return self.reports.with_name("complaint.txt")


def place_in(folder: Path, source: Path) -> Place:
    """Return a place to publish in a folder."""
    return Place(source, folder / "data" / "movies.duckdb", folder / "reports")


def run_in_process(place: Place, options: dict[str, Any], largest_file: int | None) -> None:
    """Run the flow without Prefect; write to ``place.complaint`` why it failed."""
    if largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    try:
        flows.retrain.retrain.fn(**place.options | options)
    except Exception as error:
        place.complaint.write_text(f"{type(error).__name__}: {error}")
        sys.exit(1)


def start_retrain(place: Place, largest_file: int | None = None, **options: Any) -> BaseProcess:
    """Start a retrain without Prefect in a process of its own."""
    place.complaint.unlink(missing_ok=True)
    process = processes.Process(target=run_in_process, args=(place, options, largest_file))
    process.start()
    return process


def retrain(place: Place, largest_file: int | None = None, **options: Any) -> str:
    """Retrain in a process of its own; return why it failed, nothing if it did not."""
    process = start_retrain(place, largest_file, **options)
    process.join(LONGEST_RUN_SECONDS)
    assert process.exitcode in (0, 1), process.exitcode
    return place.complaint.read_text() if process.exitcode else ""


def run_of(database: Path) -> str:
    """Return the run that every table of a published file is of; fail if they are not of one."""
    with connect_to_published(database) as connection:
        in_summary = connection.execute("select run_id from ratings_summary").fetchall()
        in_runs = connection.execute("select run_id from runs").fetchall()[-1:]
        comments = connection.execute("select comment from duckdb_tables() where comment is not null").fetchall()
    in_comments = {match[1] for (comment,) in comments if (match := re.search(r"\[run (\S+)\]$", comment))}
    assert in_summary == in_runs == [(run_id,) for run_id in in_comments], (in_summary, in_runs, in_comments)
    return str(in_summary[0][0])


def assert_whole(place: Place, claims: bool = True) -> str:
    """Check what is published: it opens, is the version of its run to the last byte, and its claims hold."""
    run_id = run_of(place.database)
    assert not Path(f"{place.database}.wal").exists()
    assert filecmp.cmp(place.database, versions_of(place.database) / f"{run_id}.duckdb", shallow=False)
    if claims:
        assert_claims(place)
    return run_id


def assert_claims(place: Place) -> None:
    """Check that what is published passes every check."""
    copy = place.reports.with_name("copy.duckdb")
    shutil.copyfile(place.database, copy)
    with connect_to_published(copy) as connection:
        config = json.loads(connection.execute("select config from runs").fetchall()[-1][0])
    options = CheckOptions(config["top_n"], config["min_cluster_size"], max_drop=0.2, max_quality_drop=0.05)
    assert len(check_tables(DuckDBEngine(copy), Path("none"), options)) >= 9


def assert_healed(place: Place, claims: bool = True) -> str:
    """Check what a run that succeeded leaves: no build, a free lock, and the pictures of its tables."""
    run_id = assert_whole(place, claims)
    assert list(versions_of(place.database).glob("build-*")) == []
    with hold_lock(versions_of(place.database), "test"), connect_to_published(place.database) as connection:
        pictures = connection.execute("select name, content from reports").fetchall()
    assert pictures
    assert {name: (place.reports / name).read_bytes() for name, _ in pictures} == dict(pictures)
    assert {path.name for path in place.reports.iterdir()} == {*dict(pictures), LIST}
    return run_id


def publish_again(place: Place, template: Path, run_id: str, keep: int = 3) -> None:
    """Publish a copy of ``template`` as another run, without building it."""
    with new_build(place.database) as build:
        build = Build(run_id, build.started_at, build.database)
        shutil.copyfile(template, build.database)
        publish_tables(build, place.database, keep)
        restore_reports(place.database, place.reports)


def stamp(template: Path, copy: Path, run_id: str) -> Path:
    """Make a copy of a database that is of another run in every table, and whose pictures differ; return it."""
    shutil.copyfile(template, copy)
    with DuckDBEngine(copy).connect() as connection:
        connection.execute("update ratings_summary set run_id = $run_id", {"run_id": run_id})
        last = "select $run_id, * exclude run_id from runs order by rowid desc limit 1"
        connection.execute(f"insert into runs {last}", {"run_id": run_id})
        connection.execute("update reports set content = content || $mark::blob", {"mark": f"={run_id}"})
        comment_tables(connection, run_id)
    return copy
