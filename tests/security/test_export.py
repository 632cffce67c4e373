"""An export replaces the files of an earlier export and no others."""

import pytest

from tasks.errors import CineclusterError
from tasks.published.export import export_tables


def test_ratings_of_a_source_are_not_overwritten(published, tmp_path):
    (tmp_path / "ratings.parquet").write_bytes(b"PAR1 somebody's ratings PAR1")
    with pytest.raises(CineclusterError, match=r"ratings\.parquet: not from an export.*Choose another folder"):
        export_tables(published.database, tmp_path)
    assert (tmp_path / "ratings.parquet").read_bytes() == b"PAR1 somebody's ratings PAR1"
    assert [path.name for path in tmp_path.iterdir()] == ["ratings.parquet"], "refused before anything is written"


def test_a_link_in_the_place_of_a_file_is_not_followed(published, tmp_path):
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "movies.parquet").symlink_to(tmp_path / "kept")
    with pytest.raises(CineclusterError, match=r"movies\.parquet: not from an export"):
        export_tables(published.database, tmp_path / "out")
    assert (tmp_path / "kept").read_text() == "kept"


def test_an_earlier_export_is_replaced(published, tmp_path):
    assert export_tables(published.database, tmp_path) == export_tables(published.database, tmp_path)
