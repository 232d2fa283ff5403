"""The guests' mirror of Debian, with a program in apt's place that "fetches" from a folder."""

from __future__ import annotations

import importlib.util
import io
import os
import threading
import time
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

import pytest

from hoaban.lab import playbook
from tests.unit.lab.test_role import ROLE

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

HELPER = """#!/bin/sh
# -q download-file file:///… TARGET
echo "$3 $APT_CONFIG" >>"$CALLS"
url=$3
file=${url#file://}
test -e "$SLOW" && sleep 0.3
fail() { echo "E: Failed to fetch $url  $*" >&2; exit 100; }
if [ -e "$DOWN" ]; then fail "Could not connect"; fi
if ! [ -e "$file" ]; then fail "404  Not Found [IP: ::1 80]"; fi
cp --preserve=timestamps "$file" "$4"
"""
GUEST = "172.31.77.42"
RELEASE = "/debian/dists/trixie/InRelease"
PACKAGE = "/debian/pool/main/n/nano/nano_8.4-1_amd64.deb"


class Lab:
    """A mirror, what is above it, and what its apt was called with."""

    def __init__(self, folder: Path, module: ModuleType, **settings: Any) -> None:
        self.folder = folder / "mirror"
        self.above = folder / "above"
        self.calls = folder / "calls"
        self.module = module
        self.settings = {
            "folder": str(self.folder),
            "limit_mb": 1,
            "networks": ["172.31.77.0/24"],
            "upstreams": {"debian": f"file://{self.above}/d/", "debian-security": "file:///none"},
            "apt": ['Acquire::http::Proxy "http://lan:secret@proxy.example";'],
            **settings,
        }
        self.mirror = module.Mirror(self.settings)

    def offer(self, path: str, content: bytes, age: float = 0) -> None:
        """Put a file above."""
        file = self.above / "d" / path.removeprefix("/debian/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (time.time() - age, time.time() - age))

    def ask(
        self, path: str, method: str = "GET", asker: str = GUEST, **headers: str
    ) -> tuple[str, bytes, dict[str, str]]:
        """Status line, body and headers of an answer."""
        environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": method}
        setup_testing_defaults(environ)
        environ |= {"REMOTE_ADDR": asker, "wsgi.errors": io.StringIO(), **headers}
        answered: list[Any] = []
        body = self.mirror(environ, lambda *words: answered.extend(words))
        return answered[0], b"".join(body), dict(answered[1])

    @property
    def fetched(self) -> list[str]:
        """What was fetched, in order."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [line.split()[0].partition("/d/")[2] for line in lines]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    helper = tmp_path / "apt-helper"
    helper.write_text(HELPER)
    helper.chmod(0o755)
    for name in ("CALLS", "DOWN", "SLOW"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    loaded = load()
    monkeypatch.setattr(loaded, "HELPER", str(helper))
    return loaded


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mirror", ROLE / "files/hoaban_lab_mirror.py")
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def lab(tmp_path: Path, module: ModuleType) -> Lab:
    return Lab(tmp_path, module)


def test_what_is_asked_for_is_fetched_once(lab: Lab) -> None:
    lab.offer(PACKAGE, b"package", age=1000)
    for _ in range(2):
        status, body, headers = lab.ask(PACKAGE)
        assert (status, body) == ("200 OK", b"package")
        assert headers["Content-Length"] == "7"
    assert lab.fetched == ["pool/main/n/nano/nano_8.4-1_amd64.deb"]
    status, body, headers = lab.ask(PACKAGE, "HEAD")
    assert (status, body, headers["Content-Length"]) == ("200 OK", b"", "7")


def test_what_changes_under_its_name_is_asked_for_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.offer(RELEASE, b"old")
    assert lab.ask(RELEASE)[1] == b"old"
    lab.offer(RELEASE, b"new")
    assert lab.ask(RELEASE)[1] == b"old"
    monkeypatch.setattr(lab.module, "FRESH_SECONDS", 0)
    assert lab.ask(RELEASE)[1] == b"new"
    hashed = "/debian/dists/trixie/main/binary-amd64/by-hash/SHA256/0af1"
    lab.offer(hashed, b"list")
    lab.ask(hashed)
    lab.ask(hashed)
    assert lab.fetched[-2:] == [RELEASE.removeprefix("/debian/"), hashed.removeprefix("/debian/")]


def test_without_an_archive_above_what_is_here_is_given_out(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.offer(RELEASE, b"known")
    lab.ask(RELEASE)
    monkeypatch.setattr(lab.module, "FRESH_SECONDS", 0)
    (tmp_path / "down").touch()
    assert lab.ask(RELEASE)[:2] == ("200 OK", b"known")
    status, _, _ = lab.ask(PACKAGE)
    assert status.startswith("502 Bad Gateway (E: Failed to fetch")


def test_what_is_gone_above_is_gone_here(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lab.ask(PACKAGE)[0] == "404 Not Found"
    lab.offer(RELEASE, b"known")
    lab.ask(RELEASE)
    (lab.above / "d/dists/trixie/InRelease").unlink()
    monkeypatch.setattr(lab.module, "FRESH_SECONDS", 0)
    assert lab.ask(RELEASE)[0] == "404 Not Found"


@pytest.mark.parametrize(
    ("path", "method", "asker", "status"),
    [
        ("/", "GET", GUEST, "200 OK"),
        ("/", "GET", "192.0.2.1", "403 Forbidden"),
        (RELEASE, "POST", GUEST, "405 Method Not Allowed"),
        ("/debian/", "GET", GUEST, "404 Not Found"),
        ("/other/dists/trixie/InRelease", "GET", GUEST, "404 Not Found"),
        ("/debian/dists/../../secrets.yml", "GET", GUEST, "404 Not Found"),
        ("/debian/dists/.hidden", "GET", GUEST, "404 Not Found"),
        ("/debian/pool/a b", "GET", GUEST, "404 Not Found"),
        ("/new/file", "GET", GUEST, "404 Not Found"),
        ("/auth.conf", "GET", GUEST, "404 Not Found"),
    ],
)
def test_only_debian_and_only_for_guests(
    lab: Lab, path: str, method: str, asker: str, status: str
) -> None:
    assert lab.ask(path, method, asker)[0] == status
    assert lab.fetched == []


def test_a_guest_that_has_the_file_is_told_so(lab: Lab) -> None:
    lab.offer(RELEASE, b"release", age=1000)
    date = lab.ask(RELEASE)[2]["Last-Modified"]
    status, body, _ = lab.ask(RELEASE, HTTP_IF_MODIFIED_SINCE=date)
    assert (status, body) == ("304 Not Modified", b"")
    older = "Sat, 01 Jan 2000 00:00:00 GMT"
    assert lab.ask(RELEASE, HTTP_IF_MODIFIED_SINCE=older)[0] == "200 OK"
    assert lab.ask(RELEASE, HTTP_IF_MODIFIED_SINCE="yesterday")[0] == "200 OK"


def test_many_who_ask_at_once_wait_for_one_fetch(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "slow").touch()
    lab.offer(PACKAGE, b"package")
    bodies: list[bytes] = []
    threads = [threading.Thread(target=lambda: bodies.append(lab.ask(PACKAGE)[1])) for _ in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [b"package"] * 4
    assert len(lab.fetched) == 1


def test_what_was_not_asked_for_the_longest_makes_room(lab: Lab) -> None:
    names = [f"/debian/pool/main/p/p{number}.deb" for number in range(4)]
    for name in names[:2]:
        lab.offer(name, bytes(400_000))
        lab.ask(name)
    lab.ask(names[0])  # so the other is the oldest
    lab.offer(names[2], bytes(400_000))
    lab.ask(names[2])
    kept = {file.name for file in lab.folder.rglob("*.deb")}
    assert kept == {"p0.deb", "p2.deb"}
    lab.offer(names[3], bytes(2_000_000))  # larger than all the room
    assert len(lab.ask(names[3])[1]) == 2_000_000


def test_logins_and_proxies_are_for_root_alone_and_on_no_command_line(
    tmp_path: Path, module: ModuleType
) -> None:
    url = "https://lan:m%40t@mirror.example:8443/debian"
    lab = Lab(tmp_path, module, upstreams={"debian": url})
    lab.ask(RELEASE)
    address, config = lab.calls.read_text().split()
    assert address == "https://mirror.example:8443/debian/dists/trixie/InRelease"
    files = {file.name: file for file in lab.folder.iterdir() if file.is_file()}
    assert str(files["apt.conf"]) == config
    assert {oct(file.stat().st_mode & 0o777) for file in files.values()} == {"0o600"}
    login = "machine https://mirror.example:8443 login lan password m@t\n"
    assert files["auth.conf"].read_text() == login
    told = files["apt.conf"].read_text().splitlines()
    assert told[0] == 'Acquire::http::Proxy "http://lan:secret@proxy.example";'
    assert told[-1] == f'Dir::Etc::netrc "{files["auth.conf"]}";'


def test_what_a_predecessor_was_fetching_is_removed(tmp_path: Path, module: ModuleType) -> None:
    left = tmp_path / "mirror/new/tmp1/file"
    left.parent.mkdir(parents=True)
    left.touch()
    Lab(tmp_path, module)
    assert not left.exists()


def test_a_proxy_of_the_callers_environment_reaches_the_mirror(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.delenv("https_proxy", raising=False)
    line = 'Acquire::http::Proxy "http://proxy.example:3128";'
    assert list(playbook._proxies([])) == [line]
    assert list(playbook._proxies(['Acquire::http::Proxy "DIRECT";'])) == []
