"""The whole retrain at growing sizes: seconds of each step, and peak memory."""

import sys
from pathlib import Path

from benchmarks.measure import measure, print_table

CINECLUSTER = str(Path(sys.executable).parent / "cinecluster")


def main(folder: str, sizes: list[int]) -> None:
    """Make demo data of each size in ``folder``, if it is not there, and print a table of the retrains."""
    runs = {}
    for size in sizes:
        source = Path(folder) / str(size)
        if not (source / "ratings.csv").exists():
            made = measure(CINECLUSTER, "demo-data", str(source), "--ratings", str(size))
            print(f"demo data of {size:,} ratings: {made.seconds:.0f} s, {made.peak_gb:.2f} GB", flush=True)
        options = ("--source", str(source), "--database", f"{source}/out.duckdb", "--reports", f"{source}/reports")
        runs[size] = measure(CINECLUSTER, "retrain", *options)
        print(f"{size:,}: {runs[size].seconds:.1f} s, {runs[size].peak_gb:.2f} GB", flush=True)
    print_table({f"{size:,}": run for size, run in runs.items()})


if __name__ == "__main__":
    main(sys.argv[1], [int(size) for size in sys.argv[2:]])
