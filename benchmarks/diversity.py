"""What ``--diversity`` costs in NDCG and brings in diversity, on held-out favourites, as a table and a picture.

``python -m benchmarks.diversity data/ml-latest-small docs/diversity.png``
"""

import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from flows.config import RetrainOptions
from tasks.blocks import Interactions, favourites_of
from tasks.engine.duckdb import DuckDBEngine
from tasks.favourites.log import ingest_favourites_log
from tasks.model.types import Ranking
from tasks.quality.holdout import Trial, as_trial, hold_out, order_movies
from tasks.quality.metrics import coverage, find_hits, ndcg
from tasks.quality.product import Product, fit_product, recommend_to
from tasks.source.files import ingest_ratings
from tasks.source.ingest import ingest_movies
from tasks.stations.interactions import build_interactions, load_sample, select_favourites

DIVERSITIES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
DEPTH = 10
SMOOTHED = 0.01  # of the genres of the favourites in those of the list, as in Steck 2018
COLUMNS = ("diversity", "NDCG@10", "unlike in taste", "unlike in genres", "off the genres", "coverage@10")


def main(source: str, picture: str) -> None:
    """Print the table, and draw the picture."""
    options = RetrainOptions(source=Path(source))
    users, genres = read_source(options)
    trial, columns = trial_of(users, options.seed)
    product = fit_product(trial.train, options.model)
    rows = [measure(diversity, product, trial, genres[columns]) for diversity in DIVERSITIES]
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for row in rows:
        print(f"| {row[0]:g} | " + " | ".join(f"{value:.3f}" for value in row[1:]) + " |")
    draw(np.array(rows), picture)


def read_source(options: RetrainOptions) -> tuple[Interactions, NDArray[np.float64]]:
    """Return the users of a source, and which genres each of their movies is of, shape (n_movies, n_genres)."""
    assert options.source
    with tempfile.TemporaryDirectory() as folder:
        engine = DuckDBEngine(Path(folder) / "build.duckdb")
        ingest_ratings(engine, options.source, options.max_rejected_share)
        ingest_favourites_log(engine, engine.database)
        ingest_movies(engine, options.source, options.max_rejected_share)
        select_favourites(engine, options.favourites)
        movies = build_interactions(engine)
        users = load_sample(engine, options.model)
        with engine.connect() as connection:
            listed = dict(connection.execute("select movie_id, genres from movies").fetchall())
    names = sorted({name for row in listed.values() for name in row})
    return users, np.array([[name in listed[movie] for name in names] for movie in movies.movie_ids.tolist()], float)


def trial_of(users: Interactions, seed: int) -> tuple[Trial, NDArray[np.intp]]:
    """Return favourites held out at random, and the columns of ``users`` that those of the trial are."""
    split = hold_out(users, "random", seed)
    return as_trial(split, seed), order_movies(split.train, seed)


def measure(diversity: float, product: Product, trial: Trial, genres: NDArray[np.float64]) -> tuple[float, ...]:
    """Return a row of the table."""
    scoring = product.model.scoring._replace(diversity=diversity, top_n=20)
    best = recommend_to(trial.known, product._replace(model=product.model._replace(scoring=scoring)), DEPTH)
    hits = find_hits(best, trial.test, DEPTH)
    train = favourites_of(trial.train)
    place = np.full(len(genres), -1)
    place[product.columns] = np.arange(len(product.columns))
    tastes = product.model.tastes.astype(np.float64)
    lists = [best.movie[best.user == user] for user in range(len(trial.known.user_ids))]
    lists = [movies for movies in lists if len(movies) > 1]
    taste = np.mean([unlike(tastes[place[movies]] @ tastes[place[movies]].T) for movies in lists])
    genre = np.mean([unlike(jaccard(genres[movies])) for movies in lists])
    return (
        diversity, float(ndcg(hits, DEPTH).mean()), float(taste), float(genre),
        float(np.mean(off_the_genres(best, train @ genres_of(genres), genres_of(genres)))),
        coverage(hits, DEPTH, train),
    )  # fmt: skip


def genres_of(genres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the genres of movies, each movie's summing to 1."""
    return genres / np.maximum(genres.sum(axis=1, keepdims=True), 1)


def unlike(likeness: NDArray[np.float64]) -> float:
    """Return the mean of one minus the likeness of each two movies."""
    return float(1 - likeness[np.triu_indices(len(likeness), 1)].mean())


def jaccard(genres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the genres of two movies that both have."""
    both, sizes = genres @ genres.T, genres.sum(axis=1)
    return both / np.maximum(sizes[:, None] + sizes - both, 1)


def off_the_genres(best: Ranking, favourites: NDArray[np.float64], genres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far the genres of each user's list are from those of the favourites: Steck's C_KL (RecSys 2018)."""
    listed = np.zeros_like(favourites)
    np.add.at(listed, best.user, genres[best.movie])
    wanted, found = (part / np.maximum(part.sum(axis=1, keepdims=True), 1e-9) for part in (favourites, listed))
    mixed = (1 - SMOOTHED) * found + SMOOTHED * wanted
    terms = np.where(wanted > 0, wanted * np.log(np.maximum(wanted, 1e-12) / np.maximum(mixed, 1e-12)), 0)
    return terms.sum(axis=1)


def draw(rows: NDArray[np.float64], path: str) -> None:
    """Draw each measure by diversity, as a multiple of what it is without."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for column, colour in ((1, "#c05621"), (2, "#2a6f97"), (3, "#4d8f3a"), (4, "#7a5195")):
        axes.plot(rows[:, 0], rows[:, column] / rows[0, column], "o-", color=colour, label=COLUMNS[column])
    axes.axhline(1, color="#999999", linewidth=0.8, zorder=0)
    axes.set(xlabel="--diversity", ylabel="as a multiple of that at 0")
    axes.set_title("What --diversity costs, and what it brings", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
