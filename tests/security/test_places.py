"""What is in the places that are written to and is not ours is not touched: it is refused before work begins."""

import os
import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tasks.errors import CineclusterError
from tasks.favourites.change import change_favourites
from tasks.published.export import export_tables
from tasks.published.folder import REPORTS
from tasks.published.publish import history, new_build, restore_reports, roll_back
from tasks.published.read import look_up
from tasks.published.versions import versions_of
from tasks.report.page import CAPTIONS, PAGE
from tasks.source.demo_source import make_demo_source
from tasks.stations.evaluation import prepare_places, publish_evaluation
from tests.security.conftest import Place, copy_of
from tests.security.test_overlay import read


def content_of(folder: Path) -> dict[str, bytes]:
    """Return what every file below a folder holds."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["index.html", "genres.png"])
def test_somebodys_page_or_picture_is_not_replaced(name, place: Place):
    place.reports.mkdir()
    (place.reports / name).write_text("mine")
    with pytest.raises(CineclusterError, match=f"reports/{name}: is not a file of an earlier run.*another --reports"):
        place.retrain()
    assert content_of(place.reports) == {name: b"mine"}
    assert not place.database.exists(), "refused before work begins"


def test_links_are_not_followed(place: Place, tmp_path):
    (tmp_path / "victim").write_text("mine")
    place.reports.mkdir()
    for name in (".genres.png.new", ".index.html.new"):
        (place.reports / name).symlink_to(tmp_path / "victim")
    place.retrain()
    assert (tmp_path / "victim").read_text() == "mine"
    (place.reports / "genres.png").unlink()
    (place.reports / "genres.png").symlink_to(tmp_path / "victim")
    with pytest.raises(CineclusterError, match=r"genres\.png: is not a file of an earlier run"):
        place.retrain()
    assert (tmp_path / "victim").read_text() == "mine"


def test_pictures_of_earlier_runs_are_replaced_also_those_of_another_database(place: Place):
    place.retrain()
    (place.reports / "notes.txt").write_text("mine")
    other = place._replace(database=place.database.with_name("other.duckdb"))
    other.retrain()
    before = (place.reports / "index.html").read_bytes()
    place.retrain(seed=1)
    assert (place.reports / "index.html").read_bytes() != before
    assert (place.reports / "notes.txt").read_text() == "mine"


def test_pictures_that_a_release_before_left_are_known_by_the_tables(place: Place):
    place.retrain()
    (place.reports / ".cinecluster-reports").unlink()
    place.retrain(seed=1)


def test_a_page_that_somebody_wrote_over_ours_is_kept(place: Place):
    place.retrain()
    (place.reports / "index.html").write_text("mine")
    for command in (place.retrain, lambda: restore_reports(place.database, place.reports)):
        with pytest.raises(CineclusterError, match=r"index\.html: is not a file of an earlier run"):
            command()
    assert (place.reports / "index.html").read_text() == "mine"


def test_the_names_of_the_reports_are_those_of_the_page():
    assert set(REPORTS) | {"evaluation.png"} == {PAGE, *CAPTIONS}


def test_a_hostile_file_puts_no_other_names_into_the_folder_of_the_reports(published, tmp_path):
    copy = copy_of(published.database, tmp_path / "hostile.duckdb")
    with duckdb.connect(copy) as connection:
        connection.execute("insert into reports values ('../.bashrc', 'x'), ('.bashrc', 'x'), ('index.html/', 'x')")
    with pytest.raises(CineclusterError, match="not a database of cinecluster: it has a report"):
        restore_reports(copy, tmp_path / "reports")
    assert content_of(tmp_path / "reports") == {}
    assert not (tmp_path / ".bashrc").exists()


def test_an_evaluation_replaces_its_own_picture_only(tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "evaluation.png").write_text("mine")
    with pytest.raises(CineclusterError, match=r"evaluation\.png: is not a file of an earlier run"):
        prepare_places(tmp_path / "evaluation.duckdb", tmp_path / "reports")
    row = ("random", "cinecluster", "ndcg", 0.3, 0.2, 0.4)
    measured = pl.DataFrame([row], ["split", "recommender", "metric", "value", "low", "high"], orient="row")
    with pytest.raises(CineclusterError, match=r"evaluation\.png: is not a file of an earlier run"):
        publish_evaluation(measured, tmp_path / "evaluation.duckdb", tmp_path / "reports")
    assert (tmp_path / "reports" / "evaluation.png").read_text() == "mine"


def test_a_folder_called_demo_that_is_not_ours_is_kept(place: Place):
    demo = place.database.parent / "demo"
    demo.mkdir(parents=True)
    (demo / "movies.csv").write_text("mine")
    with pytest.raises(CineclusterError, match=r"demo: holds files but no ratings\.csv"):
        place._replace(source=None).retrain()
    assert content_of(demo) == {"movies.csv": b"mine"}


def test_demo_data_do_not_replace_what_was_made_from_a_source(published_place: Place):
    before = published_place.database.read_bytes()
    with pytest.raises(CineclusterError, match=r"was made from .*, and demo data would take its place"):
        published_place._replace(source=None).retrain()
    assert published_place.database.read_bytes() == before
    assert not (published_place.database.parent / "demo").exists()


def test_demo_data_are_made_whole_or_not_at_all(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tasks.source.demo_data._write_ratings", fail)
        with pytest.raises(KeyboardInterrupt):
            make_demo_source(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "demo").mkdir()
    assert (make_demo_source(tmp_path / "demo") / "ratings.csv").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


@pytest.mark.parametrize("name", ["2023.duckdb", "build-notes.txt", "build-it", "overlay-a.json", "anything"])
def test_a_folder_of_somebody_in_the_place_of_the_versions_is_kept(name, place: Place):
    database = place.database.with_name("archive.duckdb")
    versions = versions_of(database)
    versions.mkdir(parents=True)
    assert versions.name == ".archive"
    (versions / name).write_text("mine")
    with pytest.raises(CineclusterError, match=r"\.archive: holds .*not of cinecluster.*another --database"):
        place._replace(database=database).retrain()
    assert content_of(versions) == {name: b"mine"}


def test_a_copy_beside_a_folder_of_somebody_takes_no_favourites(published, tmp_path):
    copy = copy_of(published.database, tmp_path / "archive.duckdb")
    (tmp_path / ".archive").mkdir()
    (tmp_path / ".archive" / "photo.jpg").write_text("mine")
    for command in (lambda: change_favourites(copy, [(2, 1)]), lambda: roll_back(copy, tmp_path / "reports")):
        with pytest.raises(CineclusterError, match="not of cinecluster"):
            command()
    assert content_of(tmp_path / ".archive") == {"photo.jpg": b"mine"}


def test_a_database_that_is_none_leaves_no_folder_behind(place: Place, tmp_path):
    (tmp_path / "passwd").write_text("root:x:0:0")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    for name in ("passwd", "folder", "pipe"):
        with pytest.raises(CineclusterError, match=f"{name}: (cannot be read as a database|is a folder|is no file)"):
            place._replace(database=tmp_path / name).retrain()
        with pytest.raises(CineclusterError, match=f"{name}: (cannot be read as a database|is a folder|is no file)"):
            prepare_places(tmp_path / name, tmp_path / "reports")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["data [old]", "a*b [x] new\nline it's quo\"te $run_id \u2603 \u202e; x"])
def test_a_folder_may_have_any_name(name, source, tmp_path):
    folder = tmp_path / name
    place = Place(folder / "source", folder / "films.duckdb", folder / "reports")
    shutil.copytree(source, place.source)
    place.retrain()
    change_favourites(place.database, [(2, 1), (500, 3)])
    assert {(2, 1), (500, 3)} <= set(read(place.database, "select user_id, movie_id from favourites"))
    assert look_up(place.database, 500, 3).n_favourites == 1
    assert export_tables(place.database, folder / "out")["favourites"] > 0
    place.retrain()
    assert {(2, 1), (500, 3)} <= set(read(place.database, "select user_id, movie_id from favourites_retrained"))
    roll_back(place.database, place.reports)
    assert len(history(place.database)) == 1


@pytest.mark.parametrize("option", ["source", "database", "reports"])
@pytest.mark.parametrize(
    ("name", "error"),
    [(b"\xff\xfe", "is not UTF-8"), (b"back\\slash", "has a backslash"), (b"wh?at", "or question mark")],
)
def test_a_name_that_cannot_be_used_is_refused_before_work_begins(option, name, error, place: Place):
    path = Path(os.fsdecode(os.fsencode(place.database.parent) + b"/" + name))
    if option == "source":
        path.mkdir(parents=True)
    before = sorted(place.database.parent.parent.rglob("*"))
    with pytest.raises((CineclusterError, ValueError), match=error):
        place._replace(**{option: path}).retrain()
    assert sorted(place.database.parent.parent.rglob("*")) == before


def test_such_a_database_is_refused_by_the_other_commands(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.duckdb"))
    path.touch()
    with pytest.raises(CineclusterError, match="is not UTF-8"):
        look_up(path, 1, 1)
    with pytest.raises(CineclusterError, match="is not UTF-8"), new_build(path):
        pass
