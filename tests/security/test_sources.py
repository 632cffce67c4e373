"""Sources and servers that mean harm: what they may cost is bounded, and stated."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import polars as pl
import pytest

from tasks.engine.duckdb import DuckDBEngine
from tasks.errors import CineclusterError
from tasks.source import csv_text, download
from tasks.source.ingest import ingest_movies, ingest_ratings


@pytest.mark.parametrize("unit", ["us", "ms", "ns"])
def test_durations_are_no_seconds(unit, tmp_path):
    stars = {"userId": [1, 2], "movieId": [1, 2], "rating": [4.0, 5.0]}
    times = pl.Series([10**9, 10**9 + 5]).cast(pl.Duration(unit))
    pl.DataFrame(stars | {"timestamp": times}).write_parquet(tmp_path / "ratings.parquet")
    with pytest.raises(CineclusterError, match="column 'timestamp' holds durations"):
        ingest_ratings(DuckDBEngine(tmp_path / "build.duckdb"), tmp_path)


def pack(path, header: bytes, line: bytes, n_lines: int) -> None:
    """Write a file of equal lines, packed a thousand times smaller."""
    with gzip.open(path, "wb") as file:
        file.write(header + b"\n")
        for _ in range(n_lines // 1000):
            file.write((line + b"\n") * 1000)


def test_a_packed_file_is_read_up_to_a_stated_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_text, "FREE_BYTES", 1_000_000)
    pack(tmp_path / "ratings.csv.gz", b"userId,movieId,rating,timestamp", b"1,296,5.0,1147880044", 100_000)
    with pytest.raises(
        CineclusterError, match=r"ratings\.csv\.gz: more than 1,000,000 bytes unpacked, 100 times its size"
    ):
        ingest_ratings(DuckDBEngine(tmp_path / "build.duckdb"), tmp_path, 1.0)


def test_a_packed_file_below_the_limit_is_read(tmp_path):
    pack(tmp_path / "ratings.csv.gz", b"userId,movieId,rating,timestamp", b"1,296,5.0,1147880044", 10_000)
    assert ingest_ratings(DuckDBEngine(tmp_path / "build.duckdb"), tmp_path, 1.0).n_rows_read == 10_000


def test_a_file_about_movies_is_read_up_to_a_stated_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_text, "MOST_ROWS_BYTES", 1_000_000)
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,5.0,1147880044\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n" + "1,A title,Drama\n" * 100_000)
    engine = DuckDBEngine(tmp_path / "build.duckdb")
    ingest_ratings(engine, tmp_path)
    with pytest.raises(CineclusterError, match=r"movies\.csv: larger than 1,000,000 bytes"):
        ingest_movies(engine, tmp_path, 1.0)


@pytest.fixture
def redirect():
    """A function that starts a server which sends everybody elsewhere, and returns its address."""
    servers = []

    def start(target: str) -> str:
        class Elsewhere(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", target)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost:1/x",
        "http://127.0.0.1:1/x",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://x/y",
    ],
)
def test_a_redirect_to_another_host_is_not_followed(target, redirect, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "WAIT_SECONDS", 0.0)
    with pytest.raises(CineclusterError, match="sends us elsewhere"):
        download.download_movielens("ml-latest-small", tmp_path, redirect(target))
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_on_the_same_host_is_followed_from_http_to_https_only():
    assert download.is_same_place(httpx.URL("http://host/a"), httpx.URL("http://host/b"))
    assert download.is_same_place(httpx.URL("http://host/a"), httpx.URL("https://host/b"))
    assert not download.is_same_place(httpx.URL("https://host/a"), httpx.URL("http://host/b"))
    assert not download.is_same_place(httpx.URL("http://host/a"), httpx.URL("http://host:81/b"))
    assert not download.is_same_place(httpx.URL("http://host/a"), httpx.URL("http://host.evil/b"))


def test_a_checksum_without_end_is_not_read(tmp_path, monkeypatch):
    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                pass

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(CineclusterError, match="more than 65,536 bytes"):
            download.download_movielens("ml-latest-small", tmp_path, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
