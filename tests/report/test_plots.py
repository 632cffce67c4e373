"""The pictures: valid PNGs at every size of input, nothing cut or blank, and hostile text drawn as text."""

import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from matplotlib.image import imread
from scipy import sparse

from tasks.report.plots.cluster_sizes import draw_cluster_sizes, size_words
from tasks.report.plots.elbow import draw_elbow, elbow_words
from tasks.report.plots.genres import MAX_GENRE_CLUSTERS, draw_genres, genre_columns, genre_words, lift_table
from tasks.report.plots.incidence import bin_density, draw_incidence, matrix_places
from tasks.report.plots.item_weight import draw_item_weight
from tasks.report.plots.style import DPI, STYLE
from tasks.report.plots.text import drawable_characters, fit_movie, fit_text, percent, text_width
from tasks.report.plots.top_movies import draw_top_movies, largest_clusters, movie_words
from tasks.report.plots.user_map import MAX_NAMED_CLUSTERS, draw_user_map, look, project_users, spread_boxes

HOSTILE = [
    "$x_1^{2$",
    "\\frac{ %s {0} _under_",
    "<b>bold</b> &amp; \x00\x07\x1b[31m",
    "A" * 10_000,
    "七人の侍 (1954)",
    "\u202eright to left\u200b",
    "العربية",
    "e\u0301" * 500,
    "\n\n\t",
    "",
]


@pytest.fixture(autouse=True)
def no_warnings():
    """A missing glyph, an empty axis or a layout without room warns in matplotlib: here it is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def look_at(path: Path, width: int = 1100, height: int = 350) -> np.ndarray:
    """The pixels, after checking that the file is a PNG of at least that size that is not blank."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    size = struct.unpack(">II", data[16:24])
    assert size >= (width, height) and size[1] >= height
    pixels = imread(path)[..., :3]
    assert (pixels < 0.9).any(axis=2).mean() > 0.0005, "blank"
    edge = np.concatenate([pixels[:4].ravel(), pixels[-4:].ravel(), pixels[:, :4].ravel(), pixels[:, -4:].ravel()])
    assert edge.min() > 0.98, "something is cut off at the edge"
    return pixels


def part_in(pixels: np.ndarray, colour: str) -> float:
    """Part of the pixels that have (nearly) a colour."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float((np.abs(pixels - wanted).max(axis=2) < 0.02).mean())


def elbow_frame(n: int, chosen: int | None, rule: int | None, quality: dict[int, float] | None = None) -> pl.DataFrame:
    wcss = [1000.0 / (k + 1) for k in range(1, n + 1)]
    curve = pl.DataFrame(
        {
            "n_clusters": range(1, n + 1),
            "wcss": wcss,
            "difference": [None] + [a - b for a, b in pairwise(wcss)],
        },
        schema_overrides={"n_clusters": pl.Int64, "difference": pl.Float64},
    )
    measured = pl.DataFrame(
        {"n_clusters": list(quality or {}), "quality": list((quality or {}).values())},
        schema={"n_clusters": pl.Int64, "quality": pl.Float64},
    )
    return curve.join(measured, on="n_clusters", how="full", coalesce=True).with_columns(
        is_chosen=pl.col("n_clusters").eq_missing(pl.lit(chosen, pl.Int64)),
        is_elbow=pl.col("n_clusters").eq_missing(pl.lit(rule, pl.Int64)),
        is_fine=pl.col("quality").is_not_null() & (pl.col("quality") == pl.col("quality").max()),
    )


def movie_frame(n_clusters: int, titles: list[str]) -> pl.DataFrame:
    rows = [
        (cluster, f"name {cluster}", 1000 - cluster, rank, title, 1 / (rank + 1))
        for cluster in range(n_clusters)
        for rank, title in enumerate(titles, start=1)
    ]
    return pl.DataFrame(rows, schema=["cluster", "name", "n_users", "rank", "title", "share"], orient="row")


def genre_frame(n_clusters: int, genres: list[str], seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    rows = [
        (cluster, f"name {cluster}", genre, float(draw.random()), float(draw.lognormal()))
        for cluster in range(n_clusters)
        for genre in genres
    ]
    return pl.DataFrame(rows, schema=["cluster", "name", "genre", "share", "lift"], orient="row")


# --- text ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_fits_on_one_line_of_the_width(text):
    fitted = fit_text(text, 2.0, 9)
    assert text_width(fitted, 9) <= 2.0
    assert all(sign.isprintable() for sign in fitted)
    assert {ord(sign) for sign in fitted} <= drawable_characters()


def test_short_text_stays_and_long_text_ends_in_an_ellipsis():
    assert fit_text("Alien", 2.0, 9) == "Alien"
    assert fit_text("Alien " * 50, 2.0, 9).endswith("…")
    assert len(fit_text("Alien " * 50, 2.0, 9)) > 20


def test_a_shortened_movie_title_keeps_its_year():
    fitted = fit_movie("Lord of the Rings: The Fellowship of the Ring, The (2001)", 2.2, 9)
    assert fitted.startswith("Lord of the Rings") and fitted.endswith("… (2001)")
    assert text_width(fitted, 9) <= 2.2


@pytest.mark.parametrize(("part", "text"), [(1, "100 %"), (0.456, "46 %"), (0.0127, "1.3 %"), (0.0000241, "0.0024 %")])
def test_percentages_read_well(part, text):
    assert percent(part) == text


# --- elbow --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 5, 200])
def test_elbow_marks_the_chosen_number(tmp_path, n):
    draw_elbow(elbow_frame(n, n, 1), tmp_path / "elbow.png", 10.0)
    assert part_in(look_at(tmp_path / "elbow.png"), STYLE["accent"]) > 0


def test_elbow_without_a_choice_has_no_mark(tmp_path):
    draw_elbow(elbow_frame(5, None, None), tmp_path / "elbow.png", None)
    assert part_in(look_at(tmp_path / "elbow.png"), STYLE["accent"]) == 0


def test_elbow_has_a_third_panel_only_where_quality_was_measured(tmp_path):
    draw_elbow(elbow_frame(30, 9, 9), tmp_path / "two.png", None)
    draw_elbow(elbow_frame(30, 200, 9, {1: 0.1, 15: 0.2, 200: 0.3}), tmp_path / "three.png", None)
    assert look_at(tmp_path / "three.png").shape[1] > 1.3 * look_at(tmp_path / "two.png").shape[1]


def test_elbow_with_quality_alone_or_nothing_at_all(tmp_path):
    only_quality = elbow_frame(3, 50, None, {5: 0.1, 50: 0.2}).with_columns(
        wcss=pl.lit(None, pl.Float64), difference=pl.lit(None, pl.Float64)
    )
    draw_elbow(only_quality, tmp_path / "quality.png", 1.0)
    draw_elbow(only_quality.clear(), tmp_path / "empty.png", 1.0)
    look_at(tmp_path / "quality.png")
    look_at(tmp_path / "empty.png")


def test_elbow_says_what_was_chosen_and_what_the_rule_would_take():
    title, facts = elbow_words(elbow_frame(30, 200, 9, {1: 0.1, 150: 0.31, 200: 0.3}))
    assert title == "200 clusters chosen; the elbow rule would take 9"
    assert facts.startswith("WCSS is 500.0 with 1 cluster and 32.3 with 30; ")
    assert facts.endswith("held-out quality is best with 150 fine clusters (NDCG@10 0.310)")
    assert elbow_words(elbow_frame(5, 3, 3))[0] == "3 clusters chosen, at the elbow of the curve"


# --- item weight --------------------------------------------------------------------------------------------


def tried(n_ranked, strength, weights, chosen=None):
    """Rows of ``item_settings`` that differ in the weight."""
    rows = {"item_weight": weights, "quality": [0.2 + weight / 100 for weight in weights]}
    others = {"n_ranked": n_ranked, "strength": strength, "low_rank": 0.15}
    return pl.DataFrame(rows).with_columns(
        **{name: pl.lit(value) for name, value in others.items()},
        rarity_power=pl.lit(0.05),
        trend_power=pl.lit(0.0),
        item_recency=pl.lit(0.3),
        is_chosen=pl.col("item_weight") == (-1.0 if chosen is None else chosen),
    )


def test_item_weight_of_a_search_of_one_setting_and_of_none(tmp_path):
    head = [tried(1000, strength, [0.9]) for strength in (2.0, 8.0)]
    draw_item_weight(pl.concat([*head, tried(4000, 8.0, [0.0, 0.5, 1.0], 0.5)]), tmp_path / "search.png")
    draw_item_weight(tried(4000, 8.0, [0.5], 0.5), tmp_path / "one.png")
    draw_item_weight(tried(4000, 8.0, [0.5]).clear(), tmp_path / "none.png")
    for name in ("search", "one", "none"):
        look_at(tmp_path / f"{name}.png")


# --- cluster sizes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 5, 200])
def test_cluster_sizes_show_small_clusters_before_but_not_after(tmp_path, n):
    after = np.geomspace(50_000, 6, n).astype(np.int64)
    before = np.concatenate([np.ones(max(n // 2, 1), np.int64), after])
    draw_cluster_sizes(before, after, 6, tmp_path / "sizes.png")
    left, right = np.array_split(look_at(tmp_path / "sizes.png"), 2, axis=1)
    # the bars of the small clusters, beside the minimum line that both panels have
    assert part_in(left, STYLE["accent"]) > 1.5 * part_in(right, STYLE["accent"]) > 0


def test_cluster_sizes_ignore_empty_clusters_and_say_so_when_there_are_none(tmp_path):
    draw_cluster_sizes(np.array([0, 3, 0]), np.array([3]), 1, tmp_path / "one.png")
    draw_cluster_sizes(np.array([], np.int64), np.array([], np.int64), 6, tmp_path / "none.png")
    look_at(tmp_path / "one.png")
    look_at(tmp_path / "none.png")


@pytest.mark.parametrize(
    ("before", "after", "title"),
    [
        ([9, 8, 2, 1], [10, 10], "2 of 4 clusters too small: 2 left after merging"),
        ([9, 8], [9, 8], "No cluster is too small: 2 clusters before and after"),
        ([2], [2], "1 of 1 cluster too small, none merged"),
    ],
)
def test_cluster_sizes_say_what_merging_did(before, after, title):
    assert size_words(np.array(before), np.array(after), 6)[0] == title


# --- user map -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "embedding",
    [
        np.ones((1, 32)),
        np.eye(2, 32),
        np.ones((300, 32)),
        np.repeat(np.eye(3), 50, axis=0),
        np.arange(40.0)[:, None],
        np.zeros((5, 1)),
        np.repeat(np.random.default_rng(0).normal(size=(15, 4)), 10, axis=0),
        sparse.csr_matrix(np.eye(60, 900, dtype=np.float32)),
        sparse.csr_matrix((1, 900), dtype=np.float32),
        sparse.csr_matrix((40, 900), dtype=np.float32),
        sparse.csr_array(np.ones((40, 900), np.float32)),
        np.zeros((0, 32)),
    ],
    ids=[
        "1 user",
        "2 users",
        "identical",
        "3 kinds",
        "1 column",
        "zeros",
        "repeated",
        "sparse",
        "sparse 1",
        "sparse 0",
        "sparse same",
        "nobody",
    ],
)
def test_users_are_projected_however_degenerate(embedding):
    rows, coordinates = project_users(embedding, seed=0)
    assert rows.tolist() == list(range(embedding.shape[0]))
    assert coordinates.shape == (len(rows), 2)
    assert np.isfinite(coordinates).all()


def test_projection_samples_by_seed():
    first, again, other = (project_users(np.eye(600, 16), seed, max_users=10)[0].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_projection_keeps_groups_apart():
    draw = np.random.default_rng(0)
    group = np.arange(600) % 3
    embedding = 3 * np.eye(3, 16)[group] + draw.normal(scale=0.3, size=(600, 16))
    rows, coordinates = project_users(embedding, seed=1, max_users=200)
    assert len(np.unique(rows)) == 200 and (np.diff(rows) > 0).all()
    distance = np.linalg.norm(coordinates[:, None] - coordinates[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (group[rows][distance.argmin(axis=1)] == group[rows]).mean() > 0.98


@pytest.mark.parametrize("n_clusters", [1, 5, 200])
def test_user_map_names_the_large_clusters(tmp_path, n_clusters):
    draw = np.random.default_rng(0)
    labels = np.arange(1000) % n_clusters
    names = [HOSTILE[i % len(HOSTILE)] for i in range(n_clusters)]
    draw_user_map(draw.normal(size=(1000, 2)), labels, names, tmp_path / "map.png")
    pixels = look_at(tmp_path / "map.png", 1100, 1000)
    assert (part_in(pixels, STYLE["other"]) > 0.0005) == (n_clusters > MAX_NAMED_CLUSTERS)


def test_user_map_of_one_user_of_nobody_and_of_one_place(tmp_path):
    draw_user_map(np.zeros((1, 2)), np.array([0]), [], tmp_path / "one.png")
    draw_user_map(np.zeros((0, 2)), np.array([], np.int32), [], tmp_path / "none.png")
    draw_user_map(np.zeros((40, 2)), np.arange(40) // 2, ["same"] * 20, tmp_path / "same.png")
    look_at(tmp_path / "one.png", 1100, 1000)
    look_at(tmp_path / "none.png")
    look_at(tmp_path / "same.png", 1100, 1000)


def test_labels_do_not_overlap_and_stay_in_the_frame():
    draw = np.random.default_rng(0)
    centres, widths = draw.uniform(0, 300, size=(20, 2)), draw.uniform(40, 200, size=20)
    places = spread_boxes(centres, widths, 20, (0, 0, 900, 700))
    for i in range(20):
        assert widths[i] / 2 <= places[i, 0] <= 900 - widths[i] / 2 and 10 <= places[i, 1] <= 690
        for j in range(i):
            apart_x = abs(places[i, 0] - places[j, 0]) >= (widths[i] + widths[j]) / 2
            assert apart_x or abs(places[i, 1] - places[j, 1]) >= 20 - 1e-9


def test_every_named_cluster_has_its_own_look():
    looks = {tuple(look(place).values()) for place in range(MAX_NAMED_CLUSTERS)}
    assert len(looks) == MAX_NAMED_CLUSTERS


# --- top movies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_clusters", [1, 5, 200])
def test_top_movies_with_hostile_titles(tmp_path, n_clusters):
    movies = movie_frame(n_clusters, HOSTILE).with_columns(name=pl.lit("$\\bad{ " + "name " * 60))
    draw_top_movies(movies, tmp_path / "movies.png")
    pixels = look_at(tmp_path / "movies.png")
    assert part_in(pixels, STYLE["pale"]) > 0.03


def test_top_movies_take_the_largest_clusters_and_the_first_ranks():
    movies = movie_frame(40, [f"m{rank}" for rank in range(20)]).with_columns(n_users=pl.col("cluster") * 10)
    shown = largest_clusters(movies.sample(fraction=1, shuffle=True, seed=0))
    assert shown["cluster"].unique(maintain_order=True).to_list() == list(range(39, 27, -1))
    assert shown["rank"].to_list() == list(range(1, 9)) * 12
    title, facts = movie_words(shown, 40)
    assert title == "12 clusters share one number-one movie"
    assert "12 of 40 clusters shown" in facts


def test_no_movies_and_movies_without_share(tmp_path):
    movies = movie_frame(1, ["Alien (1979)"]).with_columns(share=pl.lit(None, pl.Float64))
    draw_top_movies(movies, tmp_path / "share.png")
    draw_top_movies(movies.clear(), tmp_path / "none.png")
    look_at(tmp_path / "share.png")
    look_at(tmp_path / "none.png")


# --- genres -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_clusters", "genres"),
    [(1, ["Drama"]), (1, HOSTILE), (5, [f"Genre {i}" for i in range(60)]), (200, HOSTILE)],
)
def test_genres(tmp_path, n_clusters, genres):
    draw_genres(genre_frame(n_clusters, genres), tmp_path / "genres.png")
    pixels = look_at(tmp_path / "genres.png")
    shown = min(n_clusters, MAX_GENRE_CLUSTERS)
    assert pixels.shape[0] == pytest.approx((2.9 + 0.3 * shown) * DPI, abs=2)


def test_genres_of_every_lift_and_none(tmp_path):
    lifts = [0.0, None, float("nan"), float("inf"), 1e9, -1.0]
    genres = genre_frame(1, [f"g{i}" for i in range(6)]).with_columns(lift=pl.Series(lifts, dtype=pl.Float64))
    draw_genres(genres, tmp_path / "odd.png")
    draw_genres(genres.clear(), tmp_path / "none.png")
    look_at(tmp_path / "odd.png")
    look_at(tmp_path / "none.png")


def test_lift_table_and_the_genre_that_stands_out():
    genres = pl.DataFrame(
        [
            (0, "a", "Drama", 0.6, 1.2),
            (0, "a", "Noir", 0.01, 4.0),
            (1, "b", "Drama", 0.2, 0.4),
            (1, "b", "Horror", 0.5, 3.0),
        ],
        schema=["cluster", "name", "genre", "share", "lift"],
        orient="row",
    )
    assert genre_columns(genres) == ["Drama", "Horror", "Noir"]
    table = lift_table(genres, [0, 1], ["Drama", "Horror", "Noir"])
    np.testing.assert_array_equal(table, [[1.2, np.nan, 4.0], [0.4, 3.0, np.nan]])
    title, _ = genre_words(genres, 2)
    assert title.startswith("Horror stands out most: 3.0") and title.endswith("cluster 1")


# --- incidence ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "n_clusters"),
    [((1, 1), 1), ((100, 83), 5), ((1, 5000), 1), ((3000, 2), 5), ((3000, 2000), 200)],
)
def test_incidence(tmp_path, shape, n_clusters):
    incidence = sparse.csr_matrix(np.random.default_rng(0).random(shape) < 0.02 + 1 / np.prod(shape), dtype=np.float32)
    draw_incidence(incidence, np.arange(shape[0]) % n_clusters, tmp_path / "incidence.png")
    look_at(tmp_path / "incidence.png", 1100, 1000)


def test_incidence_without_favourites(tmp_path):
    draw_incidence(sparse.csr_matrix((5, 3), dtype=np.float32), np.zeros(5, np.int32), tmp_path / "none.png")
    look_at(tmp_path / "none.png")


def test_users_are_placed_by_cluster_and_movies_by_popularity():
    incidence = sparse.csr_matrix(np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1]], np.float32))
    users, movies = matrix_places(incidence, np.array([1, 0, 0, 1]))
    assert users.tolist() == [3, 0, 1, 2]
    assert movies.tolist() == [1, 0, 2]


@pytest.mark.parametrize("bins", [(4, 7), (60, 90), (500, 900)])
def test_binned_density_is_the_mean_of_the_cells(bins):
    incidence = sparse.random(60, 90, density=0.2, format="csr", dtype=np.float32, random_state=0)
    incidence.data[:] = 1
    users, movies = matrix_places(incidence, np.arange(60) % 4)
    density, user_edges, movie_edges = bin_density(incidence, users, movies, bins, users_at_once=7)
    full = np.zeros((60, 90))
    full[np.ix_(users, movies)] = incidence.toarray()
    assert density.shape == (len(user_edges) - 1, len(movie_edges) - 1)
    for row, column in np.ndindex(density.shape):
        cell = full[user_edges[row] : user_edges[row + 1], movie_edges[column] : movie_edges[column + 1]]
        assert density[row, column] == pytest.approx(cell.mean())


# --- threads ------------------------------------------------------------------------------------------------


def test_pictures_drawn_in_threads_are_the_same_as_one_by_one(tmp_path):
    def draw(name: str) -> bytes:
        draw_top_movies(movie_frame(2, ["Alien (1979)", "$x"]), tmp_path / name)
        return (tmp_path / name).read_bytes()

    alone = draw("alone.png")
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(draw, [f"{i}.png" for i in range(3)]))
    assert set(together) == {alone}
