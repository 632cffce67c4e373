"""recommend(): stored ones first, then more by the same formula, and an answer for everybody else."""

import json
import shutil

import numpy as np
import pytest

from tasks.engine.duckdb import block_of, read_users, run
from tasks.favourites.fold_in import read_placement
from tasks.model.rank import rank, seen_by
from tasks.published.read import connect_to_published
from tests.conftest import connect, favour, rate, read_model, rows

ALL = 16  # favourited movies of two_tastes
CLOSE = {"rel": 4e-6, "abs": 1e-7}  # stored scores have 18 bits, and parts of a score may cancel each other out


@pytest.fixture(params=["good_tables", "article_tables"])
def made(request):
    """Tables by the default method and by the article's, with three recommendations stored for each user."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def connection(made):
    """As readers open the published file."""
    with connect_to_published(made.database) as connection:
        yield connection


@pytest.fixture
def user_ids(connection):
    """Users with favourites."""
    return [user_id for (user_id,) in rows(connection, "select user_id from user_clusters order by 1")]


def recommended(connection, user_id, n):
    """(rank, movie_id, score) that the macro returns."""
    return rows(connection, "select rank, movie_id, score from recommend($1, n := $2)", user_id, n)


def test_stored_recommendations_come_as_they_are(connection, user_ids):
    for user_id in user_ids:
        stored = rows(
            connection, "select rank, movie_id, score from recommendations where user_id = $1 order by rank", user_id
        )
        assert len(stored) == 3
        assert recommended(connection, user_id, 3) == stored
        assert recommended(connection, user_id, 2) == stored[:2]


def test_nothing_else_is_read_where_the_stored_ones_suffice(good_tables):
    with connect_to_published(good_tables.database) as connection:
        assert rows_read(connection, "recommend(1, n := 9)", "item_weights") > 0
        assert rows_read(connection, "recommend(1, n := 3)", "item_weights") == 0
        assert rows_read(connection, "recommend(1, n := 1, genres := ['Sci-Fi'])", "item_weights") == 0


def rows_read(connection, source, table):
    """Return how many rows of a table come out of its scans in a query."""
    [[_, plan]] = rows(connection, f"explain (analyze, format json) from {source}")
    return sum(found for name, found in scans(json.loads(plan)) if name.endswith(f".{table}"))


def scans(node):
    """Yield the table of each scan below a node of a plan, and the rows that come out."""
    for below in node.get("operator", []) + node.get("children", []):
        if name := below["extra_info"].get("Table"):
            yield name, below["intermediate_rows"]
        yield from scans(below)


def test_more_than_stored_are_those_that_python_finds(connection, made, user_ids):
    """The SQL adds in float64, Python in float32: movies whose scores differ by rounding may change places."""
    model = read_model(made.database)
    placement = read_placement(connection.sql("from user_clusters order by user_id").pl(), model)
    with connect(made.build) as build:
        [(ids, entries)] = read_users(build)
    interactions = block_of(ids, len(model.movie_ids), entries)
    best = rank(interactions, placement, model, 100)
    n_seen = np.diff(seen_by(interactions, model.scoring).indptr)
    assert interactions.user_ids.tolist() == user_ids
    for user, user_id in enumerate(user_ids):
        mine = best.user == user
        movies = model.movie_ids[best.movie[mine]].tolist()
        score_of = dict(zip(movies, best.score[mine].tolist(), strict=True))
        found = recommended(connection, user_id, 100)
        assert [rank for rank, _, _ in found] == list(range(1, ALL - n_seen[user] + 1))
        assert {movie: pytest.approx(score, **CLOSE) for _, movie, score in found} == score_of
        for (_, movie, _), expected in zip(found, movies, strict=True):
            assert movie == expected or score_of[movie] == pytest.approx(score_of[expected], **CLOSE)


def test_ties_beyond_the_stored_ones_come_by_overall_favourites(article_tables, tmp_path):
    database = shutil.copy(article_tables.database, tmp_path / "copy.duckdb")
    with connect(database) as connection:  # the order of the rows in the file must not matter
        name = "overall_favourites_retrained"
        connection.execute(f"create or replace table {name} as from {name} order by rank desc")
        place = dict(rows(connection, "select movie_id, rank from overall_favourites"))
        for (user_id,) in rows(connection, "select user_id from user_clusters"):
            found = recommended(connection, user_id, 100)
            assert found == sorted(found, key=lambda row: (-row[2], place[row[1]]))


def test_unknown_users_get_the_overall_favourites(connection):
    expected = rows(connection, "select rank, movie_id, share from overall_favourites where rank <= 7 order by rank")
    assert len(expected) == 7
    assert recommended(connection, 424242, 7) == expected
    assert len(recommended(connection, -1, 1000)) == ALL


def test_twenty_are_the_default(connection):
    assert rows(connection, "from recommend(1)") == rows(connection, "from recommend(1, n := 20)")
    assert rows(connection, "from recommend(1, n := 0)") == []


def test_titles_and_genres_come_along(connection):
    title, genres = rows(connection, "select title, genres from recommend(424242) where movie_id = 1")[0]
    assert (title, genres) == ("Rocket 1 (1951)", ["Sci-Fi", "Action"])


def test_a_user_without_favourites_is_not_recommended_what_was_rated_low(good_tables):
    with connect_to_published(good_tables.database) as connection:
        found = recommended(connection, 99, 1000)
        assert len(found) == ALL - 3
        assert not {1, 11, 12} & {movie for _, movie, _ in found}
        assert [rank for rank, _, _ in found] == list(range(1, ALL - 2))
        place = dict(rows(connection, "select movie_id, rank from overall_favourites"))
        assert [place[movie] for _, movie, _ in found] == sorted(place[movie] for _, movie, _ in found)


def test_the_article_leaves_out_favourites_only(article_tables):
    with connect_to_published(article_tables.database) as connection:
        assert len(recommended(connection, 99, 1000)) == ALL
        low = rows(connection, "select movie_id from ratings where user_id = 2 and rating < 4")
        assert {movie for (movie,) in low} <= {movie for _, movie, _ in recommended(connection, 2, 1000)}


def test_nobody_is_recommended_what_was_seen(connection, user_ids):
    for user_id in user_ids:
        seen = rows(connection, "select movie_id from seen where user_id = $1", user_id)
        assert not {movie for (movie,) in seen} & {movie for _, movie, _ in recommended(connection, user_id, 1000)}


def test_a_favourite_added_since_is_not_recommended_again(good_tables, tmp_path):
    database = shutil.copy(good_tables.database, tmp_path / "copy.duckdb")
    with connect(database) as connection:
        movie = recommended(connection, 1, 9)[8][1]
        connection.execute("insert into favourites_retrained values (1, $1, null)", [movie])
        assert movie not in [row[1] for row in recommended(connection, 1, 100)]


@pytest.mark.parametrize(("exclude_seen", "seen"), [(True, [10, 20, 30, 40]), (False, [10, 40])])
def test_seen_is_rated_or_favourited(memory, exclude_seen, seen):
    rate(memory, [(1, 10, 4.0), (1, 20, 2.0), (1, 30, 1.0)])
    favour(memory, exclude_seen=exclude_seen)
    memory.execute("insert into favourites values (1, 40, null)")
    run(memory, "views/seen")
    assert rows(memory, "select distinct movie_id from seen where user_id = 1 order by 1") == [(m,) for m in seen]


def test_favourites_of_a_user_are_shown_the_most_shared_first(connection):
    found = run(connection, "published/user_favourites", user_id=1, n=2)
    liked = rows(connection, "select movie_id from favourites where user_id = 1")
    place = dict(rows(connection, "select movie_id, rank from overall_favourites"))
    assert [row[3] for row in found] == [len(liked)] * 2
    assert found[0][2] == ["Sci-Fi", "Action"]
    assert place[found[0][0]] < place[found[1][0]]
    assert run(connection, "published/user_favourites", user_id=99, n=2) == []
    assert [row[0] for row in run(connection, "published/user_recommendations", user_id=1, n=5)] == [1, 2, 3, 4, 5]
