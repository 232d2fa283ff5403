"""A mirror of Debian for the lab's guests: what they ask for is fetched by this machine's own apt.

Guests have no way out of the lab, and how a package archive is reached (a proxy, a login, a
certificate, a list of mirrors) is a fact of the machine that apt knows already. So nothing of it
is translated: each file comes by ``apt-helper download-file``, once, and is kept in a bounded
folder. Guests check signatures as ever.

A WSGI application (PEP 3333). ``$HOABAN_LAB_MIRROR`` names its settings, a JSON object: ``folder``,
``limit_mb``, ``networks`` that are answered, ``upstreams`` by archive, and ``apt``, lines of
apt.conf(5).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from email.utils import formatdate, parsedate_to_datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit
from wsgiref.util import FileWrapper

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIEnvironment

HELPER = "/usr/lib/apt/apt-helper"
FETCH_SECONDS = 900
FRESH_SECONDS = 600
"""How long a file that changes under its name is given out without asking for it again."""
BLOCK = 1 << 16
# No part begins with a dot, so none leads out of the folder.
FILE = re.compile(r"/([a-z-]+)/((?:dists|pool)(?:/[A-Za-z0-9][A-Za-z0-9._+~:=-]*)+)")
LASTING = re.compile(r"pool/|.*/by-hash/")
"""Names whose content never changes."""


class Answer(NamedTuple):
    """Status line, headers and body of a response."""

    status: str
    headers: list[tuple[str, str]]
    body: Iterable[bytes]


class RefusedError(Exception):
    """A file that can't be given out; the status line says why."""


def said(status: str) -> Answer:
    """An answer of one line."""
    text = f"{status}\n".encode()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))]
    return Answer(status, headers, [text])


def without_login(url: str) -> tuple[str, str]:
    """An address without user and password, and the line of apt_auth.conf(5) that holds them.

    Arguments of a program can be read by everybody on the machine.
    """
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    if not login:
        return url, ""
    user, _, password = map(unquote, login.partition(":"))
    line = f"machine {parts.scheme}://{place} login {user} password {password}\n"
    return parts._replace(netloc=place).geturl(), line


class Mirror:
    """The application, of one process with several threads."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._folder = Path(settings["folder"])
        self._limit = int(settings["limit_mb"]) << 20
        self._networks = [ip_network(one) for one in settings["networks"]]
        split = {name: without_login(url) for name, url in settings["upstreams"].items()}
        self._upstreams = {name: url.rstrip("/") for name, (url, _) in split.items()}
        self._checked: dict[Path, float] = {}
        self._evicting = threading.Lock()
        # One file is fetched by one thread; two files that share a lock wait for each other.
        self._locks = [threading.Lock() for _ in range(64)]
        self._new = self._folder / "new"
        shutil.rmtree(self._new, ignore_errors=True)  # what a predecessor was fetching
        self._new.mkdir(parents=True)
        self._config = self._folder / "apt.conf"
        self._configure(settings["apt"], "".join(sorted({line for _, line in split.values()})))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        try:
            answer = self._answer(environ)
        except RefusedError as refusal:
            answer = said(str(refusal))
        start_response(answer.status, answer.headers)
        return answer.body if environ["REQUEST_METHOD"] != "HEAD" else []

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            raise RefusedError("405 Method Not Allowed")
        asker = ip_address(environ["REMOTE_ADDR"])
        if not any(asker in network for network in self._networks):
            raise RefusedError("403 Forbidden")
        if environ["PATH_INFO"] == "/":
            return said("200 OK")
        match = FILE.fullmatch(environ["PATH_INFO"])
        if match is None or match[1] not in self._upstreams:
            raise RefusedError("404 Not Found")
        path = self._folder / match[1] / match[2]
        with self._locks[hash(path) % len(self._locks)]:
            self._ensure(path, f"{self._upstreams[match[1]]}/{match[2]}", environ)
            stream = path.open("rb")
        about = os.fstat(stream.fileno())
        os.utime(stream.fileno(), ns=(time.time_ns(), about.st_mtime_ns))
        headers = [("Last-Modified", formatdate(about.st_mtime, usegmt=True))]
        if int(about.st_mtime) <= _seconds(environ.get("HTTP_IF_MODIFIED_SINCE", "")):
            stream.close()
            return Answer("304 Not Modified", headers, [])
        headers += [
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(about.st_size)),
        ]
        wrapper = environ.get("wsgi.file_wrapper", FileWrapper)
        return Answer("200 OK", headers, wrapper(stream, BLOCK))

    def _ensure(self, path: Path, url: str, environ: WSGIEnvironment) -> None:
        """Have the file here, new enough.

        One that can't be asked for again is given out as it is: guests see by its own date how
        old it is.
        """
        here = path.is_file()
        if here and LASTING.match(str(path.relative_to(self._folder)).partition("/")[2]):
            return
        checked = self._checked.get(path)
        if here and checked is not None and time.monotonic() - checked < FRESH_SECONDS:
            return
        try:
            self._fetch(path, url)
        except RefusedError as refusal:
            environ["wsgi.errors"].write(f"{refusal}: {url}\n")
            if not here or str(refusal).startswith("404"):
                raise
        self._checked[path] = time.monotonic()

    def _fetch(self, path: Path, url: str) -> None:
        with tempfile.TemporaryDirectory(dir=self._new) as folder:
            target = Path(folder) / "file"
            try:
                done = subprocess.run(
                    [HELPER, "-q", "download-file", url, target],
                    env={**os.environ, "APT_CONFIG": str(self._config), "LC_ALL": "C.UTF-8"},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=FETCH_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise RefusedError("504 Gateway Timeout") from error
            if done.returncode != 0 or not target.is_file():
                missing = re.search(r"\b404\b", done.stderr.replace(url, ""))
                words = " ".join(done.stderr.split())[:200]
                raise RefusedError("404 Not Found" if missing else f"502 Bad Gateway ({words})")
            path.parent.mkdir(parents=True, exist_ok=True)
            target.replace(path)
        self._evict(path)

    def _evict(self, kept: Path) -> None:
        """Remove what was not asked for the longest, down to the limit."""
        with self._evicting:
            files = []
            for name in self._upstreams:
                for file in (self._folder / name).rglob("*"):
                    if file.is_file():
                        about = file.stat()
                        files.append((about.st_atime_ns, about.st_size, file))
            total = sum(size for _, size, _ in files)
            for _, size, file in sorted(files):
                if total <= self._limit:
                    return
                if file != kept:
                    file.unlink(missing_ok=True)
                    total -= size

    def _configure(self, lines: Iterable[str], logins: str) -> None:
        """What apt is told on top of the machine's own configuration."""
        lines = [*lines, 'APT::Sandbox::User "root";']  # the lab's folder is root's alone
        if logins:
            file = self._folder / "auth.conf"
            _write(file, logins)
            lines.append(f'Dir::Etc::netrc "{file}";')
        _write(self._config, "\n".join([*lines, ""]))


def application() -> Mirror:
    """The application with the settings of the lab."""
    return Mirror(json.loads(Path(os.environ["HOABAN_LAB_MIRROR"]).read_text(encoding="utf-8")))


def _seconds(date: str) -> float:
    """A date of HTTP in seconds since the epoch; long ago if it is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return 0.0


def _write(file: Path, text: str) -> None:
    """Write for root alone: addresses of proxies and logins may hold passwords."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
