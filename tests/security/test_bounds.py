"""Numbers at their bounds: the largest ids, and options that nothing could be made of."""

import tracemalloc
from typing import Any

import pytest
from pydantic import ValidationError

from flows.config import EvaluateOptions, RetrainOptions
from flows.favourite import favourite
from flows.retrain import retrain
from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tests.security.conftest import Place
from tests.security.test_overlay import read

LARGEST = 2**31 - 1


def test_memory_does_not_grow_with_the_size_of_ids(place: Place, source, tmp_path):
    large = tmp_path / "large"
    large.mkdir()
    lines = [line.split(",") for line in (source / "ratings.csv").read_text().splitlines()]
    ids = {"20": str(LARGEST), "18": str(LARGEST - 1)}
    rows = [",".join([ids.get(user, user), ids.get(movie, movie), *rest]) for user, movie, *rest in lines]
    (large / "ratings.csv").write_text("\n".join([*rows, ""]))
    place = place._replace(source=large)
    tracemalloc.start()
    place.retrain()
    change_favourites(place.database, [(LARGEST, 1), (LARGEST - 5, LARGEST - 1)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {(LARGEST, 1), (LARGEST - 5, LARGEST - 1)} <= set(
        read(place.database, "select user_id, movie_id from favourites")
    )
    assert len(read(place.database, f"from recommendations where user_id = {LARGEST - 5}")) == 3
    assert peak < 200e6


@pytest.mark.parametrize(
    "options",
    [
        {"taste_weight": float("inf")},
        {"taste_weight": float("nan")},
        {"taste_weight": 1e308},
        {"taste_weight": 21},
        {"sharpness": float("inf")},
        {"smoothing": float("inf")},
        {"smoothing": 1e308},
        {"elbow_boundary": float("inf")},
        {"elbow_boundary": float("nan")},
        {"near_weight": float("nan")},
        {"item_weight": float("nan")},
        {"recency": float("nan")},
        {"min_rating": float("nan")},
        {"max_drop": float("nan")},
        {"max_rejected_share": float("nan")},
        {"first_users": 10**30},
        {"first_movies": 10**30},
        {"min_cluster_size": 10**30},
        {"n_fine_clusters": 10**30},
        {"n_clusters": 10**9},
        {"n_neighbours": 10**9},
        {"elbow_users": 10**30},
        {"quality_users": 10**30},
        {"quality_users": 1},
        {"evaluate_users": 1},
        {"seed": 2**32},
        {"memory_limit": "0GB"},
        {"memory_limit": "1KB"},
        {"memory_limit": "99999999999999999999TB"},
        {"memory_limit": "4GB" + "0" * 10_000},
        {"source": "/a\0b"},
        {"database": "/a\udcffb"},
    ],
    ids=lambda options: str(options)[:50],
)
def test_such_options_are_refused(options):
    with pytest.raises(ValidationError):
        RetrainOptions(**options)


@pytest.mark.parametrize(
    "options",
    [{"seed": 2**32 - 1}, {"memory_limit": "100MB"}, {"memory_limit": "1.5 TiB"}, {"taste_weight": 20}],
    ids=str,
)
def test_what_is_just_allowed(options):
    assert RetrainOptions(**options)


def test_an_evaluation_of_too_few_users_names_its_own_option():
    with pytest.raises(ValidationError, match="evaluate_users"):
        EvaluateOptions(evaluate_users=1)


@pytest.mark.parametrize(
    "options", [{"seed": 2**32 - 1}, {"taste_weight": 20.0}, {"sharpness": 1000.0}, {"smoothing": 1e6}], ids=str
)
def test_scores_at_the_bounds_still_tell_movies_apart(options, place: Place):
    place.retrain(**options)
    [(n_scores, n_zero)] = read(
        place.database,
        "select count(distinct score), count(*) filter (score <= 0 or not isfinite(score)) from recommendations",
    )
    assert n_scores > 5
    assert n_zero == 0


def test_the_first_users_are_the_first_users_also_with_a_log(published_place: Place):
    place = published_place
    change_favourites(place.database, [(500, 1), (7, 11)])
    place.retrain(first_users=10, max_drop=1.0, n_neighbours=1)
    users = {user for (user,) in read(place.database, "select distinct user_id from favourites")}
    assert users == set(range(1, 11))
    assert (7, 11) in read(place.database, "select user_id, movie_id from favourites")


def test_more_clusters_than_users_are_told(place: Place):
    with pytest.raises(CineclusterError, match="users"):
        place.retrain(n_clusters=10_000)


HOSTILE: list[dict[str, Any]] = [
    {"source": "x\0y"},
    {"source": ["a"]},
    {"source": {"$ref": "#/definitions/x"}},
    {"database": "/proc/self/mem"},
    {"preset": "__class__"},
    {"n_clusters": "__import__('os').system('true')"},
    {"memory_limit": "1GB'; attach '/etc/passwd' as x; --"},
    {"min_rating": "NaN"},
    {"taste_weight": "Infinity"},
    {"__class__": 1},
    {"self": 1},
    {"seed": -1},
    {"exclude_seen": "perhaps"},
]


@pytest.mark.parametrize("parameters", HOSTILE, ids=str)
def test_parameters_of_a_deployment_are_values_and_nothing_else(parameters, place: Place):
    given = {"source": place.source, "database": place.database, "reports": place.reports} | parameters
    with pytest.raises((ValidationError, CineclusterError)):
        retrain.fn(**given)
    assert not place.database.exists()


@pytest.mark.parametrize("pairs", [[(10**30, 1)], [(-1, 1)], [(1, 2**31)], [(True, 0)]], ids=str)
def test_pairs_of_a_deployment_are_ids(pairs, database):
    with pytest.raises(CineclusterError, match="ids are whole numbers"):
        favourite.fn(pairs=pairs, database=database)
