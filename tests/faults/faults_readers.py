"""Four processes that read without pause while twenty versions are published: no error, no torn answer."""

import re
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb

from tasks.published.read import connect_to_published, look_up
from tasks.published.versions import versions_of
from tests.faults.retrains import Place, assert_healed, processes, publish_again, run_of, stamp

N_PUBLISHED = 20
SECONDS_BETWEEN = 0.2


def run_id_of(nth: int) -> str:
    """Return the name of the n-th run."""
    return f"20260102T0304{nth:02}-beef"


def open_anew(database: Path) -> str:
    """Read everything from a connection of its own."""
    with connect_to_published(database) as connection:
        return read_all(connection)


def hold_on(database: Path) -> str:
    """Attach the file for many reads, as a service does that looks for a new one now and then."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{database}' as published (read_only)")
        connection.execute("use published")
        answers = {read_all(connection) for _ in range(5)}
        assert len(answers) == 1, answers
        connection.execute("use memory")
        connection.execute("detach published")
    return answers.pop()


def ask_for_a_user(database: Path) -> str:
    """Ask as ``cinecluster recommend`` does."""
    assert len(look_up(database, 1, 10).recommendations) == 10
    return ""


def read_all(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the run that all tables are of."""
    found = {run_id for (run_id,) in connection.execute("select run_id from ratings_summary").fetchall()}
    found |= set(connection.execute("select run_id from runs").fetchall()[-1])
    assert len(connection.execute("from recommend(1, n := 10)").fetchall()) == 10
    marks = connection.execute("select content[-20:] from reports").fetchall()
    found |= {bytes(mark).rpartition(b"=")[2].decode() for (mark,) in marks if b"=" in mark}
    comments = connection.execute(
        "select comment from duckdb_tables() where database_name = current_database() and comment is not null"
    ).fetchall()
    found |= {match[1] for (comment,) in comments if (match := re.search(r"\[run (\S+)\]$", comment))}
    assert len(found) == 1, f"torn: {found}"
    return str(found.pop())


def read_on(ask: Callable[[Path], str], database: Path, stop: Event, report: Path) -> None:
    """Ask without pause until told to stop; write down the runs that answered and the number of answers."""
    runs, n_answers = set(), 0
    while not stop.is_set():
        runs.add(ask(database))
        n_answers += 1
    report.write_text("\n".join([str(n_answers), *sorted(runs)]))


def test_readers(published: Place, tmp_path: Path) -> None:
    template = versions_of(published.database) / f"{run_of(published.database)}.duckdb"
    template = stamp(template, tmp_path / "template.duckdb", run_id_of(0))
    publish_again(published, template, run_id_of(0))
    stop = processes.Event()
    asked = [open_anew, open_anew, hold_on, ask_for_a_user]
    reports = [tmp_path / f"reader-{nth}.txt" for nth in range(len(asked))]
    readers = [
        processes.Process(target=read_on, args=(ask, published.database, stop, report))
        for ask, report in zip(asked, reports, strict=True)
    ]
    for reader in readers:
        reader.start()
    for nth in range(1, N_PUBLISHED + 1):
        time.sleep(SECONDS_BETWEEN)
        template = stamp(template, tmp_path / f"{nth}.duckdb", run_id_of(nth))
        publish_again(published, template, run_id_of(nth))
    stop.set()
    for reader in readers:
        reader.join(60)
    assert [reader.exitcode for reader in readers] == [0] * len(readers)
    counts = [report.read_text().splitlines() for report in reports]
    print([(ask.__name__, count[0], len(count) - 1) for ask, count in zip(asked, counts, strict=True)])
    assert all(int(count[0]) >= 20 for count in counts)
    assert all(len(count) - 1 >= 5 for count in counts[:3])
    assert assert_healed(published) == run_id_of(N_PUBLISHED)
