"""The whole retrain at growing sizes: seconds of each step, and peak memory."""

import sys
from pathlib import Path

from benchmarks.measure import measure

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
    print("| step, seconds |" + "|".join(f" {size:,} " for size in sizes) + "|")
    print("|---|" + "---:|" * len(sizes))
    for step in runs[sizes[-1]].steps:
        print(f"| {step} |" + "|".join(f" {run.steps.get(step, 0):.1f} " for run in runs.values()) + "|")
    print("| sum of the steps |" + "|".join(f" {sum(run.steps.values()):.1f} " for run in runs.values()) + "|")
    print("| **whole command** |" + "|".join(f" **{run.seconds:.0f}** " for run in runs.values()) + "|")
    print("| **peak memory, GB** |" + "|".join(f" **{run.peak_gb:.2f}** " for run in runs.values()) + "|")


if __name__ == "__main__":
    main(sys.argv[1], [int(size) for size in sys.argv[2:]])
