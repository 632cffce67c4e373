"""The engine: blocks hold whole users, and what is made of blocks is what would be made of all users at once."""

import errno
import shutil
import threading
import time
from datetime import UTC, datetime

import duckdb
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tasks.blocks import Interactions, join_users, sum_parts
from tasks.engine.duckdb import (
    INTERRUPTED,
    DuckDBEngine,
    block_of,
    in_parallel,
    literal_path,
    machine_errors,
    parameters_of,
    statement,
    table_of,
)
from tasks.errors import CineclusterError
from tasks.model.types import Movies
from tasks.stations.interactions import FavouriteOptions, build_interactions, select_favourites

WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # each example is a database
RULES = FavouriteOptions(4.0, 0.5, True, None, None)
RATINGS = [  # user, movie, stars, seconds; users 8 and 11 have no favourite, nobody favours movie 99
    (7, 30, 4.0, 100), (7, 10, 3.5, 50), (7, 20, 5.0, None), (3, 20, 4.5, 10), (3, 99, 0.5, 20), (3, 30, 2.5, 30),
    (8, 10, 1.0, 40), (8, 20, 3.0, 41), (9, 10, 4.0, 60), (9, 20, 2.0, 61), (9, 30, 3.0, 62), (2, 30, 5.0, 1),
    (11, 10, 3.5, 70), (12, 20, 4.0, 80), (12, 10, 0.5, 81),
]  # fmt: skip
LOG = [(3, 30, 500, True), (9, 40, 600, True), (12, 20, 700, False), (12, 30, 701, True)]


def as_time(seconds):
    """The UTC time so many seconds after 1970."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def build(engine, ratings=RATINGS, log=LOG):
    """Make the tables that blocks are read from."""
    engine.run("source/ratings_empty")
    with engine.connect() as connection:
        for user, movie, stars, seconds in ratings:
            connection.execute("insert into ratings values ($1, $2, $3, $4)", [user, movie, stars, as_time(seconds)])
        connection.execute(
            "create table favourites_log (user_id int, movie_id int, changed_at timestamp, is_favourite bool)"
        )
        for user, movie, seconds, is_favourite in log:
            connection.execute(
                "insert into favourites_log values ($1, $2, $3, $4)", [user, movie, as_time(seconds), is_favourite]
            )
    select_favourites(engine, RULES)
    return build_interactions(engine)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """RATINGS and LOG in a file, and blocks of two users."""
    database = tmp_path_factory.mktemp("engine") / "build.duckdb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.engine.duckdb.BLOCK_USERS", 2)
        build(DuckDBEngine(database, threads=1))
    return database


@pytest.fixture
def engine(built, tmp_path):
    """A copy of the file, with blocks of two users."""
    shutil.copytree(built.parent, tmp_path / "copy")
    return DuckDBEngine(tmp_path / "copy" / built.name, "200MB", 1)


def by_hand(ratings, log):
    """What each user with favourites says of each favourited movie: {user: {movie: (weight, seconds)}}."""
    changes = {(user, movie): (seconds, is_favourite) for user, movie, seconds, is_favourite in log}
    said = {}
    for user, movie, stars, seconds in ratings:
        changed_at, is_favourite = changes.pop((user, movie), (0, stars >= 4))
        weight = 1 if is_favourite else 0.5 if 3 <= stars < 4 else 0
        said[user, movie] = weight, changed_at if is_favourite and stars < 4 else seconds or 0
    said |= {pair: (1, seconds) for pair, (seconds, is_favourite) in changes.items() if is_favourite}
    favourites = {pair for pair, (weight, _) in said.items() if weight == 1}
    users, movies = ({pair[place] for pair in favourites} for place in (0, 1))
    return {u: {m: what for (v, m), what in said.items() if v == u and m in movies} for u in sorted(users)}


def unfold(block, movie_ids):
    """A block as `by_hand` has it."""
    found = {}
    for row, user in enumerate(block.user_ids.tolist()):
        entries = slice(*block.weights.indptr[row : row + 2])
        columns, weights = block.weights.indices[entries], block.weights.data[entries]
        assert (np.diff(columns) > 0).all(), "ascending, none twice"
        found[user] = dict(
            zip(
                movie_ids[columns].tolist(),
                zip(weights.tolist(), block.seconds[entries].tolist(), strict=True),
                strict=True,
            )
        )
    return found


def test_blocks_hold_whole_users_in_order_and_what_a_join_by_hand_gives(engine):
    movies = Movies(*engine.arrays("model/movies_in_order").values(), 5)
    blocks = list(engine.blocks())
    assert [block.user_ids.tolist() for block in blocks] == [[2, 3], [7, 9], [12]]
    found = {user: row for block in blocks for user, row in unfold(block, movies.movie_ids).items()}
    assert found == by_hand(RATINGS, LOG)
    assert found[3] == {20: (1, 10), 30: (1, 500)}, "a rating of 2.5 that became a favourite counts from then on"
    assert found[12] == {10: (0, 81), 20: (0, 80), 30: (1, 701)}, "a favourite that was taken back is only seen"


@settings(max_examples=15, deadline=None, phases=WITHOUT_SHRINKING)
@given(st.data())
def test_blocks_of_any_ratings_are_what_a_join_by_hand_gives(tmp_path_factory, data):
    pairs = st.tuples(st.integers(1, 9), st.integers(1, 7))
    ratings = data.draw(st.dictionaries(pairs, st.tuples(st.integers(1, 10), st.integers(1, 99)), max_size=30))
    log = data.draw(st.dictionaries(pairs, st.tuples(st.integers(100, 199), st.booleans()), max_size=8))
    ratings = [(1, 1, 5.0, 3), *((*pair, s / 2, t) for pair, (s, t) in ratings.items() if pair != (1, 1))]
    log = [(*pair, *change) for pair, change in log.items() if pair != (1, 1)]
    engine = DuckDBEngine(tmp_path_factory.mktemp("any") / "build.duckdb", threads=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.engine.duckdb.BLOCK_USERS", data.draw(st.integers(1, 4)))
        movies = build(engine, ratings, log)
        found = {user: row for block in engine.blocks() for user, row in unfold(block, movies.movie_ids).items()}
    assert found == by_hand(ratings, log)


def test_columns_are_the_favourited_movies_most_favourited_first_then_by_id(engine):
    movies = build_interactions(engine)
    assert movies.movie_ids.tolist() == [30, 20, 10, 40]
    assert movies.n_fans.tolist() == [4, 2, 1, 1]
    assert movies.n_users == 5
    assert {block.weights.shape[1] for block in engine.blocks()} == {4}


def test_types_of_a_block(engine):
    block = next(engine.blocks())
    assert (block.user_ids.dtype, block.seconds.dtype) == (np.int32, np.int64)
    assert [a.dtype for a in (block.weights.data, block.weights.indices, block.weights.indptr)] == [
        np.float32,
        np.int32,
        np.int32,
    ]


def test_blocks_stored_again_replace_those_before(engine):
    engine.run("model/drop_interactions")
    assert [block.user_ids.tolist() for block in engine.blocks()] == [[2, 3], [7, 9], [12]], "nothing is read again"
    engine.run("model/interactions")
    with engine.connect() as connection:
        connection.execute("delete from favourites where user_id <> 9")
    engine.store_blocks()
    assert [block.user_ids.tolist() for block in engine.blocks()] == [[9]]


def test_duckdb_gives_pages_back_once_the_blocks_are_stored(engine):
    engine = engine._replace(memory_limit="500MB")
    with engine.connect() as connection:
        connection.execute("create or replace table wide as select hash(range) as h from range(12_000_000)")
        kept = "select sum(memory_usage_bytes) from duckdb_memory()"
        [(before,)] = connection.execute(kept).fetchall()
        engine.store_blocks()
        [(after,)] = connection.execute(kept).fetchall()
        [(limit,)] = connection.execute("select current_setting('memory_limit')").fetchall()
    assert before > 90e6
    assert after < 70e6
    assert limit == "476.8 MiB"


def test_block_of_sorts_entries_that_come_in_any_order():
    entries = {
        "user_id": np.array([8, 3, 8, 3]),
        "movie_position": np.array([2, 1, 0, 0]),
        "weight": np.array([1, 0.5, 0, 1], dtype=np.float32),
        "seconds": np.array([4, 3, 2, 1]),
    }
    block = block_of(np.array([3, 5, 8], dtype=np.int32), 3, entries)
    assert block.weights.indices.tolist() == [0, 1, 0, 2]
    assert block.weights.data.tolist() == [1, 0.5, 0, 1], "what was only seen is a stored 0"
    assert block.seconds.tolist() == [1, 3, 2, 4]
    assert block.weights.indptr.tolist() == [0, 2, 2, 4], "user 5 has nothing"


def first_is_slowest(block):
    """The ids of a block, and the odd ones with their numbers of entries; the first block takes longest."""
    time.sleep(0.1 if block.user_ids[0] == 2 else 0)
    is_odd = block.user_ids % 2 == 1
    yield {"user_id": block.user_ids}
    yield {"user_id": block.user_ids[is_odd], "n": np.diff(block.weights.indptr)[is_odd]}


def test_map_blocks_writes_in_the_order_of_blocks_and_counts_rows(engine, monkeypatch):
    ours = {"test/all": "insert into everybody from users", "test/odd": "insert into odd_users from odd"}
    monkeypatch.setattr("tasks.engine.duckdb.statement", lambda name: ours.get(name) or statement(name))
    parameters_of.cache_clear()
    with engine.connect() as connection:
        connection.execute("create table everybody (user_id int); create table odd_users (user_id int, n int)")
    expected = by_hand(RATINGS, LOG)
    odd = [(user, len(row)) for user, row in expected.items() if user % 2]
    assert 0 < len(odd) < len(expected)
    assert engine.map_blocks(first_is_slowest, {"users": "test/all", "odd": "test/odd"}) == [len(expected), len(odd)]
    with engine.connect() as connection:
        assert connection.execute("from everybody").fetchall() == [(user,) for user in expected]
        assert connection.execute("from odd_users").fetchall() == odd


def test_sum_blocks_is_the_sum_over_one_block_of_everybody(engine):
    def count(users: Interactions):
        return {"n": np.array([len(users.user_ids)]), "weights": users.weights.sum(axis=0), "s": users.seconds.sum()}

    found, expected = engine.sum_blocks(count), count(join_users(list(engine.blocks())))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_parts_are_summed_by_name():
    sums = sum_parts(iter([{"a": np.ones(2)}, {"b": np.eye(2)}, {"a": np.arange(2.0), "b": np.eye(2)}]))
    assert {name: array.tolist() for name, array in sums.items()} == {"a": [1, 2], "b": [[2, 0], [0, 2]]}


def test_few_blocks_are_in_memory_at_a_time():
    taken, done, lock = [], [], threading.Lock()

    def blocks():
        for number in range(20):
            with lock:
                taken.append(number)
                assert len(taken) - len(done) <= 4
            yield number

    def work(number):
        time.sleep(0.002 * (number % 3))
        return number

    for result in in_parallel(work, blocks(), 2):
        with lock:
            done.append(result)
    assert done == list(range(20))


def test_an_error_in_a_block_is_the_error_of_the_whole(engine):
    def fail(block):
        raise CineclusterError(f"user {block.user_ids[0]}")

    with pytest.raises(CineclusterError, match="user 2"):
        engine.sum_blocks(fail)


def test_run_arrays_and_write_take_the_parameters_that_a_statement_names(engine):
    engine.run("model/interaction_rules", **RULES._replace(min_rating=3.0)._asdict(), what_it_does_not_name=1)
    with engine.connect() as connection:
        assert connection.execute("from interaction_rules").fetchall() == [(3.0, 0.5, True)]
    assert engine.arrays("model/interaction_block", first=3, last=3)["user_id"].tolist() == [3, 3]
    with pytest.raises(KeyError, match="min_rating"):
        engine.run("model/interaction_rules", near_weight=0.5, exclude_seen=True)


def test_write_makes_a_table_of_arrays(engine, monkeypatch):
    monkeypatch.setattr("tasks.engine.duckdb.statement", lambda name: "create table made as from rows")
    parameters_of.cache_clear()
    engine.write("rows", {"a": np.array([2, 1]), "b": np.array([[0.5, 1], [2, 3]], dtype=np.float32)}, "test/make")
    with engine.connect() as connection:
        assert connection.execute("from made").fetchall() == [(2, [0.5, 1.0]), (1, [2.0, 3.0])]
    parameters_of.cache_clear()


def test_the_engine_keeps_to_its_memory_and_threads(engine):
    with engine.connect() as connection:
        found = connection.execute(
            "select current_setting('memory_limit'), current_setting('threads'), current_setting('enable_progress_bar')"
        ).fetchall()
    assert found == [("190.7 MiB", 1, False)]


def test_files_can_be_read_by_duckdb_1_5(engine):
    with engine.connect() as connection:
        [(tags,)] = connection.execute("select tags from duckdb_databases() where not internal").fetchall()
    assert tags["storage_version"].startswith("v1.5")


def test_rows_of_arrays_are_lists_and_of_no_columns_nulls():
    made = table_of(
        {
            "a": np.array([1, 2], dtype=np.int32),
            "b": np.asfortranarray([[1, 2, 3], [4, 5, 6]], dtype=np.float32),
            "c": np.zeros((2, 0), dtype=np.float32),
        }
    )
    assert made.to_pylist() == [{"a": 1, "b": [1, 2, 3], "c": None}, {"a": 2, "b": [4, 5, 6], "c": None}]
    assert [str(field.type) for field in made.schema] == [
        "int32",
        "list<item: float>",
        "list<item: float>",
    ]


def test_what_is_masked_is_not_in_a_list():
    ids = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], dtype=np.int32)
    made = table_of({"a": np.ma.array(ids, mask=ids % 2 == [[0], [0], [1]])})
    assert made["a"].to_pylist() == [[1, 3], [5], [8]]
    made = table_of({"a": np.ma.array(ids, mask=np.ones((3, 3), dtype=bool))})
    assert made["a"].to_pylist() == [[], [], []]
    assert str(made.schema[0].type) == "list<item: int32>"


def test_parameters_are_those_that_a_statement_names_outside_of_its_comments():
    assert parameters_of("model/interaction_rules") == {"min_rating", "near_weight", "exclude_seen"}
    assert "$min_rating stars" in statement("model/favourites")
    assert parameters_of("model/favourites") == {"min_rating", "first_movies", "first_users"}
    assert parameters_of("model/movie_positions") == set()


@pytest.mark.parametrize("name", ["plain.csv", "some*.csv", "[a]?.csv", "[*]", "x]y["])
def test_a_literal_path_names_that_file_alone(tmp_path, name):
    for other in ("plain.csv", "some.csv", "somewhere.csv", "ab.csv", "x]y[", name):
        (tmp_path / other).write_text(f"name\n{other}\n", encoding="utf-8")
    read = duckdb.execute("select name from read_csv($1, header = true)", [literal_path(tmp_path / name)]).fetchall()
    assert read == [(name,)]


def test_too_little_memory_is_an_error_with_the_remedy(tmp_path):
    with (
        pytest.raises(CineclusterError, match=r"^Out of memory: .*--memory-limit.* published tables stay as they are"),
        machine_errors(),
        DuckDBEngine(tmp_path / "build.duckdb", "2MB").connect() as connection,
    ):
        connection.execute("set temp_directory = ''")
        connection.execute("create table much as select range, md5(range::varchar) from range(3000000)")


@pytest.mark.parametrize(
    "error",
    [
        duckdb.IOException("Could not write file: No space left on device"),
        duckdb.FatalException("x"),
        duckdb.TransactionException("x"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EROFS, "Read-only file system"),
    ],
)
def test_too_little_disk_is_an_error_with_the_remedy(error):
    with (
        pytest.raises(CineclusterError, match=r"Is the disk full, or the folder read-only\?") as found,
        machine_errors(),
    ):
        raise error
    assert found.value.__cause__ is error


def test_a_query_that_ctrl_c_has_ended_is_an_interrupt():
    with pytest.raises(KeyboardInterrupt), machine_errors():
        raise RuntimeError(INTERRUPTED)


@pytest.mark.parametrize(
    "error", [OSError(errno.EPIPE, "Broken pipe"), RuntimeError("x"), ValueError("x"), duckdb.ParserException("x")]
)
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error)) as found, machine_errors():
        raise error
    assert found.value is error
