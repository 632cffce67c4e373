"""Files of 0.1.0: they are read, retrained over and rolled back to, and their log of favourites stays.

tests/data/0.1.0 has what that release published of `two_tastes`, with two favourites added since: user 2, movie 1 and
the new user 500, movie 3.
"""

import gzip
import os
from pathlib import Path
from shutil import copy

import duckdb
import pytest

from flows.cli import main
from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.favourites.log import log_of, read_log
from tasks.published.checks import counts_before
from tasks.published.export import export_tables
from tasks.published.publish import published_runs, versions
from tasks.published.read import first_user, look_up
from tests.conftest import publish

DATA = Path(__file__).parents[1] / "data" / "0.1.0"
[OVERLAY] = DATA.glob("overlay-*.json")
RUN_ID = OVERLAY.stem.removeprefix("overlay-")
ADDED = {(2, 1), (500, 3)}


@pytest.fixture
def database(tmp_path) -> Path:
    """The published file, with its version, its log and what changed since."""
    database, folder = tmp_path / "films.duckdb", tmp_path / ".films"
    folder.mkdir()
    database.write_bytes(gzip.decompress((DATA / "films.duckdb.gz").read_bytes()))
    os.link(database, folder / f"{RUN_ID}.duckdb")
    copy(OVERLAY, folder)
    copy(DATA / "films-favourites.csv", tmp_path)
    return database


def favourites(database: Path, table: str = "favourites") -> set[tuple[int, int]]:
    with duckdb.connect(database, read_only=True) as connection:
        return set(connection.execute(f"select user_id, movie_id from {table}").fetchall())  # noqa: S608


def test_it_is_read_with_the_favourites_since(database, tmp_path):
    found = look_up(database, 2, 20)
    assert "Rocket 1 (1951)" in [movie.title for movie in found.favourites]
    assert [movie.rank for movie in found.recommendations][:3] == [1, 2, 3]
    assert {(len(movie.because), movie.people) for movie in found.recommendations} == {(0, None)}, "it does not say why"
    assert look_up(database, 500, 3).n_favourites == 1
    assert first_user(database) == 1
    assert counts_before(database)["n_users_with_favourites_before"] == 20
    assert published_runs(database)["run_id"].to_list() == [RUN_ID]
    assert export_tables(database, tmp_path / "parquet")["favourites"] == 116


def test_it_follows_no_new_favourites_and_says_what_to_do(database):
    before = log_of(database).read_bytes()
    with pytest.raises(CineclusterError, match=r"cannot follow new favourites\. `cinecluster retrain` once\."):
        change_favourites(database, [(4, 1)])
    assert log_of(database).read_bytes() == before
    assert change_favourites(database, []) == 0


def test_a_retrain_over_it_has_its_log_and_its_history_and_can_be_rolled_back(database, capsys):
    made = publish(database)
    assert published_runs(database)["run_id"].to_list() == [RUN_ID, made.run_id]
    assert [path.stem for path in versions(database)] == [made.run_id, RUN_ID]
    assert favourites(database, "favourites_retrained") >= ADDED
    assert RUN_ID in (made.reports / "index.html").read_text(encoding="utf-8"), "it is compared with"
    change_favourites(database, [(4, 1)])
    lines = len(read_log(database))

    with pytest.raises(SystemExit) as ended:
        main(["rollback", "--database", str(database), "--reports", str(made.reports)])
    assert not ended.value.code
    assert f"is run {RUN_ID} again." in " ".join(capsys.readouterr().out.split())
    assert (made.reports / "elbow.png").read_text() == "picture of 0.1.0"
    assert len(read_log(database)) == lines == 3
    assert look_up(database, 2, 20).n_favourites == len({pair for pair in favourites(made.build) if pair[0] == 2})

    again = publish(database)
    assert favourites(database, "favourites_retrained") >= ADDED | {(4, 1)}
    assert published_runs(database)["run_id"].to_list() == [RUN_ID, again.run_id]
