"""The tables of clusters: a few rows whose shares, lifts and names are known, and brute-force recounts."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import connect, describe, favour, put_in_clusters, rate, rows

ROCKET, COMET, WALTZ = 1, 2, 3
MOVIES = {
    ROCKET: ("Rocket (1990)", "Sci-Fi"),
    COMET: ("Comet (1991)", "Sci-Fi|Comedy"),
    WALTZ: ("Waltz (1992)", "Comedy"),
}
FAVOURITES = [
    (1, ROCKET),
    (1, COMET),
    (2, ROCKET),
    (2, COMET),
    (3, ROCKET),
    (3, WALTZ),
    (4, WALTZ),
    (4, COMET),
    (5, WALTZ),
]
CLUSTERS = {1: 0, 2: 0, 3: 0, 4: 1, 5: 1}


@pytest.fixture
def tables(memory):
    """Five users in two clusters, and all tables of clusters."""
    rate(memory, [(*pair, 4.0) for pair in FAVOURITES] + [(5, ROCKET, 3.0), (4, ROCKET, 1.0)], MOVIES)
    favour(memory)
    put_in_clusters(memory, CLUSTERS, was_moved=[False, False, True, False, False])
    describe(memory)
    return memory


def test_shares_are_of_the_cluster_and_lifts_of_everybody(tables):
    found = rows(
        tables, "select cluster, movie_id, n_users, share, lift, rank from cluster_movies order by cluster, rank"
    )
    everybody = 3 / 5
    assert [row[:3] + row[5:] for row in found] == [
        (0, ROCKET, 3, 1),
        (0, COMET, 2, 2),
        (0, WALTZ, 1, 3),
        (1, WALTZ, 2, 1),
        (1, COMET, 1, 2),
    ]
    shares = [1, 2 / 3, 1 / 3, 1, 1 / 2]
    assert [row[3] for row in found] == pytest.approx(shares)
    assert [row[4] for row in found] == pytest.approx([share / everybody for share in shares])


def test_equal_movies_of_a_cluster_are_ranked_by_overall_favourites_then_id(memory):
    rate(memory, [(1, 7, 4), (1, 8, 4), (1, 9, 4), (2, 9, 5), (2, 6, 4)])
    favour(memory)
    put_in_clusters(memory, {1: 0, 2: 1})
    describe(memory)
    assert rows(memory, "select movie_id from cluster_movies where cluster = 0 order by rank") == [(9,), (7,), (8,)]
    assert rows(memory, "select movie_id, rank from overall_favourites order by rank") == [
        (9, 1),
        (6, 2),
        (7, 3),
        (8, 4),
    ]


def test_overall_favourites_count_everybody(tables):
    found = rows(tables, "select movie_id, n_users, n_near, share, rank from overall_favourites order by rank")
    assert found == [(ROCKET, 3, 1, 0.6, 1), (COMET, 3, 0, 0.6, 2), (WALTZ, 3, 0, 0.6, 3)]


def test_a_movie_of_several_genres_counts_in_each(tables):
    found = rows(tables, "select cluster, genre, n_favourites, share, lift from cluster_genres")
    expected = [
        (0, "Sci-Fi", 5, 5 / 6, 5 / 6 / (6 / 9)),
        (0, "Comedy", 3, 3 / 6, 3 / 6 / (6 / 9)),
        (1, "Comedy", 3, 1, 9 / 6),
        (1, "Sci-Fi", 1, 1 / 3, 1 / 3 / (6 / 9)),
    ]
    assert [row[:3] for row in found] == [row[:3] for row in expected], "by cluster, highest lift first"
    for row, wanted in zip(found, expected, strict=True):
        assert row[3:] == pytest.approx(wanted[3:])


def test_clusters_are_named_by_what_sets_them_apart(tables):
    assert rows(tables, "from clusters order by cluster") == [
        (0, "Sci-Fi: Rocket (1990)", 3, 2, 3, 6, ["Sci-Fi"], ["Rocket (1990)", "Comet (1991)"]),
        (1, "Comedy: Waltz (1992)", 2, 2, 2, 3, ["Comedy"], ["Waltz (1992)"]),
    ]


def test_a_single_cluster_is_everybody(memory):
    rate(memory, [(*pair, 4.0) for pair in FAVOURITES], MOVIES)
    favour(memory)
    put_in_clusters(memory, dict.fromkeys(CLUSTERS, 0))
    describe(memory)
    assert rows(memory, "select cluster, name, n_users, n_movies, n_favourites from clusters") == [
        (0, "everybody", 5, 3, 9)
    ]


def test_clusters_without_any_genre_have_a_name_all_the_same(memory):
    rate(memory, [(1, 7, 4), (2, 8, 4)])
    favour(memory)
    put_in_clusters(memory, {1: 0, 2: 1})
    describe(memory)
    assert rows(memory, "select name, top_genres from clusters order by cluster") == [
        ("(movie 7)", []),
        ("(movie 8)", []),
    ]
    assert rows(memory, "from cluster_genres") == []


def test_a_fine_cluster_belongs_to_the_cluster_of_most_of_its_users(memory):
    rate(memory, [(user, 1, 4.0) for user in range(1, 7)])
    favour(memory)
    put_in_clusters(memory, {1: 0, 2: 1, 3: 1, 4: 0, 5: 2, 6: 1}, fine_cluster=[0, 0, 0, 1, 2, 2])
    describe(memory)
    assert rows(memory, "select fine_cluster, n_users, cluster from fine_clusters") == [(0, 3, 1), (1, 1, 0), (2, 2, 1)]


@settings(max_examples=15)
@given(
    st.dictionaries(
        st.tuples(st.integers(1, 9), st.integers(1, 7)), st.sampled_from([2.5, 3.0, 3.5, 4.0, 5.0]), min_size=1
    ).filter(lambda ratings: max(ratings.values()) >= 4),
    st.lists(st.integers(0, 3), min_size=9, max_size=9),
    st.lists(st.integers(0, 3), min_size=9, max_size=9),
)
def test_counts_are_a_brute_force_recount(ratings, cluster, fine_cluster):
    favourites = {key for key, stars in ratings.items() if stars >= 4}
    users = sorted({user for user, _ in favourites})
    movies = {movie for _, movie in favourites}
    near = {(u, m) for (u, m), stars in ratings.items() if 3 <= stars < 4 and u in users and m in movies}
    with connect(":memory:") as connection:
        rate(connection, [(*key, stars) for key, stars in ratings.items()])
        favour(connection)
        put_in_clusters(
            connection,
            {user: cluster[user - 1] for user in users},
            fine_cluster=[fine_cluster[user - 1] for user in users],
        )
        describe(connection)
        in_clusters = rows(connection, "select cluster, movie_id, n_users from cluster_movies")
        in_fine = rows(connection, "select fine_cluster, movie_id, n_users, n_near from fine_cluster_movies")
        overall = rows(connection, "select movie_id, n_users, n_near, share from overall_favourites order by rank")
    assert {row[:2]: row[2] for row in in_clusters} == Counter((cluster[u - 1], m) for u, m in favourites)
    assert len(in_clusters) == len({row[:2] for row in in_clusters})
    assert {row[:2]: row[2] for row in in_fine if row[2]} == Counter((fine_cluster[u - 1], m) for u, m in favourites)
    assert {row[:2]: row[3] for row in in_fine if row[3]} == Counter((fine_cluster[u - 1], m) for u, m in near)
    fans, nearly = Counter(m for _, m in favourites), Counter(m for _, m in near)
    assert [row[:3] for row in overall] == [
        (movie, fans[movie], nearly[movie]) for movie in sorted(movies, key=lambda movie: (-fans[movie], movie))
    ]
    assert all(share == n / len(users) for _, n, _, share in overall)
