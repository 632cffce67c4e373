"""The API: what it answers, to whom, and what it refuses."""

import re
import shutil
import socket
import threading

import pytest

from flows.api.app import ServeOptions, serve_published, token_given
from flows.cli import main
from tasks.errors import CineclusterError
from tasks.favourites.log import log_of
from tasks.published.filters import NONE_LEFT
from tests.conftest import TITLES, publish
from tests.flows.api_client import BEARER, client_of


@pytest.fixture
def database(good_tables, tmp_path):
    """Published tables of a test's own."""
    return shutil.copy(good_tables.database, tmp_path / "films.duckdb")


@pytest.fixture
def client(database):
    """A server that may change favourites."""
    with client_of(database) as client:
        yield client


def test_recommendations_are_movies_with_all_that_is_known_of_them(client):
    answer = client.get("/users/1/recommendations?n=2").json()
    assert (answer["user_id"], answer["is_personal"], answer["note"]) == (1, True, None)
    assert answer["cluster"]["name"]
    assert [row["rank"] for row in answer["recommendations"]] == [1, 2]
    first = answer["recommendations"][0]
    assert first["title"] == TITLES[first["movie_id"]][0]
    assert "|".join(first["genres"]) == TITLES[first["movie_id"]][1]
    assert str(first["year"]) in first["title"]


def test_somebody_unknown_gets_the_overall_favourites_and_is_told_so(client):
    answer = client.get("/users/424242/recommendations").json()
    assert (answer["is_personal"], answer["cluster"]) == (False, None)
    assert answer["note"] == "User 424242 has no favourites: these are the favourites of all users."
    assert len(answer["recommendations"]) == 16
    assert client.get("/users/424242").status_code == 404


@pytest.mark.parametrize("query", ["", "?n=1", "?n=3"])
def test_the_shorter_way_says_what_the_longer_one_does(client, query):
    for user_id in (1, 2, 99, 424242):
        short = client.get(f"/users/{user_id}/recommendations{query}")
        long = client.get(f"/users/{user_id}/recommendations{query}{'&' if query else '?'}why=false")
        assert short.json() == long.json()
        assert short.headers == long.headers


def test_filters_leave_movies_out(client):
    path = "/users/424242/recommendations"
    titles = [
        row["title"] for row in client.get(f"{path}?genre=Drama&from_year=1962&exclude=13").json()["recommendations"]
    ]
    assert sorted(titles) == [f"Waltz {movie} (19{50 + movie})" for movie in range(12, 19) if movie != 13]
    both = client.get(f"{path}?genre=Drama&genre=Action&n=100").json()["recommendations"]
    assert len(both) == 16
    assert client.get(f"{path}?to_year=1900").json()["recommendations"] == []


def test_reasons_are_said_when_asked_for(client):
    assert client.get("/users/1/recommendations").json()["recommendations"][0]["because"] is None
    own = {row["movie_id"] for row in client.get("/users/1").json()["favourites"]}
    rows = client.get("/users/1/recommendations?why=true").json()["recommendations"]
    assert any(row["because"] for row in rows)
    assert {reason["movie_id"] for row in rows for reason in row["because"]} <= own
    strange = client.get("/users/424242/recommendations?why=true").json()["recommendations"]
    assert [row["because"] for row in strange] == [[] for _ in strange]


def test_a_favourite_is_in_the_next_answer_and_can_be_taken_back(client, database):
    best = client.get("/users/1/recommendations").json()["recommendations"][0]["movie_id"]
    path = f"/users/1/favourites/{best}"
    done = {"user_id": 1, "movie_id": best, "is_favourite": True, "was_recorded": True}
    assert client.post(path, headers=BEARER).json() == done
    assert client.post(path, headers=BEARER).json() == done | {"was_recorded": False}
    assert best not in [row["movie_id"] for row in client.get("/users/1/recommendations").json()["recommendations"]]
    favourites = client.get("/users/1").json()["favourites"]
    assert favourites[0]["movie_id"] == best, "the last comes first"
    assert client.delete(path, headers=BEARER).json() == done | {"is_favourite": False}
    assert best not in [row["movie_id"] for row in client.get("/users/1").json()["favourites"]]
    assert [line.rpartition(",")[2] for line in log_of(database).read_text().splitlines()] == [
        "change",
        "add",
        "remove",
    ]


def test_somebody_new_has_recommendations_after_the_first_favourite(client):
    assert client.post("/users/700/favourites/3", headers=BEARER).status_code == 200
    answer = client.get("/users/700/recommendations").json()
    assert answer["is_personal"]
    assert answer["recommendations"][0]["movie_id"] < 9, "another rocket"


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic c2l4dGVlbg=="}, {"Authorization": "é"}]
)
def test_without_the_token_nothing_is_changed(client, database, headers):
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    for method in ("POST", "DELETE"):
        answer = client.request(method, "/users/1/favourites/3", headers=sent)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert not log_of(database).exists()


def test_without_a_token_on_the_server_the_routes_are_off(database):
    with client_of(database, token=None) as client:
        assert client.post("/users/1/favourites/3", headers=BEARER).status_code == 404
        assert "/users/{user_id}/favourites/{movie_id}" not in client.get("/openapi.json").json()["paths"]
        assert client.get("/explore/sign-in").status_code == 404


def test_a_short_token_is_refused(monkeypatch):
    monkeypatch.setenv("CINECLUSTER_API_TOKEN", "short")
    with pytest.raises(CineclusterError, match="shorter than 16 characters"):
        token_given()
    monkeypatch.setenv("CINECLUSTER_API_TOKEN", "")
    assert token_given() is None


def test_movies_are_found_by_words_of_their_titles(client):
    assert [row["movie_id"] for row in client.get("/movies", params={"q": "WALTZ 12"}).json()] == [12]
    rockets = [row["movie_id"] for row in client.get("/movies", params={"q": "rocket", "n": 3}).json()]
    assert len(rockets) == 3
    assert all(movie < 9 for movie in rockets)
    assert client.get("/movies", params={"q": "no such"}).json() == []
    assert client.get("/movies", params={"q": " ?! "}).json() == []


@pytest.mark.parametrize("words", ["cafe d'or", "CAFÉ dor", "Cafe\u0301"])
def test_accents_and_punctuation_of_titles_make_no_difference(tmp_path, words):
    database = publish(tmp_path / "films.duckdb", movies=TITLES | {3: ("Café d'Or (1970)", "Drama")}).database
    with client_of(database) as client:
        assert [row["movie_id"] for row in client.get("/movies", params={"q": words}).json()] == [3]


def test_where_no_movie_passes_it_is_said(client):
    answer = client.get("/users/1/recommendations", params={"from_year": 1900, "to_year": 1901}).json()
    assert (answer["recommendations"], answer["note"]) == ([], NONE_LEFT)


def test_a_movie_counts_its_favourites_as_of_now(client, database):
    before = client.get("/movies/1").json()
    assert (before["title"], before["genres"]) == ("Rocket 1 (1951)", ["Sci-Fi", "Action"])
    assert before["n_favourites"] > 0
    assert client.get("/movies/1/similar?n=2").json()[0]["rank"] == 1
    for path in ("/movies/777", "/movies/777/similar"):
        assert client.get(path).json() == {"detail": "Movie 777 is unknown."}


def test_popular_movies_are_those_with_favourites_since_a_day(client):
    always = client.get("/popular?since=1970-01-01&n=100").json()
    assert len(always) == 16
    counts = [row["n_favourites"] for row in always]
    assert counts == sorted(counts, reverse=True)
    assert always[0]["n_favourites"] == client.get(f"/movies/{always[0]['movie_id']}").json()["n_favourites"]
    assert client.get("/popular?since=2100-01-01").json() == []


def test_clusters_and_what_is_in_them(client):
    clusters = client.get("/clusters").json()
    assert [row["cluster"] for row in clusters] == list(range(len(clusters)))
    whole = client.get("/clusters/0?n=3").json()
    assert whole["name"] == clusters[0]["name"]
    assert [row["rank"] for row in whole["movies"]] == [1, 2, 3]
    assert {row["genre"] for row in whole["genres"]} <= {"Action", "Drama", "Sci-Fi"}
    assert all(0 < row["share"] <= 1 for row in whole["genres"])
    assert client.get("/clusters/99").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/users/0",
        "/users/x",
        f"/users/{2**31}",
        "/users/1/recommendations?n=0",
        "/users/1/recommendations?n=1001",
        "/users/1/recommendations?from_year=x",
        "/movies?q=",
        "/popular?since=yesterday",
        "/clusters/-1",
    ],
)
def test_what_makes_no_sense_is_refused(client, path):
    assert client.get(path).status_code == 422


def test_health_says_what_is_served_and_whether_it_is_old(database, good_tables):
    with client_of(database) as client:
        health = client.get("/health").json()
        assert health["run_id"] == good_tables.run_id
        assert (health["is_stale"], health["problem"]) == (False, None)
    with client_of(database, max_age=1e-9) as client:
        assert client.get("/health").json()["is_stale"]


def test_metrics_are_lines_that_prometheus_reads(client):
    client.get("/users/1")
    client.get("/users/0")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    line = re.compile(r'(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"\})? [-+.e\d]+)')
    assert [text for text in answer.text.splitlines() if not line.fullmatch(text)] == []
    assert 'cinecluster_api_requests_total{status="200"} 1\n' in answer.text
    assert 'cinecluster_api_requests_total{status="422"} 1\n' in answer.text
    assert "cinecluster_api_request_seconds_count 2\n" in answer.text
    assert "cinecluster_users 21\n" in answer.text


def test_another_name_of_the_host_is_refused(database):
    with client_of(database, hosts=("films.example",)) as client:
        for host, status in (
            ("evil.example", 400), ("", 400), ("localhost:9", 200), ("127.0.0.1", 200), ("[::1]:8000", 200),
            ("Films.Example:80", 200),
        ):  # fmt: skip
            assert client.get("/health", headers={"Host": host}).status_code == status, host


def test_beyond_the_bound_others_are_told_to_come_again(database, monkeypatch):
    entered, leave = threading.Event(), threading.Event()
    monkeypatch.setattr("tasks.app.answers.find_movies", lambda *_: entered.set() or (leave.wait(10) and []))
    with client_of(database, most_at_work=1) as client:
        waiting = threading.Thread(target=client.get, args=("/movies?q=x",))
        waiting.start()
        assert entered.wait(10)
        answer = client.get("/users/1/recommendations")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert client.get("/health").status_code == 200, "those who watch are answered"
        leave.set()
        waiting.join(10)
        assert client.get("/users/1/recommendations").status_code == 200


def test_every_answer_has_the_headers_that_browsers_obey(client):
    for path in ("/", "/health", "/users/0", "/nothing", "/users/1/recommendations", "/explore/script.js"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_a_log_that_is_damaged_is_a_problem_for_now(client, database):
    log_of(database).write_text("not a log\n")
    answer = client.get("/users/1")
    assert (answer.status_code, answer.json()["detail"]) == (503, "The tables cannot be read or written at the moment.")
    log_of(database).unlink()
    assert client.get("/users/1").status_code == 200


def test_a_publish_is_followed_without_a_failed_request(published):
    statuses, runs, is_over = [], set(), threading.Event()

    def ask(client):
        while not is_over.is_set():
            statuses.append(client.get("/users/1/recommendations?genre=Drama").status_code)
            runs.add(client.get("/health").json()["run_id"])

    with client_of(published.database) as client:
        asking = threading.Thread(target=ask, args=(client,))
        asking.start()
        second = publish(published.database)
        is_over.wait(1.5)
        is_over.set()
        asking.join(30)
    assert set(statuses) == {200}
    assert runs == {published.run_id, second.run_id}


def test_where_nothing_is_published_the_command_says_so(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["api", "--database", str(tmp_path / "none.duckdb")])
    assert ended.value.code == 1
    assert "no such database. `cinecluster retrain` makes it." in " ".join(capsys.readouterr().err.split())


def test_a_port_in_use_is_one_message(database, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit):
        main(["api", "--database", str(database), "--port", str(taken.getsockname()[1])])
    assert "Address already in use. Choose another --host or --port." in " ".join(capsys.readouterr().err.split())


def test_answers_are_sent_at_once(good_tables, monkeypatch):
    """Without TCP_NODELAY the body of an answer waits for the client to confirm its head, for 40 ms."""
    sent_at_once = []

    def run(self, sockets):
        [listening] = sockets
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            sent_at_once.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr("uvicorn.Server.run", run)
    serve_published(good_tables.database, "127.0.0.1", 0, ServeOptions())
    [is_set] = sent_at_once
    assert is_set
