"""`--publish parquet`: the same tables and answers, with Parquet files that come and go with their version."""

import shutil
from pathlib import Path

import duckdb
import pytest

from tasks.app.store import Store
from tasks.engine.duckdb import run
from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.favourites.forget import forget_user
from tasks.published.export import export_tables
from tasks.published.parquet import LARGE, parquet_reader, row_group_size
from tasks.published.publish import history, new_build, publish_tables, published_runs, roll_back
from tasks.published.read import connect_to_published, look_up
from tasks.published.status import read_status, read_versions
from tasks.published.versions import parquet_files_of, parquet_of, versions_of
from tests.conftest import Made, connect, publish, rows

RELATIONS = "select table_name from information_schema.tables where table_catalog = current_database() order by all"
DESCRIBED = (
    "from duckdb_columns() select table_name, column_name, data_type, comment where database_name = 'published'",
    "from duckdb_functions() select function_name, parameters where database_name = 'published'",
    "from (select table_name, comment from duckdb_tables() where database_name = 'published' union all "
    "select view_name, comment from duckdb_views() where database_name = 'published') "
    "select table_name, split(comment, ' [run ')[1]",
)
OF_THE_RUN = {"overlay", "ratings_summary", "reports", "runs"}
STORED = [f"from {name} order by all" for name in ("ratings", "held_out_quality", "favourites_log")] + [
    f"from {name}_retrained order by all" for name in ("favourites", "user_clusters", "recommendations")
]
ASKED = ["from recommend(1)", "from recommend(99)", "from why(2, n := 3)"]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    """What a retrain publishes as Parquet, in a folder with glob characters; not to be changed."""
    return publish(tmp_path_factory.mktemp("parquet") / "year=1 [it's]" / "films.duckdb", publish="parquet")


@pytest.fixture
def copied(made, tmp_path) -> Path:
    """A copy of all of its folder in another place."""
    return Path(shutil.copytree(made.database.parent, tmp_path / "moved")) / made.database.name


def content(database: Path) -> dict[str, list]:
    """Return the rows of all tables and views, what the file says of them, and what macros answer."""
    with connect_to_published(database) as connection:
        names = [name for (name,) in rows(connection, RELATIONS) if name not in OF_THE_RUN]
        queries = [f"from {name} order by all" for name in names] + [f"{query} order by all" for query in DESCRIBED]
        return {query: rows(connection, query) for query in queries + ASKED}


def test_tables_macros_and_comments_are_those_of_a_file(made, good_tables):
    assert content(made.database) == content(good_tables.database)
    assert {path.stem for path in parquet_files_of(made.database)} == set(LARGE)
    with duckdb.connect(made.database, read_only=True) as connection:  # and somebody who only has DuckDB reads them
        assert rows(connection, "select count(*) from recommendations") == [(60,)]
        tables = rows(connection, "select table_name from duckdb_tables() where database_name = current_database()")
    assert not {f"{name}{end}" for name in LARGE for end in ("", "_retrained")} & {name for (name,) in tables}


def test_the_build_is_small_and_complete(made):
    database_size = "select used_blocks, total_blocks from pragma_database_size()"
    with duckdb.connect(made.database, read_only=True) as connection:
        [(used, total)] = rows(connection, database_size)
    assert total - used < 3
    assert not list(versions_of(made.database).glob("build-*"))


def test_all_that_reads_reads_a_moved_folder(copied, good_tables, tmp_path):
    assert look_up(copied, 1, 3) == look_up(good_tables.database, 1, 3)
    assert read_status(copied).n_recommendations == 60
    [version] = read_versions(copied)
    assert version.n_bytes == copied.stat().st_size + sum(path.stat().st_size for path in parquet_files_of(copied))
    assert export_tables(copied, tmp_path / "out")["ratings"] == len(content(copied)["from ratings order by all"])
    _, person = Store(copied).person(1)
    assert len(person.favourites) == look_up(copied, 1, 3).n_favourites


def test_favourites_since_are_followed(copied, good_tables, tmp_path):
    file = Path(shutil.copytree(good_tables.database.parent, tmp_path / "file")) / good_tables.database.name
    for database in (copied, file):
        assert change_favourites(database, [(2, 1), (500, 3)]) == 2
    for query in ("select user_id, movie_id from favourites order by all", "from recommendations order by all", *ASKED):
        with connect_to_published(copied) as one, connect_to_published(file) as other:
            assert rows(one, query) == rows(other, query)
    assert look_up(copied, 500, 3).n_favourites == 1


def test_the_file_alone_says_what_is_missing(made, tmp_path):
    alone = Path(shutil.copy(made.database, tmp_path / "alone.duckdb"))
    for command in (
        lambda: look_up(alone, 1, 3),
        lambda: read_status(alone),
        lambda: change_favourites(alone, [(1, 2)]),
    ):
        with pytest.raises(
            CineclusterError,
            match=rf"alone.duckdb: its table \w+ is a Parquet file, .*/\.alone/{made.run_id}.parquet/\w+.parquet. Copy",
        ):
            command()


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("no table")])
def test_a_lost_or_damaged_file_is_named(damage, copied):
    damage(parquet_of(copied, history(copied)[-1]) / "recommendations.parquet")
    with pytest.raises(CineclusterError, match=r"its table recommendations is a Parquet file, and cannot be read"):
        look_up(copied, 1, 3)


def test_a_forgotten_user_is_in_no_file(copied):
    before = content(copied)
    forgotten = forget_user(copied, copied.parent / "reports", 2)
    after = content(copied)
    for path in parquet_files_of(copied):
        query = f"from {path.stem} order by all"
        assert after[query] == [row for row in before[query] if row[0] != 2]
        assert duckdb.read_parquet(str(path)).filter("user_id = 2").fetchall() == []
    assert forgotten.n_rows == sum(len(before[query]) - len(after[query]) for query in STORED)
    assert [path.suffix for path in parquet_files_of(copied)[0].parent.iterdir()] == [".parquet"] * 4


def test_a_version_comes_back_with_its_files(copied, made):
    before = content(copied)
    second = publish_one(copied)
    assert folders(copied) == [made.run_id, second]
    assert roll_back(copied, copied.parent / "reports") == made.run_id
    assert content(copied) == before
    roll_back(copied, copied.parent / "reports", second)
    (parquet_of(copied, made.run_id) / "ratings.parquet").unlink()
    with pytest.raises(CineclusterError, match="its table ratings is a Parquet file"):
        roll_back(copied, copied.parent / "reports")
    assert history(copied)[-1] == second


@pytest.mark.parametrize(("n_rows", "size"), [(0, 2048), (4_000, 2048), (10**6, 31_622), (10**9, 10**6)])
def test_row_groups_grow_with_their_number(n_rows, size):
    assert row_group_size(n_rows, 1000) == size


def publish_one(database: Path, keep: int = 2) -> str:
    """Publish a run with the table ratings as a Parquet file; return its run_id."""
    with new_build(database) as build:
        before, folder = published_runs(database), parquet_of(database, build.run_id)
        folder.mkdir()
        with connect(build.database) as connection:
            run(connection, "published/runs")
            connection.register("before", before)
            connection.execute("insert into runs by name from before")
            connection.execute("insert into runs (run_id) values ($1)", [build.run_id])
            run(connection, "report/reports")
            connection.execute(f"copy (select '{build.run_id}' as run_id) to '{folder}/ratings.parquet'")
            connection.execute(f"create view ratings as from {parquet_reader(folder, 'ratings')}")
        publish_tables(build, database, keep)
    return build.run_id


def folders(database: Path) -> list[str]:
    """Return the runs that have Parquet files."""
    return sorted({path.parent.stem for path in parquet_files_of(database)})


def test_files_go_with_their_version(tmp_path):
    database = tmp_path / "films.duckdb"
    runs = [publish_one(database) for _ in range(4)]
    assert folders(database) == sorted(runs[2:])


def test_a_reader_keeps_the_files_of_what_it_has_opened(tmp_path):
    database = tmp_path / "films.duckdb"
    first = publish_one(database, keep=1)
    with duckdb.connect(versions_of(database) / f"{first}.duckdb", read_only=True) as reader:
        second = publish_one(database, keep=1)
        assert rows(reader, "from ratings") == [(first,)]
    with new_build(database):
        assert folders(database) == [second]


def test_a_run_that_fails_leaves_no_files(tmp_path):
    database = tmp_path / "films.duckdb"
    first = publish_one(database)
    with pytest.raises(ZeroDivisionError), new_build(database) as build:
        parquet_of(database, build.run_id).mkdir()
        1 / 0  # noqa: B018
    assert [path.name for path in versions_of(database).glob("*.parquet")] == [f"{first}.parquet"]


def test_what_a_killed_run_left_is_removed_and_the_published_files_never(tmp_path):
    database = tmp_path / "films.duckdb"
    first = publish_one(database)
    (versions_of(database) / f"{first}.duckdb").unlink()
    left = parquet_of(database, "20260101T000000-dead")
    left.mkdir()
    (left / "ratings.parquet").touch()
    with new_build(database):
        assert folders(database) == [first]
    with connect_to_published(database) as connection:
        assert rows(connection, "from ratings") == [(first,)]
