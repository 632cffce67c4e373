"""The retrain against what a user would do otherwise, one after the other on one machine, as tables in Markdown."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.measure import Measured, measure, python

CINECLUSTER = str(Path(sys.executable).parent / "cinecluster")
LIBRARIES = ("duckdb", "polars", "scikit-learn", "scipy", "numpy", "pandas", "implicit")
RETRAINS = 3
ARTICLE_USERS = (4000, 8000, 16_000)
FACTORS = 64


def main(source: str, folder: str) -> None:
    """Retrain from ``source`` into ``folder``, run the others on the same ratings, and print the tables."""
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {', '.join(map(named, LIBRARIES))}\n")
    database, ratings = Path(folder) / "compare.duckdb", str(Path(source) / "ratings.csv")
    options = ("--source", source, "--database", str(database), "--reports", f"{folder}/reports")
    ours = middle([measure(CINECLUSTER, "retrain", *options) for _ in range(RETRAINS)])
    print_steps("cinecluster retrain", ours, ours)
    print_steps(f"implicit ALS, {FACTORS} factors, 15 iterations", python("als", ratings, str(FACTORS)), ours)
    articles = {n: python("article_way", ratings, str(n)) for n in ARTICLE_USERS}
    for n, article in articles.items():
        print_steps(f"the article's approach, {n:,} users", article, ours)
    with duckdb.connect(database, read_only=True) as connection:
        n_users = connection.execute("select count(*) from user_clusters").fetchall()[0][0]
    print_extrapolation(articles, n_users, ours)


def named(library: str) -> str:
    """Return the name and version of a library."""
    return f"{library} {version(library)}"


def middle(runs: list[Measured]) -> Measured:
    """Return the run of median seconds."""
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


def print_steps(name: str, measured: Measured, ours: Measured) -> None:
    """Print the seconds of each step, of the whole, and how many times those of the retrain that is."""
    print(f"| {name} | seconds |\n|---|---:|")
    for step, seconds in measured.steps.items():
        if seconds >= 0.1:
            print(f"| {step} | {seconds:.1f} |")
    print(f"| sum of the steps | {sum(measured.steps.values()):.1f} |")
    print(f"| **whole command, peak {measured.peak_gb:.1f} GB** | **{measured.seconds:.0f}** |")
    print(f"\nThat is {measured.seconds / ours.seconds:.2f} times the retrain.\n", flush=True)


def print_extrapolation(runs: dict[int, Measured], n_users: int, ours: Measured) -> None:
    """Print the seconds of each step at ``n_users``, if it goes on growing with a power of the users as measured."""
    print(f"| the article's approach, extrapolated to {n_users:,} users | power of users | seconds |\n|---|---:|---:|")
    total = 0.0
    for step in runs[max(runs)].steps:
        power, seconds = extrapolate({n: run.steps[step] for n, run in runs.items()}, n_users)
        total += seconds
        print(f"| {step} | {power:.2f} | {seconds:,.0f} |")
    print(f"| **sum** | | **{total:,.0f}** |\n\nThat is {total / ours.seconds:.0f} times the retrain.")


def extrapolate(seconds: dict[int, float], n: int) -> tuple[float, float]:
    """Return the power b of the law ``a n**b`` through the seconds by size, and its value at ``n``.

    A step whose seconds are those of the whole file at any size, as reading, has b near 0.
    """
    sizes = np.log([*seconds])
    power, offset = np.polyfit(sizes, np.log(np.maximum(0.05, [*seconds.values()])), 1)
    return float(power), float(np.exp(offset + power * np.log(n)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
