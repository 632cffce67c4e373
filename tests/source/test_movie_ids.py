"""Files of movie ids: text or CSV, with a header or without, and what is wrong with a line."""

import numpy as np
import pytest

from tasks.errors import CineclusterError
from tasks.source.movie_ids import read_movie_ids, read_movie_rules


@pytest.mark.parametrize(
    "text",
    [
        "3\n1\n20\n",
        "3\r\n1\r\n\r\n20",
        "\ufeffmovieId\n3\n1\n20\n3\n",
        "movie_id,why\n3,licence\n1,\n20,shop\n",
        'title,Movie ID\n"Rocket, the first",3\nWaltz,1\n" ",20\n',
        "id\n 3\n1 \n20\n",
        "3,licence\n1,shop\n20,shop\n",
    ],
)
def test_ids_are_read_in_ascending_order_and_once(text, tmp_path):
    path = tmp_path / "blocked.txt"
    path.write_text(text, encoding="utf-8", newline="")
    found = read_movie_ids(path)
    assert (found.tolist(), found.dtype) == ([1, 3, 20], np.int32)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"3\nmany\n1\n", r"ids.csv line 2: 'many' is not a movie id, a whole number from 1 to 2147483647"),
        (b"film\n3\n", "ids.csv line 1: 'film' is not a movie id"),
        (b"movie_id\n\n0\n", "ids.csv line 3: '0' is not"),
        (b"1\n2147483648\n", "ids.csv line 2: '2147483648' is not"),
        (b"1\n99999999999999999999999999\n", "ids.csv line 2: '9999"),
        (b"1.0\n", "ids.csv line 1: '1.0' is not"),
        ("1\n²\n".encode(), "ids.csv line 2: '²' is not"),
        (b"why,movie_id\nlicence\n", "ids.csv line 2: '' is not"),
        (b"1\n2\n\xff\n", "ids.csv line 3: is no text in UTF-8"),
    ],
)
def test_a_bad_line_is_told_by_file_and_line(content, said, tmp_path):
    (tmp_path / "ids.csv").write_bytes(content)
    with pytest.raises(CineclusterError, match=said):
        read_movie_ids(tmp_path / "ids.csv")


def test_a_missing_file_and_one_without_any_available_movie_are_errors(tmp_path):
    with pytest.raises(CineclusterError, match=r"none.txt: cannot be read: No such file or directory"):
        read_movie_rules(None, tmp_path / "none.txt")
    (tmp_path / "empty.txt").write_text("movie_id\n")
    assert read_movie_rules(None, tmp_path / "empty.txt").blocked.tolist() == []
    with pytest.raises(CineclusterError, match=r"empty.txt: holds no movie id"):
        read_movie_rules(tmp_path / "empty.txt", None)
