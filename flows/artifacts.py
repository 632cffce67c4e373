"""What a run shows on its page in Prefect, read from the tables that it published."""

import base64
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
from PIL import Image
from prefect import runtime
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger

from tasks.engine.duckdb import run
from tasks.errors import CineclusterError
from tasks.published.publish import version_before
from tasks.published.read import connect_to_published
from tasks.quality.nights import change_in_words, quality_in_words
from tasks.report.page import FACTS, changed_options, compare, read_facts

PICTURE_WIDTH = 1000
MARKUP = re.compile(r"([!-+.:-@\[-`{-~])")
PICTURES = ("item_weight.png", "cluster_sizes.png", "user_map.png", "top_movies.png", "genres.png", "incidence.png")


def name_run() -> str:
    """Return the name of the present run of ``retrain``: what it reads, and how."""
    parameters = runtime.flow_run.parameters
    source = parameters.get("source")
    return f"{Path(source).name if source else 'demo data'}, preset {parameters.get('preset', 'default')}"


def show_run(database: Path, reports: Path) -> None:
    """Show a published run: what it read and where the results are, tables, clusters, elbow, pictures and options.

    A run that has published is done: where its page cannot be written to, the log says so and nothing else. Nothing
    is shown where there is no run, as in ``retrain.fn()``.
    """
    if FlowRunContext.get() is None:
        return
    try:
        show_published(database, reports)
    except Exception as error:
        get_run_logger().warning("Published, but the run's page is incomplete: %s: %s", type(error).__name__, error)


def table_sizes(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int, str | None]]:
    """Return name, rows and comment of each published table, those among them that are Parquet files too."""
    tables = run(connection, "published/table_sizes")
    for name, comment in run(connection, "published/parquet_views"):
        tables.append((name, len(connection.table(name)), comment))
    return sorted(tables)


def show_published(database: Path, reports: Path) -> None:
    """Make the artifacts; their keys are the titles of the cards on the run's page."""
    with connect_to_published(database) as connection:
        [(run_id, config, metrics)] = run(connection, "published/last_run")
        summary = connection.table("ratings_summary").pl().drop("run_id").to_dicts()[0]
        tables = table_sizes(connection)
        clusters = connection.table("clusters").order("cluster").pl().to_dicts()
        elbow = connection.table("elbow").order("n_clusters").pl().to_dicts()
        pictures = dict(run(connection, "published/stored_reports"))
    config, metrics = json.loads(config), json.loads(metrics)
    show_result(run_id, config, metrics, summary, database, reports)
    create_table_artifact(
        [
            {
                "table": plain(name.removesuffix("_retrained")),
                "rows": f"{rows:,}",
                "what": plain((what or "").split(" [run ")[0].split(";")[0]),
            }
            for name, rows, what in tables
        ],
        key="retrain-tables",
        description="The published tables.",
    )
    show_clusters(clusters)
    show_elbow(elbow, config, pictures.get("elbow.png"))
    with ThreadPoolExecutor() as pool:
        shown = list(pool.map(picture, [pictures[name] for name in PICTURES if name in pictures]))
    create_markdown_artifact(
        "\n\n".join(shown),
        key="retrain-pictures",
        description="The clusters in pictures; those in the folder of the reports are larger.",
    )
    create_table_artifact(
        [{"option": name, "value": "" if value is None else plain(value)} for name, value in config.items()],
        key="retrain-options",
        description="The options that the run had, presets filled in.",
    )


def facts_before(database: Path) -> dict[str, Any] | None:
    """Return the facts of the kept version before the published one; None where none is kept or it is another's."""
    try:
        return read_facts(version_before(database))
    except CineclusterError:
        return None


def changes(before: dict[str, Any] | None, now: dict[str, Any]) -> str:
    """Say as Markdown what is not as in the run before: counts, clusters, and options that were given or chosen."""
    if before is None:
        return "There is no run before this one to compare with."
    rows = [
        f"| {plain(pair.name)} | {count(pair.before)} | {count(pair.now)} |"
        for pair in compare(before, now)
        if pair.before != pair.now and pair.name != FACTS["seconds"]
    ]
    rows += [
        f"| {plain(name)} | {count(value)} | {count(value_now)} |"
        for name, value, value_now in changed_options(before, now)
        if name not in ("database", "reports")
    ]
    if not rows:
        return f"The same rows, users, clusters and options as in run {plain(before['run_id'])}."
    return "\n".join([f"| since run {plain(before['run_id'])} | before | now |", "|---|---:|---:|", *rows])


def show_result(
    run_id: str,
    config: dict[str, Any],
    metrics: dict[str, Any],
    summary: dict[str, Any],
    database: Path,
    reports: Path,
) -> None:
    """Show where the run's data came from and went to, what changed since the run before, and what it counted."""
    source = plain(config["source"]) if config.get("source") else "**demo data**: invented ratings of invented movies"
    page = plain((reports / "index.html").absolute())
    counts = {**summary, **metrics}
    rows = "\n".join(
        f"| {plain(name.removeprefix('n_').replace('_', ' '))} | {count(counts[name])} |" for name in counts
    )
    create_markdown_artifact(
        f"Run {plain(run_id)} is published.\n\n"
        f"- Read: {source}\n- Tables: {plain(database.absolute())}\n- Report: {page}\n\n"
        f"{changes(facts_before(database), read_facts(database) or {})}\n\n"
        f"{quality_in_words(metrics)} {change_in_words(metrics)}\n\n"
        f"| counted | |\n|---|---:|\n{rows}\n",
        key="retrain-result",
        description="What was read, and where the results are.",
    )


def show_clusters(clusters: list[dict[str, Any]]) -> None:
    """Show the clusters by size, with what sets them apart; as Markdown, whose tables wrap long lines."""
    rows = "\n".join(
        f"| {row['cluster']} | {row['n_users']:,} | {row['n_users_before_merge']:,} | {row['n_movies']:,} "
        f"| {plain(', '.join(row['top_genres']))} | {'<br>'.join(plain(title) for title in row['top_movies'])} |"
        for row in clusters
    )
    create_markdown_artifact(
        "| cluster | users | before merging | movies | genres | favourited more than elsewhere |\n"
        f"|---:|---:|---:|---:|---|---|\n{rows}\n",
        key="retrain-clusters",
        description="The clusters, largest first, and the movies that set each apart.",
    )


def show_elbow(elbow: list[dict[str, Any]], config: dict[str, Any], drawing: bytes | None) -> None:
    """Show the WCSS by number of clusters, and which numbers the elbow rule and the run chose."""
    marks = {"is_elbow": "elbow", "is_chosen": "chosen", "is_fine": "fine clusters"}
    rows = "\n".join(
        f"| {row['n_clusters']} | {count(row['wcss'], 2)} | {count(row['difference'], 2)} | {count(row['quality'], 4)} "
        f"| {', '.join(text for column, text in marks.items() if row[column])} |"
        for row in elbow
    )
    suggested = [row["n_clusters"] for row in elbow if row["is_elbow"]]
    chosen = [row["n_clusters"] for row in elbow if row["is_chosen"]]
    create_markdown_artifact(
        f"The elbow ({plain(config['elbow_rule'])} rule) is at **{suggested[0] if suggested else 'none'}** clusters; "
        f"the run made **{chosen[0]}**.\n\n{picture(drawing) if drawing else ''}\n\n"
        f"| clusters | WCSS | difference | quality | |\n|---:|---:|---:|---:|---|\n{rows}\n",
        key="retrain-elbow",
        description="How the number of clusters was chosen.",
    )


def plain(value: object) -> str:
    """Return a text that shows as it is: titles and paths are not ours, and Prefect renders tables as Markdown too.

    Whatever could be markup gets a backslash: no HTML, no links, no pictures from elsewhere.
    """
    text = "".join(character if character.isprintable() else " " for character in str(value)[:300])
    return MARKUP.sub(r"\\\1", text)


def count(value: object, digits: int | None = None) -> str:
    """Return a number with thousands separated, and anything else as plain text; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.{(2 if abs(value) >= 1 else 4) if digits is None else digits}f}"
    return f"{value:,}" if isinstance(value, int) else plain(value)


def picture(png: bytes) -> str:
    """Return a picture as Markdown that needs no file: smaller than the report, for Prefect keeps every run's."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.thumbnail((PICTURE_WIDTH, 10 * PICTURE_WIDTH))
    webp = io.BytesIO()
    image.save(webp, "WEBP", quality=75, method=1)  # 4, the default, takes three times as long
    return f"![](data:image/webp;base64,{base64.b64encode(webp.getvalue()).decode()})"
