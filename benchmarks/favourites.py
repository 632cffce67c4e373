"""Favourites between retrains: how soon readers see them, and what the views cost readers; two designs."""

import os
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from benchmarks.measure import seconds
from tasks.favourites.change import change_favourites

NEW_USER = 2_000_000_000
READS = {
    "recommendations of one user": "select * from {} where user_id = $1 order by rank",
    "top 20 of a cluster": "select * from {} where cluster = $1 % 5 and rank <= 20",
    "count of favourites": "select count(*) from {} where $1 > 0",
}
TABLES = ("recommendations", "cluster_movies", "favourites")


def main(published: str) -> None:
    """Copy a published file, change favourites in the copy, and print what it takes."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "films.duckdb"
        shutil.copyfile(published, database)
        pairs = some_pairs(database)
        swapped = seconds(lambda: change_a_copy(database, *next(pairs)))
        print(f"one favourite in a copy of the file {swapped:.2f} s", flush=True)
        show_reads(database, "before any favourite")
        for what, batch in (
            ("one favourite", [next(pairs)]),
            ("another", [next(pairs)]),
            ("first of a new user", [(NEW_USER, next(pairs)[1])]),
            ("1,000 favourites, 100 of them by new users", [next(pairs) for _ in range(1000)]),
            ("one more", [next(pairs)]),
        ):
            print(f"{what} {seconds(lambda batch=batch: change_favourites(database, batch)):.2f} s", flush=True)
        show_reads(database, "after 1,004")


def change_a_copy(database: Path, user: int, movie: int) -> None:
    """Do less than what one favourite changes, in a copy of the file that then takes its place."""
    new = Path(f"{database}.new")
    shutil.copyfile(database, new)
    with duckdb.connect(new) as connection:
        connection.execute("insert into favourites_retrained values ($1, $2, null)", [user, movie])
        connection.execute("update cluster_movies_retrained set n_users = n_users + 1 where movie_id = $1", [movie])
        connection.execute("delete from recommendations_retrained where user_id = $1", [user])
    with new.open("rb") as file:
        os.fsync(file)
    new.replace(database)


def some_pairs(database: Path) -> Iterator[tuple[int, int]]:
    """Yield users, every tenth a new one, and movies that are often favourited."""
    with duckdb.connect(database, read_only=True) as connection:
        users = [user for (user,) in connection.execute("select user_id from user_clusters").fetchall()]
        popular = connection.execute("select movie_id from overall_favourites where rank <= 3000").fetchall()
    choose = random.Random(0)  # noqa: S311
    number = 0
    while True:
        number += 1
        yield (choose.choice(users) if number % 10 else NEW_USER + number), choose.choice(popular)[0]


def show_reads(database: Path, when: str) -> None:
    """Print the median milliseconds of some queries, and those on the tables without the favourites since."""
    with duckdb.connect(database, read_only=True) as connection:

        def median(query: str, n: int = 30) -> float:
            times = [seconds(lambda i=i: connection.execute(query, [1000 + 37 * i]).fetchall()) for i in range(n)]
            return 1000 * statistics.median(times)

        for table, (what, query) in zip(TABLES, READS.items(), strict=True):
            now, retrained = median(query.format(table)), median(query.format(f"{table}_retrained"))
            print(f"{when}: {what} {now:.1f} ms, of the retrain {retrained:.1f} ms")
        print(f"{when}: recommend(user) {median('from recommend($1)'):.1f} ms", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
