"""The report of a run as one self-contained page, kept in the table ``reports`` beside the pictures."""

import json
from base64 import b64encode
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl
from jinja2 import Environment, StrictUndefined, Template

from tasks.engine import Engine
from tasks.engine.duckdb import frame, run
from tasks.published.read import connect_to_published, tables_in
from tasks.quality.nights import change_in_words, quality_in_words
from tasks.quality.standings import Standing, standings
from tasks.report.pictures import add_report
from tasks.report.plots.style import CLUSTER_COLOURS, description_of
from tasks.text import plain

PAGE = "index.html"
SHOWN_MOVIES = 8
SHOWN_REJECTED_ROWS = 20
NONE = "\N{EN DASH}"
FEW = 100  # a count below is compared without per cents

CAPTIONS = {
    "user_map.png": (
        "Map of the users",
        "Each point is a person, coloured by cluster; people close to each other have similar favourites. The map "
        "flattens many dimensions into two, so look for neighbourhoods and do not read anything into the axes or into "
        "the size of a gap.",
    ),
    "top_movies.png": (
        "Most favourited movies of each cluster",
        "A bar is the share of the cluster's users who favourited the movie. Movies that everybody favourites come up "
        "in many clusters; what sets the clusters apart is in the next picture and in the lists further down.",
    ),
    "genres.png": (
        "Genres of each cluster",
        "How large a genre is among the cluster's favourites, as a multiple of its size among the favourites of all "
        "users. Orange is more than usual, purple less, no colour about the same. Read along a row to see what a "
        "cluster leans to.",
    ),
    "cluster_sizes.png": (
        "Sizes of the clusters",
        "Users in each cluster as k-means found it and after clusters below the smallest allowed size were merged into "
        "others. One cluster that holds nearly everybody, or many tiny ones, would be a bad sign.",
    ),
    "elbow.png": (
        "How the number of clusters was chosen",
        "WCSS is how far users are from the centre of their cluster, squared and summed. It falls with every cluster "
        "that is added; the elbow is where it stops falling fast. Where quality on held-out favourites is drawn as "
        "well, it chose the number of fine clusters, which the recommendations are made of.",
    ),
    "item_weight.png": (
        "Clusters and item model",
        "Some favourites were hidden and had to be found again, with more or less of the score from the item model, "
        "which knows what people with the same favourites favourited. At 0 the clusters recommend alone, at 1 the "
        "item model does. Where the curve is flat the choice hardly matters. Beside it: how strongly the item model "
        "is held back from learning chance, which was chosen first, with the most favourited movies. Where there are "
        "many users it is chosen once more for all of them, so that another one may be in use.",
    ),
    "incidence.png": (
        "All favourites at a glance",
        "A row is a user, a column a movie, a spot a favourite. Users are sorted by cluster and movies by "
        "popularity, so the left edge fills up everywhere, and stripes within one cluster are its own taste.",
    ),
    "evaluation.png": (
        "Quality against other recommenders",
        "Favourites were hidden and had to be found again. On the left, further right is better. In the middle is "
        "cinecluster's quality as a multiple of each other recommender's: green where it is better, red where it is "
        "worse, grey where the difference may be chance. The star marks the known recommender that did best while "
        "settings were chosen, before the hidden favourites were looked at: it is the one to compare with.",
    ),
}
FACTS = {
    "n_ratings": "ratings",
    "n_favourites": "favourites",
    "n_users": "users",
    "n_users_with_favourites": "users with favourites",
    "n_movies": "movies",
    "n_movies_favourited": "movies favourited",
    "n_recommendations": "recommendations",
    "n_clusters": "clusters",
    "n_fine_clusters": "fine clusters",
    "silhouette": "silhouette",
    "stability": "stability",
    "quality": "held-out quality, NDCG@10",
    "n_rejected_rows": "rejected rows",
    "seconds": "seconds to build",
}


class Comparison(NamedTuple):
    """A fact of this run and of the one before it, either None where it is not known."""

    name: str
    before: float | None
    now: float | None

    @property
    def difference(self) -> float | None:
        """How much more it is now."""
        return None if self.before is None or self.now is None else self.now - self.before

    @property
    def share(self) -> float | None:
        """The difference as a share of what it was, for counts that are not small."""
        if self.difference is None or not isinstance(self.before, int) or self.before < FEW:
            return None
        return self.difference / self.before


def write_page(engine: Engine, published: Path) -> str:
    """Add the page to the table ``reports`` of a build that is complete but for it; return its file name.

    Parameters
    ----------
    engine : of a build with all of its tables and pictures.
    published : file of the run before, which this one is compared with, if there is one.
    """
    before = read_facts(published) if published.exists() else None
    with engine.connect() as connection:
        content = read_page(connection) | {"before": before, "was_published": published.exists()}
        run(connection, "report/drop_report", report=PAGE)
        add_report(connection, PAGE, render_page(content).encode())
    return PAGE


def read_facts(database: Path) -> dict[str, Any] | None:
    """Return the facts of the run that made published tables; None if another release made them in another shape."""
    with connect_to_published(database) as connection:
        try:
            return facts_of(connection)
        except (duckdb.CatalogException, duckdb.BinderException):
            return None


def facts_of(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return the run, its counts and its metrics by name, its options as ``config``, and the libraries' versions."""
    facts = frame(connection, "report/report_facts").to_dicts()[0]
    metrics = json.loads(facts.pop("metrics"))
    return metrics | facts | {name: json.loads(facts[name]) for name in ("config", "versions")}


def read_page(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return what the page tells of a build, as the template names it."""
    apart = frame(connection, "report/report_movies_apart", n=SHOWN_MOVIES)
    liked = frame(connection, "report/report_top_movies", n=SHOWN_MOVIES)
    pictures = dict(run(connection, "published/stored_reports"))
    return {
        "facts": facts_of(connection),
        "clusters": [
            row | {"liked": rows_of(liked, row["cluster"]), "apart": rows_of(apart, row["cluster"])}
            for row in connection.table("clusters").order("cluster").pl().to_dicts()
        ],
        "pictures": [
            (name, *CAPTIONS[name], description_of(pictures[name]), pictures[name])
            for name in CAPTIONS
            if name in pictures
        ],
        "rejected": run(connection, "report/report_rejected_rows", n=SHOWN_REJECTED_ROWS),
        "quality": read_quality(connection),
    }


def rows_of(movies: pl.DataFrame, cluster: int) -> list[dict[str, Any]]:
    """Return the rows of one cluster."""
    return movies.filter(pl.col("cluster") == cluster).to_dicts()


def read_quality(connection: duckdb.DuckDBPyConnection) -> list[Standing]:
    """Return the standings of each split; nothing where there was no evaluation."""
    if "evaluation" not in tables_in(connection):
        return []
    return standings(frame(connection, "report/report_quality"))


def render_page(content: dict[str, Any]) -> str:
    """Return the page as HTML; every text in ``content`` is shown as it is, markup and all."""
    facts, before = content["facts"], content["before"]
    return page_template().render(
        content,
        comparison=compare(before, facts) if before else [],
        changed_options=changed_options(before, facts) if before else [],
        colours=CLUSTER_COLOURS,
        own_quality=quality_in_words(facts),
        quality_change=change_in_words(facts),
    )


@cache
def page_template() -> Template:
    """Return the template of the page, which takes as long to compile as the page to make."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "plain": plain,
        "number": number,
        "percent": percent,
        "signed": signed,
        "when": when,
        "data_uri": data_uri,
    }
    return environment.from_string(files("tasks.report").joinpath("page.html.jinja").read_text(encoding="utf-8"))


def compare(before: dict[str, Any], now: dict[str, Any]) -> list[Comparison]:
    """Return the facts of two runs side by side, those that neither has left out."""
    pairs = [Comparison(label, before.get(name), now.get(name)) for name, label in FACTS.items()]
    return [pair for pair in pairs if (pair.before, pair.now) != (None, None)]


def changed_options(before: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return the options that two runs did not share: name, value before, value now."""
    names = {**before["config"], **now["config"]}
    values = [(name, before["config"].get(name), now["config"].get(name)) for name in names]
    return [row for row in values if row[1] != row[2]]


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with its thousands separated, or a dash for none."""
    if value is None:
        return NONE
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{1 if abs(value) >= 10 else digits}f}"


def percent(share: float) -> str:
    """Return a share as per cent, with a digit after the point where there is little of it."""
    return f"{100 * share:.{0 if share >= 0.0995 or share == 0 else 1}f}\N{NO-BREAK SPACE}%"


def signed(value: float | None) -> str:
    """Return a difference with its sign, a real minus, and a dash for none."""
    if value is None:
        return NONE
    return "±0" if not value else ("+" if value > 0 else "\N{MINUS SIGN}") + number(abs(value))


def when(time: datetime) -> str:
    """Return a time, UTC, to the minute."""
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


def data_uri(png: bytes) -> str:
    """Return a picture as an address that holds all of it."""
    return "data:image/png;base64," + b64encode(png).decode()
