"""The pages: complete without a script, hostile texts shown and not obeyed, forms from elsewhere refused."""

import html
import re
import shutil

import pytest

from flows.api.sessions import COOKIE
from tasks.favourites.log import log_of
from tests.conftest import TITLES, publish
from tests.flows.api_client import TOKEN, client_of

HOSTILE = "</main><script>alert(1)</script>\u202eevil"
CLEAN = {"follow_redirects": False}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Published tables in which a movie has a hostile title and genre."""
    titles = TITLES | {1: (f"{HOSTILE} (1951)", '"><img src=x onerror=alert(2)>|Action')}
    return publish(tmp_path_factory.mktemp("pages") / "films.duckdb", movies=titles).database


@pytest.fixture
def client(tables, tmp_path):
    """A server that may change favourites."""
    with client_of(shutil.copy(tables, tmp_path / "films.duckdb")) as client:
        yield client


@pytest.fixture
def signed_in(client):
    """The same client, signed in."""
    assert client.post("/explore/sign-in", data={"token": TOKEN}, **CLEAN).status_code == 303
    return client


def csrf_of(client):
    """What the forms of the session hold."""
    return re.search(r'name="csrf" value="([^"]+)"', client.get("/explore/users/1").text)[1]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?q=rocket",
        "/?q=12",
        "/?q=1",
        "/explore/users/1",
        "/explore/users/1?genre=Drama&from_year=1955",
        "/explore/users/99",
        "/explore/users/424242",
        "/explore/movies/1",
        "/explore/movies/12",
        "/explore/clusters",
        "/explore/clusters/0",
        "/explore/runs",
        "/explore/sign-in",
    ],
)
def test_every_page_is_whole_and_obeys_no_title(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = answer.text
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert page.count("<h1>") == page.count("</main>") == 1
    assert page.count("<script") == 1
    assert "<img" not in page
    assert "\u202e" not in page
    assert "style=" not in page
    assert "onclick" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/explore/users/0",
        "/explore/users/x",
        "/explore/movies/777",
        "/explore/clusters/99",
        "/explore/clusters/-1",
        "/explore/nothing",
        "/explore/..%2fapp.py",
        "/explore/movies/99999999999",
        "/nothing",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(client, path):
    answer = client.get(path, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status_code == 404
    assert "There is no such" in answer.text


def test_programs_are_told_what_is_not_there_as_json(client):
    assert client.get("/nothing").json() == {"detail": "Not Found"}
    unknown = client.get("/movies/777", headers={"accept": "text/html"})
    assert unknown.json() == {"detail": "Movie 777 is unknown."}


def test_the_head_of_the_first_page_can_be_asked_for(client):
    answer = client.head("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_number_finds_a_user_and_says_who_is_unknown(client):
    assert "who has rated nothing" not in client.get("/?q=1").text
    assert "User 99999</a>, who has rated nothing" in client.get("/?q=99999").text


def test_a_user_has_favourites_recommendations_and_why(client):
    page = client.get("/explore/users/2").text
    assert "because of <a" in page
    assert "Waltz" in page
    assert "Remove" not in page, "not signed in"
    for row in client.get("/users/2").json()["favourites"]:
        assert f'href="/explore/movies/{row["movie_id"]}"' in page


def test_the_hostile_title_is_seen(client):
    page = client.get("/explore/movies/1").text
    assert "&lt;/main&gt;&lt;script&gt;alert(1)&lt;/script&gt;\ufffdevil (1951)" in page


def test_signing_in_sets_a_cookie_that_scripts_and_other_pages_do_not_get(client):
    answer = client.post("/explore/sign-in", data={"token": TOKEN, "next": "7"}, **CLEAN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/explore/users/7")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert TOKEN not in cookie
    assert "Secure" not in cookie


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token": "wrong"}, {"token": "é" * 20}, {"token": "x" * 20_000}])
def test_a_wrong_token_signs_nobody_in(client, form, monkeypatch):
    monkeypatch.setattr("flows.api.pages.SECONDS_TO_TRY_AGAIN", 0)
    answer = client.post("/explore/sign-in", data=form, **CLEAN)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "That is not the token." in answer.text


def test_next_leads_nowhere_else(client):
    answer = client.post("/explore/sign-in", data={"token": TOKEN, "next": "//evil.example"}, **CLEAN)
    assert answer.headers["location"] == "/"


def test_a_favourite_is_added_and_taken_back_and_the_page_follows(signed_in):
    form = {"csrf": csrf_of(signed_in), "movie_id": "11", "change": "add"}
    answer = signed_in.post("/explore/users/1/favourites", data=form)
    assert answer.url.path == "/explore/users/1"
    assert 11 in [row["movie_id"] for row in signed_in.get("/users/1").json()["favourites"]]
    assert re.search(r'name="movie_id" value="11">\s*<button name="change" value="remove"', answer.text)
    answer = signed_in.post("/explore/users/1/favourites", data=form | {"change": "remove"})
    assert 11 not in [row["movie_id"] for row in signed_in.get("/users/1").json()["favourites"]]
    answer = signed_in.post("/explore/favourites", data=form | {"user_id": "700"})
    assert answer.url.path == "/explore/users/700"


def test_after_a_change_the_list_is_filtered_as_before(signed_in):
    page = signed_in.get("/explore/users/1", params={"genre": "Action", "from_year": "1950", "evil": '">'}).text
    [way] = set(re.findall(r'action="(/explore/users/1/favourites[^"]*)"', page))
    form = {"csrf": csrf_of(signed_in), "movie_id": "11", "change": "add"}
    answer = signed_in.post(html.unescape(way), data=form, **CLEAN)
    assert answer.headers["location"] == "/explore/users/1?genre=Action&from_year=1950&evil=%22%3E"


def test_where_no_movie_passes_the_page_says_so(client):
    page = client.get("/explore/users/1", params={"from_year": "1900", "to_year": "1901"}).text
    assert "No movie that is left for this user passes the filters." in page


@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        ({"csrf": "wrong"}, {}, 403),
        ({"csrf": None}, {}, 403),
        ({}, {"Origin": "http://evil.example"}, 403),
        ({}, {"Origin": "null"}, 403),
        ({}, {"Sec-Fetch-Site": "cross-site"}, 403),
        ({}, {"Sec-Fetch-Site": "same-site"}, 403),
        ({"movie_id": "x"}, {}, 400),
        ({"movie_id": "777"}, {}, 404),
        ({"change": "destroy"}, {}, 400),
        ({}, {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"}, 303),
    ],
)
def test_forms_from_elsewhere_or_that_make_no_sense_are_refused(signed_in, form, headers, status):
    sent = {"csrf": csrf_of(signed_in), "movie_id": "11", "change": "add"} | form
    answer = signed_in.post("/explore/users/1/favourites", data=sent, headers=headers, **CLEAN)
    assert answer.status_code == status
    favourites = [row["movie_id"] for row in signed_in.get("/users/1").json()["favourites"]]
    assert (11 in favourites) == (status == 303)


def test_who_is_not_signed_in_changes_nothing(client, tmp_path):
    form = {"csrf": "", "movie_id": "11", "change": "add"}
    assert client.post("/explore/users/1/favourites", data=form).status_code == 403
    client.cookies.set(COOKIE, "made up")
    assert client.post("/explore/users/1/favourites", data=form).status_code == 403
    assert not log_of(tmp_path / "films.duckdb").exists()


def test_signing_out_ends_the_session(signed_in):
    csrf = csrf_of(signed_in)
    cookie = signed_in.cookies[COOKIE]
    assert signed_in.post("/explore/sign-out", data={"csrf": "wrong"}, **CLEAN).status_code == 403
    assert signed_in.post("/explore/sign-out", data={"csrf": csrf}, **CLEAN).status_code == 303
    signed_in.cookies.set(COOKIE, cookie)
    form = {"csrf": csrf, "movie_id": "11", "change": "add"}
    assert signed_in.post("/explore/users/1/favourites", data=form).status_code == 403


def test_a_session_ends_by_itself(signed_in, monkeypatch):
    assert "Sign out" in signed_in.get("/").text
    monkeypatch.setattr("flows.api.sessions.time.monotonic", lambda: 1e12)
    assert "Sign out" not in signed_in.get("/").text
