"""The public MovieLens sets: fetched, resumed where a transfer broke, verified, and unpacked."""

import hashlib
import logging
import re
import stat
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeVar

import httpx

from tasks.errors import CineclusterError

MOVIELENS_URL = "https://files.grouplens.org/datasets/movielens"
MOVIELENS_NAMES = ("ml-latest-small", "ml-latest", "ml-20m", "ml-25m", "ml-32m")

MAX_FAILURES = 5
"""Attempts in a row that bring nothing new before the download gives up."""

WAIT_SECONDS = 1.0
"""Before the second attempt; each further wait is twice as long."""

TIMEOUT_SECONDS = 30.0
MAX_UNPACKED_BYTES = 8 * 1024**3
"""A set that claims to be larger than this is not unpacked; the largest known is below 2 GB."""

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
Progress = Callable[[int, int], None]


MAX_TEXT_BYTES = 64 * 1024
"""Of the file with the checksum."""


class _ServerBusyError(httpx.TransportError):
    """The server answered, but asks to come back later."""


def download_movielens(
    name: str,
    folder: Path,
    base_url: str = MOVIELENS_URL,
    on_progress: Progress | None = None,
    say: Callable[[str], None] = logger.info,
) -> Path:
    """Fetch a public MovieLens set, unless it is there already.

    Parameters
    ----------
    name : one of `MOVIELENS_NAMES`.
    folder : the set is unpacked into ``folder / name``. A broken transfer leaves ``<name>.zip.part`` here,
        and the next call goes on from there.
    base_url : where ``<name>.zip`` and ``<name>.zip.md5`` are.
    on_progress : called with the bytes fetched so far and all bytes, or 0 where the server does not say.
    say : called with a sentence about what happens.

    Returns
    -------
    The folder that holds ``ratings.csv``.

    Raises
    ------
    CineclusterError
        If the set is unknown, cannot be fetched, differs from the published checksum, or is unsafe to unpack.
    """
    if name not in MOVIELENS_NAMES:
        raise CineclusterError(f"{name}: no such MovieLens set. Choose one of {', '.join(MOVIELENS_NAMES)}.")
    if not base_url.startswith(("https://", "http://")):
        raise CineclusterError(f"{base_url}: not a web address. It must begin with https:// or http://.")
    target = folder / name
    if (target / "ratings.csv").is_file():
        say(f"{name} is already in {target}.")
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        archive = _fetch_verified(f"{base_url.rstrip('/')}/{name}.zip", folder / f"{name}.zip", on_progress, say)
        unpack(archive, target)
        archive.unlink()
    except OSError as error:
        raise CineclusterError(f"{folder}: cannot write there ({error}). Choose another folder.") from error
    say(f"{name} is in {target}, its checksum verified.")
    return target


def parse_md5(text: str, file_name: str) -> str | None:
    """Find the checksum of a file in what ``md5`` or ``md5sum`` printed.

    Parameters
    ----------
    text : lines like ``MD5 (ml-32m.zip) = d472...``, ``d472...  ml-32m.zip`` or the bare sum.
    file_name : lines about other files are passed over.

    Returns
    -------
    32 lower-case hexadecimal digits, or None.
    """
    line_form = r"(?:MD5 ?\((.+)\) ?= ?)?([0-9a-fA-F]{32})(?:[ \t]+\*?(.+))?"
    for line in text.splitlines():
        match = re.fullmatch(line_form, line.strip())
        if match and PurePosixPath(match[1] or match[3] or file_name).name == file_name:
            return match[2].lower()
    return None


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip file whose members are all below one folder, named like ``target``; all of it or nothing.

    Raises
    ------
    CineclusterError
        If it is no zip file, has no ratings.csv, is too large, or has a member that does not belong there; or
        if ``target`` has files in it.
    """
    if target.is_dir() and any(target.iterdir()):
        raise CineclusterError(f"{target}: holds files but no ratings.csv. Move it away, then download again.")
    try:
        with zipfile.ZipFile(archive) as opened:
            _check_members(archive, opened.infolist(), target.name)
            with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as unfinished:
                opened.extractall(unfinished)
                (Path(unfinished) / target.name).replace(target)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise CineclusterError(f"{archive}: not a readable zip file ({error}). Delete it and try again.") from error


def _check_members(archive: Path, members: list[zipfile.ZipInfo], name: str) -> None:
    """Refuse whatever would land outside the folder ``name``, is a link, or is too much."""
    for member in members:
        path = PurePosixPath(member.filename)
        is_inside = path.parts[:1] == (name,) and ".." not in path.parts and "\\" not in member.filename
        kind = stat.S_IFMT(member.external_attr >> 16)
        if not is_inside or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise CineclusterError(
                f"{archive}: {member.filename!r} is a link or lies outside of {name}/. Nothing was unpacked; "
                "do not use this file."
            )
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise CineclusterError(f"{archive}: larger than {MAX_UNPACKED_BYTES} bytes unpacked. Nothing was unpacked.")
    if f"{name}/ratings.csv" not in {member.filename for member in members}:
        raise CineclusterError(f"{archive}: no {name}/ratings.csv in it. Is this the right web address?")


def _fetch_verified(url: str, archive: Path, on_progress: Progress | None, say: Callable[[str], None]) -> Path:
    """Fetch a file and compare it with the checksum published beside it; a whole one from before will do."""
    hooks = {"response": [_stay_in_place]}
    with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True, event_hooks=hooks) as client:
        text = _with_retries(f"{url}.md5", lambda: _get_text(client, f"{url}.md5"))
        published = parse_md5(text, archive.name)
        if published is None:
            raise CineclusterError(f"{url}.md5: no MD5 sum of {archive.name} in it. Is this the right web address?")
        if archive.is_file() and _md5(archive) == published:
            return archive
        part = archive.with_name(f"{archive.name}.part")
        say(f"Fetching {url}{', going on where the last transfer broke' if part.exists() else ''}.")
        _with_retries(url, lambda: _transfer(client, url, part, on_progress), lambda: _size(part))
    actual = _md5(part)
    _validator_file(part).unlink(missing_ok=True)
    if actual != published:
        part.unlink()
        raise CineclusterError(
            f"{url}: the file has MD5 sum {actual}, but {published} is published. It was deleted; try again."
        )
    return part.replace(archive)


def _with_retries(url: str, attempt: Callable[[], Result], n_bytes: Callable[[], int] = lambda: 0) -> Result:
    """Repeat an attempt while connections fail, but not for ever: ``n_bytes`` must grow now and then."""
    n_failures, most = 0, n_bytes()
    while True:
        try:
            return attempt()
        except httpx.TransportError as error:
            n_failures = 1 if n_bytes() > most else n_failures + 1
            most = max(most, n_bytes())
            if n_failures >= MAX_FAILURES:
                resume = f": it goes on after {n_bytes()} bytes" if n_bytes() else ""
                raise CineclusterError(
                    f"{url}: no connection, or it broke, {n_failures} times in a row "
                    f"({error or type(error).__name__}). Check the network and run the command again{resume}."
                ) from error
            logger.debug("%s: %s; trying again", url, error)
            time.sleep(WAIT_SECONDS * 2 ** (n_failures - 1))


def _get_text(client: httpx.Client, url: str) -> str:
    """Fetch a short text."""
    with client.stream("GET", url) as response:
        _check_status(response, url)
        text = b""
        for block in response.iter_bytes():
            text += block
            if len(text) > MAX_TEXT_BYTES:
                raise CineclusterError(f"{url}: more than {MAX_TEXT_BYTES:,} bytes. Is this the right web address?")
    return text.decode(errors="replace")


def _stay_in_place(response: httpx.Response) -> None:
    """Raise a CineclusterError if a server sends us to another one."""
    if response.has_redirect_location:
        target = response.request.url.join(response.headers["Location"])
        if not is_same_place(response.request.url, target):
            raise CineclusterError(
                f"{response.request.url}: the server sends us elsewhere, to {str(target)[:200]}. That is not followed."
            )


def is_same_place(before: httpx.URL, after: httpx.URL) -> bool:
    """Say whether a redirect stays on its host and port; it may turn http into https, not the other way."""
    if before.host != after.host or after.scheme not in ("http", "https"):
        return False
    if before.scheme == after.scheme:
        return before.port == after.port
    return (before.scheme, before.port, after.port) == ("http", None, None)


def _transfer(client: httpx.Client, url: str, part: Path, on_progress: Progress | None) -> None:
    """Fetch what ``part`` lacks, or all of it if the file at ``url`` is no longer the one it began with."""
    start, validator = _size(part), _read_validator(part)
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    with client.stream("GET", url, headers=headers) as response:
        status = response.status_code
        if status == 416 and response.headers.get("Content-Range") == f"bytes */{start}":
            return
        begins_at_start = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        is_same_file = begins_at_start and _validator(response) == validator
        if status in (206, 416) and not is_same_file:
            part.unlink(missing_ok=True)
            raise _ServerBusyError("the file at the server has changed")
        _check_status(response, url)
        if status != 206:
            start = 0
            _validator_file(part).write_text(_validator(response), encoding="utf-8")
        _save(response, part, start, on_progress)


def _save(response: httpx.Response, part: Path, start: int, on_progress: Progress | None) -> None:
    """Write the body of a response into ``part`` from byte ``start`` on."""
    length = int(response.headers.get("Content-Length", 0))
    total = start + length if length else 0
    n_done = start
    with part.open("ab" if start else "wb") as file:
        for block in response.iter_raw():
            file.write(block)
            n_done += len(block)
            if n_done > MAX_UNPACKED_BYTES:
                raise CineclusterError(f"{response.request.url}: larger than {MAX_UNPACKED_BYTES} bytes. Not fetched.")
            if on_progress is not None:
                on_progress(n_done, total)


def _check_status(response: httpx.Response, url: str) -> None:
    """Raise if the server did not send the file: to be tried again if it is only busy."""
    status = response.status_code
    if status in (408, 429) or status >= 500:
        raise _ServerBusyError(f"the server answered {status}")
    if status not in (200, 206):
        raise CineclusterError(
            f"{url}: the server answered {status} {response.reason_phrase}. Check the web address, or try later."
        )


def _validator(response: httpx.Response) -> str:
    """Return what identifies this version of the file at the server, for If-Range; empty if nothing does."""
    etag = str(response.headers.get("ETag", ""))
    return etag if etag and not etag.startswith("W/") else str(response.headers.get("Last-Modified", ""))


def _validator_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _read_validator(part: Path) -> str:
    path = _validator_file(part)
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
