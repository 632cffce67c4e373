"""Downloads from a local server that breaks off, lies, or serves unsafe archives."""

import hashlib
import io
import re
import stat
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tasks.errors import CineclusterError
from tasks.source import download
from tasks.source.download import download_movielens, parse_md5, unpack

NAME = "ml-latest-small"
RATINGS = b"userId,movieId,rating,timestamp\n1,1,4.0,964982703\n"


def make_zip(members: dict[str, bytes], padding: int = 0) -> bytes:
    """Return a zip file, not compressed so that ``padding`` makes it as large as wanted."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(f"{NAME}/padding.bin", bytes(i % 251 for i in range(padding)))
    return buffer.getvalue()


GOOD_ZIP = make_zip({f"{NAME}/ratings.csv": RATINGS, f"{NAME}/movies.csv": b"movieId,title,genres\n"}, 300_000)


class Server(ThreadingHTTPServer):
    """Serves one archive and its checksum, in the way that a test sets."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.archive = GOOD_ZIP
        self.checksum: str | None = None  # None: the right one
        self.etag: str | None = '"first"'
        self.last_modified: str | None = None
        self.knows_range = True
        self.knows_if_range = True
        self.breaks_after: list[int] = []  # bytes of the body, for one answer after the other
        self.answers: list[int] = []  # statuses to answer with before anything is served
        self.requests: list[tuple[str, str | None]] = []  # path and Range
        self.if_ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/sets"

    @property
    def ranges(self) -> list[str | None]:
        return [asked for path, asked in self.requests if path.endswith(".zip")]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        pass

    def do_GET(self) -> None:
        server = self.server
        server.requests.append((self.path, self.headers.get("Range")))
        server.if_ranges.append(self.headers.get("If-Range"))
        if server.answers:
            self.answer(server.answers.pop(0), b"")
        elif self.path == f"/sets/{NAME}.zip.md5":
            right = f"MD5 ({NAME}.zip) = {hashlib.md5(server.archive).hexdigest()}\n"  # noqa: S324
            self.answer(200, (right if server.checksum is None else server.checksum).encode())
        elif self.path == f"/sets/{NAME}.zip":
            self.send_archive()
        else:
            self.answer(404, b"not here")

    def send_archive(self) -> None:
        body, start = self.server.archive, 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        versions = {None, self.server.etag, self.server.last_modified}
        is_same = not self.server.knows_if_range or self.headers.get("If-Range") in versions
        if asked and self.server.knows_range and is_same:
            start = int(asked[1])
            if start >= len(body):
                self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
                return
        whole = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.answer(206 if start else 200, body[start:], {"Content-Range": whole} if start else {})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        versions = {"ETag": self.server.etag, "Last-Modified": self.server.last_modified}
        for key, value in {**(headers or {}), **versions, "Content-Length": str(len(body))}.items():
            if value is not None:
                self.send_header(key, value)
        self.end_headers()
        is_archive = self.path.endswith(".zip") and status in (200, 206)
        end = self.server.breaks_after.pop(0) if is_archive and self.server.breaks_after else len(body)
        self.wfile.write(body[:end])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "WAIT_SECONDS", 0.0)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def break_once(server: Server, folder: Path, after: int) -> None:
    """Leave a part of the archive behind, as an interrupted run does."""
    server.breaks_after = [after] + [0] * (download.MAX_FAILURES)
    with pytest.raises(CineclusterError, match=f"after {after} bytes"):
        download_movielens(NAME, folder, server.url)
    assert (folder / f"{NAME}.zip.part").stat().st_size == after
    server.breaks_after = []
    server.requests.clear()


def test_fetches_verifies_and_unpacks(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    said: list[str] = []
    folder = download_movielens(
        NAME, tmp_path / "new", server.url, lambda done, total: seen.append((done, total)), said.append
    )
    assert folder == tmp_path / "new" / NAME
    assert (folder / "ratings.csv").read_bytes() == RATINGS
    assert left_in(tmp_path / "new") == [NAME]
    assert seen[-1] == (len(GOOD_ZIP), len(GOOD_ZIP))
    assert "checksum verified" in said[-1]


def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    download_movielens(NAME, tmp_path, server.url)
    server.requests.clear()
    said: list[str] = []
    assert download_movielens(NAME, tmp_path, server.url, say=said.append) == tmp_path / NAME
    assert server.requests == []
    assert said == [f"{NAME} is already in {tmp_path / NAME}."]


def test_archive_that_was_fetched_before_is_only_unpacked(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.zip").write_bytes(GOOD_ZIP)
    download_movielens(NAME, tmp_path, server.url)
    assert server.ranges == []
    assert left_in(tmp_path) == [NAME]


def test_archive_of_another_version_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.zip").write_bytes(b"of last year")
    download_movielens(NAME, tmp_path, server.url)
    assert server.ranges == [None]
    assert left_in(tmp_path) == [NAME]


def test_broken_transfer_goes_on_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.breaks_after = [100_000, 50_000]
    done: list[int] = []
    folder = download_movielens(NAME, tmp_path, server.url, lambda n, _: done.append(n))
    assert server.ranges == [None, "bytes=100000-", "bytes=150000-"]
    assert (folder / "ratings.csv").read_bytes() == RATINGS
    assert done == sorted(done)
    assert done[-1] == len(GOOD_ZIP)


def test_many_breaks_are_survived_while_bytes_arrive(server: Server, tmp_path: Path) -> None:
    server.breaks_after = [20_000] * (2 * download.MAX_FAILURES)
    download_movielens(NAME, tmp_path, server.url)
    assert len(server.ranges) == 2 * download.MAX_FAILURES + 1


@pytest.mark.parametrize("version", ["etag", "last_modified", None])
def test_next_run_goes_on_where_the_last_one_broke(server: Server, tmp_path: Path, version: str | None) -> None:
    server.etag = '"v"' if version == "etag" else None
    server.last_modified = "Tue, 26 Sep 2018 20:00:00 GMT" if version == "last_modified" else None
    break_once(server, tmp_path, after=123_456)
    download_movielens(NAME, tmp_path, server.url)
    assert server.ranges == ["bytes=123456-"]
    assert server.if_ranges[-1] == (server.etag or server.last_modified)
    assert left_in(tmp_path) == [NAME]


def test_finished_part_needs_no_more_bytes(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.zip.part").write_bytes(GOOD_ZIP)
    (tmp_path / f"{NAME}.zip.part.version").write_text('"first"')
    download_movielens(NAME, tmp_path, server.url)
    assert left_in(tmp_path) == [NAME]


def test_part_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.zip.part").write_bytes(GOOD_ZIP + b"more")
    download_movielens(NAME, tmp_path, server.url)
    assert server.ranges[-1] is None
    assert left_in(tmp_path) == [NAME]


@pytest.mark.parametrize("knows_range", [True, False])
@pytest.mark.parametrize("knows_if_range", [True, False])
def test_file_that_changed_in_between_is_fetched_anew(
    server: Server, tmp_path: Path, knows_range: bool, knows_if_range: bool
) -> None:
    break_once(server, tmp_path, after=100_000)
    server.archive = make_zip({f"{NAME}/ratings.csv": b"of another year\n"}, 200_000)
    server.etag, server.knows_range, server.knows_if_range = '"second"', knows_range, knows_if_range
    folder = download_movielens(NAME, tmp_path, server.url)
    assert (folder / "ratings.csv").read_bytes() == b"of another year\n"


def test_server_without_range_sends_all_of_it_again(server: Server, tmp_path: Path) -> None:
    server.knows_range = False
    server.breaks_after = [100_000]
    folder = download_movielens(NAME, tmp_path, server.url)
    assert server.ranges == [None, "bytes=100000-"]
    assert (folder / "ratings.csv").read_bytes() == RATINGS


def test_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.answers = [503, 429]
    assert (download_movielens(NAME, tmp_path, server.url) / "ratings.csv").exists()


def test_dead_server_is_given_up_with_the_address(server: Server, tmp_path: Path) -> None:
    server.answers = [503] * 100
    with pytest.raises(CineclusterError, match=rf"{server.url}/{NAME}\.zip\.md5: .*answered 503.*network"):
        download_movielens(NAME, tmp_path, server.url)
    assert len(server.requests) == download.MAX_FAILURES


def test_nobody_listening(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(download, "WAIT_SECONDS", 0.0)
    with pytest.raises(CineclusterError, match="no connection"):
        download_movielens(NAME, tmp_path, "http://127.0.0.1:9")


def test_wrong_checksum_names_both_sums_and_deletes_the_file(server: Server, tmp_path: Path) -> None:
    server.checksum = f"MD5 ({NAME}.zip) = {'0' * 32}\n"
    actual = hashlib.md5(GOOD_ZIP).hexdigest()  # noqa: S324
    with pytest.raises(CineclusterError, match=f"{actual}.*{'0' * 32}.*deleted"):
        download_movielens(NAME, tmp_path, server.url)
    assert left_in(tmp_path) == []


def test_page_instead_of_a_checksum_is_refused(server: Server, tmp_path: Path) -> None:
    server.checksum = "<html>Please log in to this hotel's network</html>"
    with pytest.raises(CineclusterError, match=r"\.md5: no MD5 sum"):
        download_movielens(NAME, tmp_path, server.url)
    assert server.ranges == []


def test_missing_file_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CineclusterError, match=r"ml-32m\.zip\.md5: the server answered 404"):
        download_movielens("ml-32m", tmp_path, server.url)
    assert len(server.requests) == 1


def test_unknown_names_and_addresses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CineclusterError, match=r"ml-7m: no such .* ml-latest-small, ml-latest, .*ml-32m"):
        download_movielens("ml-7m", tmp_path)
    with pytest.raises(CineclusterError, match="not a web address"):
        download_movielens(NAME, tmp_path, "file:///etc")


def test_folder_that_is_a_file_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(CineclusterError, match="taken: cannot write"):
        download_movielens(NAME, tmp_path / "taken", server.url)


@pytest.mark.parametrize(
    "member",
    [
        "../outside.csv",
        f"{NAME}/../../outside.csv",
        "/outside.csv",
        "other/outside.csv",
        f"{NAME}/..\\outside",
    ],
)
def test_archive_that_reaches_outside_is_not_unpacked(server: Server, tmp_path: Path, member: str) -> None:
    server.archive = make_zip({f"{NAME}/ratings.csv": RATINGS, member: b"evil"})
    with pytest.raises(CineclusterError, match="lies outside"):
        download_movielens(NAME, tmp_path / "data", server.url)
    assert left_in(tmp_path) == ["data"]
    assert left_in(tmp_path / "data") == [f"{NAME}.zip"]


def test_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    link = zipfile.ZipInfo(f"{NAME}/ratings.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(CineclusterError, match="is a link"):
        unpack(path, tmp_path / NAME)
    assert left_in(tmp_path) == ["evil.zip"]


def test_archive_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(download, "MAX_UNPACKED_BYTES", 1_000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{NAME}/ratings.csv", bytes(1_000_000))
    with pytest.raises(CineclusterError, match="larger than 1000 bytes"):
        unpack(path, tmp_path / NAME)


def test_archive_damaged_inside_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "damaged.zip"
    path.write_bytes(GOOD_ZIP.replace(RATINGS, RATINGS.replace(b"4.0", b"5.0")))
    with pytest.raises(CineclusterError, match="not a readable zip"):
        unpack(path, tmp_path / NAME)
    assert left_in(tmp_path) == ["damaged.zip"]


def test_archive_without_ratings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    path.write_bytes(make_zip({f"{NAME}/README.txt": b""}))
    with pytest.raises(CineclusterError, match=r"no ml-latest-small/ratings\.csv"):
        unpack(path, tmp_path / NAME)


def test_folder_with_files_of_its_own_is_not_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "notes.txt").write_text("mine")
    with pytest.raises(CineclusterError, match="Move it away"):
        download_movielens(NAME, tmp_path, server.url)
    assert left_in(tmp_path / NAME) == ["notes.txt"]


SUM = "d472be332d4daa821edc399621853b57"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"MD5 (ml-32m.zip) = {SUM}\n", SUM),
        (f"{SUM}  ml-32m.zip\n", SUM),
        (f"{SUM.upper()} *./ml-32m.zip\r\n", SUM),
        (f"{SUM}\n", SUM),
        (f"{'1' * 32}  ml-1m.zip\n{SUM}  ml-32m.zip\n", SUM),
        (f"MD5 (ml-1m.zip) = {SUM}\n", None),
        (f"{SUM}0  ml-32m.zip\n", None),
        ("", None),
    ],
)
def test_checksums_are_read_in_both_forms(text: str, found: str | None) -> None:
    assert parse_md5(text, "ml-32m.zip") == found
