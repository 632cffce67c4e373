"""Load on `cinecluster api`: requests of random users over some connections, while favourites arrive.

``python -m benchmarks.api PUBLISHED.duckdb [SECONDS [PUBLISH_AFTER]]`` starts a server on a copy of the published file,
and asks it from this process from its first line on. Requests come at a fixed rate, whether or not earlier ones were
answered, and a request that has to wait for a free connection has waited: its time counts from when it should have been
sent. With PUBLISH_AFTER another copy takes the place of the file after so many seconds.
"""

import asyncio
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import duckdb

from tasks.favourites.log import log_of

RATE, CONNECTIONS, FAVOURITES = 500, 8, 5  # a second; at a time; a second
MOST_SHOWN = 1000  # favourites of a user, those that are new first; of others it cannot be seen if one was there before
TOKEN = "a token for this benchmark alone"  # noqa: S105
KINDS = {"stored": 0.85, "filtered": 0.10, "deeper": 0.05}
GENRES = ("Comedy", "Drama", "Horror", "Sci-Fi", "Romance", "Film-Noir")


class Answered(NamedTuple):
    """kind of the request, milliseconds from when it should have been sent, status and body."""

    kind: str
    milliseconds: float
    status: int
    body: bytes


class Connection:
    """One HTTP/1.1 connection that is kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str) -> tuple[int, bytes]:
        """Return status and body of an answer."""
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {TOKEN}", "Content-Length": 0}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "\r\n"]).encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(answer[9:12]), await reader.readexactly(length)


def main(published: str, seconds: float = 20.0, publish_after: float | None = None) -> None:
    """Start a server, ask it, and print what came of it."""
    with tempfile.TemporaryDirectory(dir=Path(published).parent) as folder:
        database = Path(folder) / "films.duckdb"
        shutil.copyfile(published, database)
        if publish_after is not None:
            coming = Path(shutil.copyfile(published, Path(folder) / "coming.duckdb"))
        with duckdb.connect(published, read_only=True) as connection:
            users = [user for (user,) in connection.execute("select user_id from user_clusters").fetchall()]
            few = "select user_id from favourites group by user_id having count(*) < $most"
            changing = [user for (user,) in connection.execute(few, {"most": MOST_SHOWN}).fetchall()]
            popular = "select movie_id from overall_favourites where rank <= 3000"
            movies = [movie for (movie,) in connection.execute(popular).fetchall()]
        command = [sys.executable, "-m", "flows.cli", "api", "--port", "0", "--database", str(database)]
        environment = os.environ | {"CINECLUSTER_API_TOKEN": TOKEN, "COLUMNS": "200"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:  # noqa: S603
            try:
                assert server.stdout
                port = int(server.stdout.readline().partition("http://127.0.0.1:")[2].partition("/")[0])
                print(f"load of the machine before: {os.getloadavg()[0]:.2f}")
                if publish_after is not None:
                    threading.Timer(publish_after, coming.replace, [database]).start()
                before = cpu_seconds(server.pid)
                reads, writes = asyncio.run(load(port, seconds, users, changing, movies))
                used = cpu_seconds(server.pid) - before
                show(reads, writes, seconds, used)
                print(f"memory of the server: {memory_mb(server.pid):.0f} MB; lines of the log: {n_lines(database)}")
            finally:
                server.terminate()


async def load(
    port: int, seconds: float, users: list[int], changing: list[int], movies: list[int]
) -> tuple[list[Answered], list[float]]:
    """Send requests of users, and favourites of those ``changing``, for some seconds.

    Return the answers, and milliseconds of each favourite.
    """
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(Connection(port))
    writes: list[float] = []
    started = time.perf_counter()
    adding = asyncio.create_task(add_favourites(port, seconds, changing, movies, writes))
    tasks = []
    for number in range(int(RATE * seconds)):
        due = started + number / RATE
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        connection = await idle.get()
        tasks.append(asyncio.create_task(ask(connection, idle, due, some_request(users))))
    answered = await asyncio.gather(*tasks)
    await adding
    return answered, writes


def some_request(users: list[int]) -> tuple[str, str]:
    """Return the kind and the path of a request of a random user."""
    path = f"/users/{random.choice(users)}/recommendations"  # noqa: S311
    [kind] = random.choices(list(KINDS), list(KINDS.values()))  # noqa: S311
    if kind == "filtered":
        path += f"?genre={random.choice(GENRES)}&from_year={random.randint(1950, 2000)}"  # noqa: S311
    if kind == "deeper":
        path += f"?n={random.choice((30, 50, 100))}"  # noqa: S311
    return kind, path


async def ask(connection: Connection, idle: asyncio.Queue[Connection], due: float, asked: tuple[str, str]) -> Answered:
    """Ask, and return the answer."""
    kind, path = asked
    try:
        status, body = await connection.ask("GET", path)
    except (OSError, asyncio.IncompleteReadError):
        status, body, connection.streams = 0, b"", None
    idle.put_nowait(connection)
    return Answered(kind, 1000 * (time.perf_counter() - due), status, body)


async def add_favourites(port: int, seconds: float, users: list[int], movies: list[int], writes: list[float]) -> None:
    """Add favourites at a fixed rate, and see that the next request has each."""
    started = time.perf_counter()
    tasks = []
    for number in range(int(FAVOURITES * seconds)):
        await asyncio.sleep(max(0.0, started + number / FAVOURITES - time.perf_counter()))
        user = random.choice(users) if number % 5 else 2_000_000_000 + random.randrange(10**8)  # noqa: S311
        tasks.append(asyncio.create_task(add_favourite(port, user, random.choice(movies), writes)))  # noqa: S311
    await asyncio.gather(*tasks)


async def add_favourite(port: int, user: int, movie: int, writes: list[float]) -> None:
    """Add a favourite on a connection of its own; raise unless the next request shows it."""
    connection = Connection(port)
    started = time.perf_counter()
    status, body = await connection.ask("POST", f"/users/{user}/favourites/{movie}")
    assert status == 200, body
    writes.append(1000 * (time.perf_counter() - started))
    _, shown = await connection.ask("GET", f"/users/{user}?n={MOST_SHOWN}")
    assert f'"movie_id":{movie},'.encode() in shown, (user, movie)
    _, listed = await connection.ask("GET", f"/users/{user}/recommendations")
    assert f'"movie_id":{movie},'.encode() not in listed and b'"is_personal":true' in listed
    if connection.streams:
        connection.streams[1].close()


def show(reads: list[Answered], writes: list[float], seconds: float, used: float) -> None:
    """Print what came of it."""
    times = {kind: [read.milliseconds for read in reads if read.kind == kind] for kind in KINDS}
    times = {"all": [read.milliseconds for read in reads], **times, "favourites, written": writes}
    print(f"{len(reads)} requests in {seconds:.0f} s, statuses {dict(Counter(read.status for read in reads))}")
    for kind, found in times.items():
        cuts = statistics.quantiles(found, n=1000)
        print(f"{kind:20} {len(found):6}  p50 {cuts[499]:7.1f}  p99 {cuts[989]:7.1f}  max {max(found):7.1f} ms")
    print(f"processor time of the server: {used:.1f} s, of its favourites' process not counted")


def cpu_seconds(process: int) -> float:
    """Return the processor time of a process, without its children."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(process: int) -> float:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))


def n_lines(database: Path) -> int:
    """Return how many favourites the log has."""
    return log_of(database).read_bytes().count(b"\n") - 1


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
