"""The summary of a run's ratings."""

from tasks.engine.duckdb import run
from tests.conftest import favour, rate, rows


def test_summary_counts_what_is_there(memory):
    rate(memory, [(1, 10, 4.0), (1, 20, 2.0), (2, 10, 5.0), (3, 30, 1.0)])
    favour(memory)
    memory.execute("insert into rejected_rows values ('ratings.csv', 2, 'bad', ''), ('links.csv', 3, 'bad', '')")
    run(memory, "published/ratings_summary", run_id="r1", n_rows_read=9, n_rejected=3, n_superseded=2)
    names = [column[0] for column in memory.execute("from ratings_summary").description]
    assert dict(zip(names, rows(memory, "from ratings_summary")[0], strict=True)) == {
        "run_id": "r1",
        "n_rows_read": 9,
        "n_rejected": 3,
        "n_rejected_movie_rows": 1,
        "n_superseded": 2,
        "n_ratings": 4,
        "n_favourites": 2,
        "n_users": 3,
        "n_users_with_favourites": 2,
        "n_movies": 3,
        "n_movies_favourited": 1,
    }
