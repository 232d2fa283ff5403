"""The hook that records checksums at backup time, against the agent that compares with them."""

from __future__ import annotations

import importlib.util
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOOK = loaded(toolkit_root() / "roles/backup_client/files/manifest.py")


class Host:
    """A folder that stands for a host's root."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "srv/data"
        self.dumps = folder / "dumps"
        self.config, self.state = folder / "etc", folder / "state"
        for made in (self.data, self.config, self.state):
            made.mkdir(parents=True)
        self.excludes: list[str] = []

    def write(self, name: str, content: bytes) -> Path:
        file = self.data / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def record(self) -> dict[str, dict[str, Any]]:
        """Run the hook; the entries by path below the data's folder."""
        settings = {
            "paths": [str(self.data), str(self.dumps)],
            "excludes": self.excludes,
            "dump_folder": str(self.dumps),
        }
        (self.config / "client.json").write_text(json.dumps(settings))
        assert HOOK.main(self.config, self.state) == 0
        first, *lines = (self.dumps / "manifest.jsonl").read_text().splitlines()
        assert json.loads(first)["schema"] == 1
        entries = [json.loads(line) for line in lines]
        return {os.path.relpath(entry["path"], self.data): entry for entry in entries}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_every_regular_file_is_in_it_with_its_checksum(host: Host) -> None:
    host.write("a/b", b"one")
    host.write("tệp có dấu", b"")
    (host.data / "link").symlink_to("a/b")
    entries = host.record()
    assert set(entries) == {"a/b", "tệp có dấu"}
    assert entries["a/b"]["sha256"] == (
        "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    )
    assert entries["a/b"]["size"] == 3


def test_a_name_that_is_no_text_is_kept(host: Host) -> None:
    odd = os.fsencode(str(host.data)) + b"/\xff\xfe"
    with open(odd, "wb") as stream:  # noqa: PTH123
        stream.write(b"x")
    (entry,) = host.record().values()
    assert os.fsencode(entry["path"]) == odd


@pytest.mark.parametrize(
    ("pattern", "path", "means"),
    [
        ("lost+found", "/srv/data/lost+found", True),
        ("/home/*/.cache", "/home/lan/.cache", True),
        ("/home/*/.cache", "/home/lan/x/.cache", False),
        ("/srv/backup", "/srv/backup", True),
        ("/srv/backup", "/srv/backup-2", False),
        ("/var/lib/postgresql/[0-9]*", "/var/lib/postgresql/17", True),
        ("a/*.tmp", "/srv/a/x.tmp", True),
        ("a/*.tmp", "/srv/b/x.tmp", False),
    ],
)
def test_patterns_mean_what_restic_means(pattern: str, path: str, means: bool) -> None:
    assert HOOK.matches(pattern, path) is means


def test_what_is_excluded_or_marked_as_a_cache_is_left_out(host: Host) -> None:
    host.write("kept", b"1")
    host.write("skip/inner", b"2")
    host.write("cache/page", b"3")
    host.write("cache/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n")
    host.excludes = ["skip"]
    assert set(host.record()) == {"kept", "cache/CACHEDIR.TAG"}


def test_a_file_is_read_again_only_when_it_may_have_changed(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    same, other = host.write("same", b"1"), host.write("other", b"2")
    before = host.record()
    read: list[str] = []
    true = HOOK.digest

    def noted(path: str) -> str:
        read.append(path)
        return str(true(path))

    monkeypatch.setattr(HOOK, "digest", noted)
    status = other.stat()
    other.write_bytes(b"3")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))  # as one who hides a change
    after = host.record()
    assert read == [str(other)]
    assert after["same"]["sha256"] == before["same"]["sha256"]
    assert after["other"]["sha256"] != before["other"]["sha256"]
    assert same.exists()


def test_a_cache_of_digests_that_is_broken_costs_time_only(host: Host) -> None:
    host.write("a", b"1")
    before = host.record()
    (host.state / "manifest.seen").write_text("{broken")
    assert host.record() == before
