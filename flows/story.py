"""What a run's log says of each station when it is done, out of what the station returns."""

from collections.abc import Callable

from tasks.blocks import Interactions
from tasks.model.types import Clustering, Elbow, Fit, Model, Movies
from tasks.quality.choose import Choice
from tasks.source.ingest import RowCounts
from tasks.text import share_in_words


def of_rows(rows: RowCounts) -> str:
    """Tell what became of the rows."""
    replaced = f", {rows.n_superseded:,} replaced by later ones" if rows.n_superseded else ""
    return f"{rows.n_rows_read:,} rows read, {rows.n_kept:,} kept{replaced}, {rows.n_rejected:,} bad"


def number_of(what: str) -> Callable[[int], str]:
    """Return what tells a number of something."""
    return lambda n: f"{n:,} {what}"


def of_incidence(movies: Movies) -> str:
    """Tell its size."""
    return f"{movies.n_users:,} users with favourites, {len(movies.movie_ids):,} movies"


def of_sample(sample: Interactions) -> str:
    """Tell how many users are in it."""
    return f"{len(sample.user_ids):,} users"


def of_elbow(elbow: Elbow) -> str:
    """Tell where it is."""
    return f"at {elbow.suggested or 'no number of'} clusters; {elbow.chosen} are made"


def of_clusters(clusters: Clustering) -> str:
    """Tell how many there are."""
    return f"{len(clusters.centroids):,} clusters"


def of_choice(choice: Choice) -> str:
    """Tell what was chosen."""
    items = choice.items
    if not items.weight:
        return f"{choice.n_fine_clusters:,} fine clusters, no item model"
    return (
        f"{choice.n_fine_clusters:,} fine clusters, item weight {items.weight:g}, strength {items.strength:g}, "
        f"low rank {items.low_rank:g}, rarity power {items.rarity_power:g}, "
        f"trend power {items.trend_power:g}, recency {items.recency:g}"
    )


def of_recommender(found: tuple[Model, Fit, dict[str, float]]) -> str:
    """Tell what it knows."""
    model, _, learned = found
    n_candidates, n_items = model.shares.shape[1], len(model.items)
    if not n_items:
        return f"{n_candidates:,} movies are scored"
    return f"{n_candidates:,} movies are scored, the item model knows {n_items:,}; strength {learned['strength']:g}"


def of_quality(found: dict[str, float]) -> str:
    """Tell the quality and its change."""
    if not found:
        return "not measured"
    change = found.get("quality_change")
    since = "no run of the same users before" if change is None else f"{share_in_words(change)} since the run before"
    return f"NDCG@10 {found['quality']:.4f} on held-out favourites, {since}"


def of_measures(found: dict[str, float]) -> str:
    """Tell the measures of the clusters."""
    return ", ".join(f"{name.removeprefix('n_').replace('_', ' ')} {value:.4g}" for name, value in found.items())


def of_checks(claims: list[str]) -> str:
    """Tell how many claims hold."""
    return f"all {len(claims)} hold"


def of_published(run_id: str) -> str:
    """Tell which run it is."""
    return f"run {run_id}"
