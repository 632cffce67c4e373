"""The demo data has the shape of MovieLens, and clusters that can be found."""

import csv
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import normalize

from tasks.errors import CineclusterError
from tasks.source.demo_data import FULL_RATINGS, DemoData, demo_sizes, make_demo_data, taste_groups
from tasks.source.demo_ratings import STAR_COUNTS
from tasks.source.demo_titles import TASTES

MOVIELENS_GENRES = (
    "Action|Adventure|Animation|Children|Comedy|Crime|Documentary|Drama|Fantasy|Film-Noir|Horror|IMAX|Musical|"
    "Mystery|Romance|Sci-Fi|Thriller|War|Western"
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> DemoData:
    return make_demo_data(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> DemoData:
    """Large enough for more than one chunk."""
    return make_demo_data(tmp_path_factory.mktemp("medium"), n_ratings=601_237, seed=5)


@pytest.fixture(params=["small", "medium"])
def demo(request: pytest.FixtureRequest) -> DemoData:
    made: DemoData = request.getfixturevalue(request.param)
    return made


def read_ratings(demo: DemoData) -> pl.DataFrame:
    return pl.read_csv(demo.folder / "ratings.csv")


def read_dicts(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_totals_are_what_was_asked_for(demo: DemoData) -> None:
    ratings = read_ratings(demo)
    assert len(ratings) == demo.n_ratings
    assert ratings["userId"].unique(maintain_order=True).to_list() == list(range(1, demo.n_users + 1))
    assert ratings["movieId"].n_unique() == demo.n_movies
    assert (demo.n_users, demo.n_movies) == demo_sizes(demo.n_ratings)


def test_small_data_is_as_large_as_movielens_latest_small(small: DemoData) -> None:
    assert small.n_ratings == 100_000
    assert small.n_users == pytest.approx(610, abs=10)
    assert small.n_movies == pytest.approx(9_724, rel=0.01)


def test_ratings_are_written_as_grouplens_does(small: DemoData) -> None:
    lines = (small.folder / "ratings.csv").read_bytes().split(b"\n")
    assert lines[0] == b"userId,movieId,rating,timestamp"
    assert lines[-1] == b""
    stars = {line.split(b",")[2] for line in lines[1:-1]}
    assert stars == {f"{half / 2:.1f}".encode() for half in range(1, 11)}


def test_ratings_are_sorted_and_no_movie_is_rated_twice(demo: DemoData) -> None:
    pairs = read_ratings(demo).select(pair=pl.col("userId") * 10_000_000 + pl.col("movieId"))["pair"]
    assert (pairs.diff().drop_nulls() > 0).all()


def count_per(demo: DemoData, column: str) -> NDArray[np.int64]:
    return np.unique(read_ratings(demo)[column].to_numpy(), return_counts=True)[1]


def test_stars_have_the_shares_of_movielens(demo: DemoData) -> None:
    half_stars = (2 * read_ratings(demo)["rating"].to_numpy()).astype(int)
    counts = np.bincount(half_stars, minlength=11)
    assert counts[8:].sum() / demo.n_ratings == pytest.approx(0.499, abs=0.005)
    assert counts.argmax() == 8
    cumulative = np.cumsum(STAR_COUNTS)
    np.testing.assert_array_equal(np.cumsum(counts[1:]), cumulative * demo.n_ratings // cumulative[-1])
    assert (counts[1:10:2] < counts[2:11:2]).all()


def test_popularity_and_activity_have_long_tails(demo: DemoData) -> None:
    per_user, per_movie = count_per(demo, "userId"), count_per(demo, "movieId")
    assert np.median(per_user) < 0.6 * per_user.mean()
    assert per_user.max() > 10 * per_user.mean()
    assert np.median(per_movie) < 0.4 * per_movie.mean()
    assert per_movie.max() > 20 * per_movie.mean()


def test_users_of_the_small_data_rated_twenty_movies(small: DemoData) -> None:
    assert count_per(small, "userId").min() >= 20


def test_users_rate_movies_of_their_taste_more_often_and_higher(small: DemoData) -> None:
    group_of_genre = {taste.genres: i for i, taste in enumerate(TASTES)}
    horror = group_of_genre["Horror", "Thriller"]
    movies = pl.read_csv(small.folder / "movies.csv").with_columns(is_horror=pl.col("genres").str.contains("Horror"))
    fans = np.flatnonzero(taste_groups(small.n_users) == horror) + 1
    ratings = read_ratings(small).join(movies, on="movieId").with_columns(is_fan=pl.col("userId").is_in(fans.tolist()))
    share = dict(ratings.group_by("is_fan").agg(pl.col("is_horror").mean()).iter_rows())
    stars = dict(ratings.filter("is_horror").group_by("is_fan").agg(pl.col("rating").mean()).iter_rows())
    assert share[True] > 3 * share[False]
    assert stars[True] > stars[False] + 0.3


def test_clustering_finds_the_taste_groups(small: DemoData) -> None:
    favourites = read_ratings(small).filter(pl.col("rating") >= 4)
    users, columns = (np.unique(favourites[name], return_inverse=True) for name in ("userId", "movieId"))
    incidence = csr_matrix((np.ones(len(favourites), dtype=np.float32), (users[1], columns[1])))
    weights = np.log(incidence.shape[0] / np.bincount(columns[1]))
    embedding = TruncatedSVD(32, random_state=0).fit_transform(normalize(incidence @ diags(weights)))
    labels = KMeans(len(TASTES), n_init=3, random_state=0).fit_predict(normalize(embedding))
    truth = taste_groups(small.n_users)[users[0] - 1]
    assert adjusted_rand_score(truth, labels) > 0.75


def test_timestamps_are_plausible(demo: DemoData) -> None:
    movies = pl.read_csv(demo.folder / "movies.csv").select(
        "movieId", year=pl.col("title").str.extract(r"\((\d{4})\)$").cast(pl.Int32)
    )
    ratings = read_ratings(demo).join(movies, on="movieId")
    when = pl.from_epoch("timestamp")
    assert ratings.select(when.dt.year().is_between(1996, 2018).all()).item()
    assert ratings.select((when.dt.year() > pl.col("year")).all()).item()
    first = ratings.group_by("userId").agg(pl.col("timestamp").min()).sort("userId")
    assert first.select(pl.corr("userId", "timestamp")).item() > 0.95


def test_ratings_come_in_sessions(small: DemoData) -> None:
    ratings = read_ratings(small).sort("userId", "timestamp")
    is_same_user = np.diff(ratings["userId"].to_numpy()) == 0
    gaps = np.diff(ratings["timestamp"].to_numpy())[is_same_user]
    assert (gaps < 600).mean() > 0.7
    assert (gaps > 3_600).sum() > small.n_users


def test_titles_differ_have_a_year_and_survive_csv(demo: DemoData) -> None:
    movies = read_dicts(demo.folder / "movies.csv")
    assert len(movies) == demo.n_movies
    names = [movie["title"][:-7] for movie in movies]
    assert len(set(names)) == demo.n_movies
    assert all(1915 <= int(movie["title"][-5:-1]) <= 2016 for movie in movies)
    assert any(name.endswith(", The") for name in names)
    assert [int(movie["movieId"]) for movie in movies] == sorted(read_ratings(demo)["movieId"].unique())


def test_genres_are_those_of_movielens(small: DemoData) -> None:
    known = set(MOVIELENS_GENRES.split("|"))
    lists = [movie["genres"].split("|") for movie in read_dicts(small.folder / "movies.csv")]
    assert {genre for genres in lists for genre in genres} == known
    assert all(genres == sorted(set(genres)) for genres in lists)


def test_links_lead_every_movie_to_other_ids(demo: DemoData) -> None:
    links = read_dicts(demo.folder / "links.csv")
    movies = read_dicts(demo.folder / "movies.csv")
    assert [link["movieId"] for link in links] == [movie["movieId"] for movie in movies]
    assert len({link["tmdbId"] for link in links}) == len({link["imdbId"] for link in links}) == len(links)
    assert {len(link["imdbId"]) for link in links} == {7}
    assert sum(link["movieId"] == link["tmdbId"] for link in links) < 10


def test_nouns_of_two_groups_never_meet() -> None:
    nouns = [noun for taste in TASTES for noun in taste.nouns.split()]
    assert len(nouns) == len(set(nouns))
    for taste in TASTES:
        for words in (taste.adjectives.split(), taste.places.split()):
            assert len(words) == len(set(words))


def test_same_seed_same_bytes(small: DemoData, tmp_path: Path) -> None:
    again = make_demo_data(tmp_path / "again")
    other = make_demo_data(tmp_path / "other", seed=1)
    for name in ("ratings.csv", "movies.csv", "links.csv"):
        expected = (small.folder / name).read_bytes()
        assert (again.folder / name).read_bytes() == expected
        assert (other.folder / name).read_bytes() != expected


def test_only_the_three_files_are_left(small: DemoData) -> None:
    assert sorted(path.name for path in small.folder.iterdir()) == ["links.csv", "movies.csv", "ratings.csv"]


def test_progress_rises_to_the_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    make_demo_data(tmp_path, n_ratings=601_237, on_progress=lambda done, total: seen.append((done, total)))
    done = [n for n, _ in seen]
    assert done == sorted(set(done))
    assert len(done) > 1
    assert seen[-1] == (601_237, 601_237)


def test_sizes_grow_with_the_ratings() -> None:
    sizes = [demo_sizes(n) for n in np.geomspace(100, 200_000_000, 300).astype(int).tolist()]
    assert sizes == sorted(sizes)
    assert [movies for _, movies in sizes] == sorted(movies for _, movies in sizes)
    assert demo_sizes(FULL_RATINGS) == (270_896, 45_115)
    twice_users, twice_movies = demo_sizes(2 * FULL_RATINGS)
    assert twice_users == 2 * 270_896
    assert twice_movies < 1.3 * 45_115


@pytest.mark.parametrize("n_ratings", [100, 101, 777, 5_000])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_tiny_data_keep_every_promise(tmp_path: Path, n_ratings: int, seed: int) -> None:
    demo = make_demo_data(tmp_path, n_ratings, seed)
    ratings = read_ratings(demo)
    assert (len(ratings), ratings["userId"].n_unique()) == (n_ratings, demo.n_users)
    assert ratings["movieId"].n_unique() == demo.n_movies == len(read_dicts(tmp_path / "movies.csv"))
    assert ratings.select("userId", "movieId").is_unique().all()


@pytest.mark.parametrize(("n_ratings", "seed"), [(99, 0), (0, 0), (-5, 0), (100_000, -1)])
def test_impossible_wishes_are_refused(tmp_path: Path, n_ratings: int, seed: int) -> None:
    with pytest.raises(CineclusterError, match=str(n_ratings if seed == 0 else seed)):
        make_demo_data(tmp_path / "none", n_ratings, seed)
    assert not (tmp_path / "none").exists()
