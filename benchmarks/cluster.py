"""The retrain on a standalone cluster of Spark on this machine, beside that on DuckDB's engine.

``.venv-spark/bin/python -m benchmarks.cluster SOURCE WORK_DIR 1 2`` retrains on DuckDB's engine, on a cluster of one
worker, and on one of two, each of one core, and prints the seconds of each step, bytes shuffled and peak memory.
`make spark` makes .venv-spark.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks.compare import CINECLUSTER
from benchmarks.measure import Measured, measure, print_table
from tasks.source.header import find_files, find_ratings
from tests.spark.cluster import start_cluster

BYTES_OF_A_PARTITION = 100_000_000  # of the ratings file


class Shuffled(NamedTuple):
    """What the tasks of a cluster did: their seconds, and bytes that went to others by shuffles, or spilled to disk."""

    task_seconds: float
    shuffled: int
    spilled: int


def main(source: str, work_dir: str, *n_workers: str) -> None:
    """Retrain on each engine, and print a table."""
    Path(work_dir).mkdir(parents=True, exist_ok=True)
    runs = {"DuckDB": retrain(source, work_dir, "duckdb")}
    tasks = [Shuffled(0.0, 0, 0)]
    for number in n_workers:
        name = f"Spark, workers: {number}"
        runs[name], ran = retrain_on_cluster(source, Path(work_dir) / f"workers-{number}", int(number))
        tasks.append(ran)
        print(f"{name}: {runs[name].seconds:.0f} s, {ran}", flush=True)
    print_table(runs)
    print_tasks(tasks)


def retrain(source: str, folder: str, *options: str) -> Measured:
    """Retrain into a folder."""
    places = ("--source", source, "--database", f"{folder}/out.duckdb", "--reports", f"{folder}/reports")
    return measure(CINECLUSTER, "retrain", *places, "--engine", *options)


def retrain_on_cluster(source: str, folder: Path, n_workers: int) -> tuple[Measured, Shuffled]:
    """Retrain on a cluster that is started for it."""
    events = folder / "events"
    events.mkdir(parents=True, exist_ok=True)
    log = {"enabled": "true", "dir": str(events), "rolling.enabled": "false", "compress": "false"}
    settings = {f"spark.eventLog.{name}": value for name, value in log.items()}
    settings["spark.sql.shuffle.partitions"] = str(max(8, size_of(source) // BYTES_OF_A_PARTITION))
    cluster = start_cluster(folder, n_workers, settings)
    try:
        run = retrain(source, str(folder), "spark", "--spark", cluster.url, "--work-dir", str(folder / "work"))
    finally:
        cluster.stop()
    return run, shuffled(events)


def size_of(source: str) -> int:
    """Return the bytes of the ratings in a source folder."""
    files = find_files(Path(source)) or [find_ratings(Path(source))]
    return sum(path.stat().st_size for path in files)


def shuffled(events: Path) -> Shuffled:
    """Return what the event logs in a folder say of all tasks."""
    seconds, written, spilled = 0.0, 0, 0
    for path in events.iterdir():
        with path.open(encoding="utf-8") as lines:
            ended = [json.loads(line) for line in lines if '"SparkListenerTaskEnd"' in line and line.endswith("}\n")]
        for metrics in (each["Task Metrics"] for each in ended if each.get("Task Metrics")):
            seconds += metrics["Executor Run Time"] / 1000
            written += metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"]
            spilled += metrics["Disk Bytes Spilled"]
    return Shuffled(seconds, written, spilled)


def print_tasks(tasks: list[Shuffled]) -> None:
    """Print what the tasks of each run did, as further rows of the table."""
    rows = {
        "seconds of the workers' tasks": [f"{each.task_seconds:.0f}" for each in tasks],
        "GB shuffled": [f"{each.shuffled / 1e9:.2f}" for each in tasks],
        "GB spilled": [f"{each.spilled / 1e9:.2f}" for each in tasks],
    }
    for title, cells in rows.items():
        print(f"| {title} |" + "|".join(f" {cell} " for cell in cells) + "|")


if __name__ == "__main__":
    main(*sys.argv[1:])
