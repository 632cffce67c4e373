"""What a run shows on its page in Prefect: its options and row counts, and the facts of the elbow."""

from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact


def show_run(config: dict[str, Any], summary: dict[str, Any]) -> None:
    """Show the options of the run and what was built, as two tables."""
    create_table_artifact(
        [{"option": name, "value": "" if value is None else str(value)} for name, value in config.items()],
        key="options",
        description="Options of the run",
    )
    create_table_artifact(
        [
            {"what": name.replace("_", " "), "value": f"{value:,}" if isinstance(value, int) else str(value)}
            for name, value in summary.items()
        ],
        key="row-counts",
        description="What was read and published",
    )


def show_elbow(wcss: list[float], elbow: int, n_clusters: int, rule: str) -> None:
    """Show the WCSS by number of clusters, and which numbers the elbow rule and the run chose."""
    rows = "\n".join(
        f"| {k} | {value:,.2f} | {'' if k == 1 else f'{value - wcss[k - 2]:,.2f}'} | "
        f"{'elbow' if k == elbow else ''}{' chosen' if k == n_clusters else ''} |"
        for k, value in enumerate(wcss, start=1)
    )
    create_markdown_artifact(
        f"The elbow ({rule} rule) is at **{elbow}** clusters; the run made **{n_clusters}**.\n\n"
        f"| clusters | WCSS | difference | |\n|---:|---:|---:|---|\n{rows}\n",
        key="elbow",
        description="The elbow",
    )
