"""The programs that run on hosts, run here: restic's words, lent access, comparison."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from hoaban.backup.agents import compare, program, restic
from tests.unit.backup.test_manifest import Host

RESTIC = """\
#!/bin/sh
env | grep ^RESTIC_ | sort > {folder}/environment
echo "$*" > {folder}/arguments
cat "$RESTIC_CACERT" > {folder}/certificate 2>/dev/null
cat {folder}/output
cat {folder}/errors >&2
exit $(cat {folder}/status)
"""
VERBOSE = [
    {"message_type": "verbose_status", "action": action, "item": f"/srv/{number}", "size": 1}
    for number, action in enumerate(["restored", "updated", "updated", "unchanged", "deleted"])
]


class FakeRestic:
    """A program called restic that says what it is told and notes how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        file = folder / "bin/restic"
        file.write_text(RESTIC.format(folder=folder))
        file.chmod(0o755)
        self.says([])

    def says(self, lines: list[Any], *, errors: str = "", status: int = 0) -> None:
        text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
        (self.folder / "output").write_text(text)
        (self.folder / "errors").write_text(errors)
        (self.folder / "status").write_text(str(status))

    def noted(self, what: str) -> str:
        return (self.folder / what).read_text()

    def asked(self, asked: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
        """Run the agent as a host does; its status and events."""
        text = program("restic", asked).replace(
            f'PATH = "{restic.PATH}"', f'PATH = "{self.folder}/bin:/usr/bin:/bin"'
        )
        assert f"{self.folder}/bin" in text
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-"], input=text, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.stderr == ""
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def fake(tmp_path: Path) -> FakeRestic:
    return FakeRestic(tmp_path)


LENT = {
    "environment": {"RESTIC_PASSWORD": 'it\'s "secret"\\', "RESTIC_REPOSITORY": "rest:https://x/"},
    "certificate": "PEM\n",
}


def test_a_lent_access_is_in_restic_s_environment_alone(fake: FakeRestic) -> None:
    fake.says([[{"id": "1"}]])
    status, events = fake.asked({"arguments": ["snapshots", "--json"], "access": LENT})
    assert status == 0
    assert events == [
        {"event": "restic", "line": [{"id": "1"}]},
        {"event": "end", "status": 0, "words": ""},
    ]
    assert fake.noted("arguments") == "--no-cache snapshots --json\n"
    assert 'RESTIC_PASSWORD=it\'s "secret"\\\n' in fake.noted("environment")
    assert fake.noted("certificate") == "PEM\n"
    place = next(
        line.split("=")[1]
        for line in fake.noted("environment").splitlines()
        if line.startswith("RESTIC_CACERT=")
    )
    assert not os.path.exists(place), "nothing stays"  # noqa: PTH110


def test_a_client_uses_its_own_access(fake: FakeRestic, tmp_path: Path) -> None:
    own = tmp_path / "etc"
    own.mkdir()
    (own / "client.env").write_text('# made\nRESTIC_REPOSITORY="rest:https://b:8000/h/"\n')
    (own / "account.env").write_text("RESTIC_REST_USERNAME=h\nRESTIC_REST_PASSWORD=p\n")
    status, _ = fake.asked({"arguments": ["restore", "x"], "folder": str(own)})
    assert status == 0
    noted = fake.noted("environment").splitlines()
    assert "RESTIC_REPOSITORY=rest:https://b:8000/h/" in noted
    assert "RESTIC_REST_PASSWORD=p" in noted
    assert f"RESTIC_PASSWORD_FILE={own}/password" in noted
    assert f"RESTIC_CACERT={own}/server.crt" in noted
    assert fake.noted("arguments") == "restore x\n"


def test_what_is_done_with_files_is_counted_and_not_listed(fake: FakeRestic) -> None:
    fake.says([*VERBOSE, "no json", {"message_type": "summary", "files_restored": 1}])
    _, events = fake.asked({"arguments": ["restore"], "access": LENT})
    assert events == [
        {"event": "restic", "line": {"message_type": "summary", "files_restored": 1}},
        {
            "event": "files",
            "counts": {"restored": 1, "updated": 2, "unchanged": 1, "deleted": 1},
            "updated": ["/srv/1", "/srv/2"],
            "deleted": ["/srv/4"],
        },
        {"event": "end", "status": 0, "words": ""},
    ]


def test_a_failure_s_status_and_words_come_back(fake: FakeRestic) -> None:
    fake.says([], errors="x" * 9000 + "\nFatal: wrong password\n", status=12)
    status, events = fake.asked({"arguments": ["snapshots"], "access": LENT})
    assert status == 12
    assert events[-1]["status"] == 12
    assert events[-1]["words"].endswith("Fatal: wrong password")
    assert len(events[-1]["words"]) <= restic.MOST_WORDS


def test_a_host_that_was_never_configured_says_so(fake: FakeRestic, tmp_path: Path) -> None:
    status, events = fake.asked({"arguments": ["snapshots"], "folder": str(tmp_path / "none")})
    assert status == 127
    assert events[-1]["words"].startswith("there is no")


# Comparison


def events_of(
    root: Path, paths: list[str], capsys: pytest.CaptureFixture[str]
) -> list[dict[str, Any]]:
    assert compare.main({"root": str(root), "paths": paths}) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


class Restored:
    """A folder that a snapshot was restored below, with a manifest of what it held."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entries: list[dict[str, Any]] = []
        self.dumps = root / "var/dumps"
        self.dumps.mkdir(parents=True)

    def add(self, path: str, content: bytes = b"content") -> Path:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        status = file.stat()
        self.entries.append(
            {"path": path, "size": status.st_size, "mtime_ns": status.st_mtime_ns,
             "sha256": sha256(content).hexdigest()}
        )  # fmt: skip
        return file

    def compared(self, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
        lines = [json.dumps({"schema": 1}), *map(json.dumps, self.entries)]
        (self.dumps / "manifest.jsonl").write_text("".join(f"{line}\n" for line in lines))
        events = events_of(self.root, ["/srv", "/var/dumps"], capsys)
        assert events[-1] == {"event": "end", "status": 0}
        return events[0]


@pytest.fixture
def restored(tmp_path: Path) -> Restored:
    return Restored(tmp_path)


def test_what_came_back_as_it_was_is_counted(
    restored: Restored, capsys: pytest.CaptureFixture[str]
) -> None:
    restored.add("/srv/a", b"12345")
    restored.add("/srv/b/tệp có dấu", b"")
    found = restored.compared(capsys)
    assert (found["files"], found["bytes"], found["differences"]) == (2, 5, 0)
    assert (found["changed"], found["unknown"]) == (0, 0)
    assert found["manifest"] == "/var/dumps/manifest.jsonl"


def test_a_flipped_bit_with_the_old_times_is_found(
    restored: Restored, capsys: pytest.CaptureFixture[str]
) -> None:
    file = restored.add("/srv/a", b"12345")
    status = file.stat()
    file.write_bytes(b"12344")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    found = restored.compared(capsys)
    assert found["differences"] == 1
    assert found["examples"] == [["/srv/a", "has another content"]]


def test_what_is_missing_or_became_something_else_is_found(
    restored: Restored, capsys: pytest.CaptureFixture[str]
) -> None:
    restored.add("/srv/gone").unlink()
    file = restored.add("/srv/link")
    file.unlink()
    file.symlink_to("/etc/passwd")
    found = restored.compared(capsys)
    assert sorted(found["examples"]) == [
        ["/srv/gone", "is missing"],
        ["/srv/link", "is no file any more"],
    ]


def test_what_was_written_while_it_was_backed_up_is_neither_proved_nor_wrong(
    restored: Restored, capsys: pytest.CaptureFixture[str]
) -> None:
    file = restored.add("/srv/log", b"one")
    file.write_bytes(b"one, two")
    os.utime(file, ns=(1, 1))
    (restored.root / "srv/new").write_bytes(b"came later")
    found = restored.compared(capsys)
    assert (found["files"], found["changed"], found["unknown"]) == (0, 1, 1)
    assert found["differences"] == 0


def test_many_differences_are_counted_and_some_named(
    restored: Restored, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(50):
        restored.add(f"/srv/{number}").unlink()
    found = restored.compared(capsys)
    assert found["differences"] == 50
    assert len(found["examples"]) == compare.MOST_EXAMPLES


def test_a_snapshot_without_a_manifest_proves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "srv").mkdir()
    assert events_of(tmp_path, ["/srv"], capsys)[0] == {"event": "files", "manifest": None}


def test_what_the_hook_recorded_is_what_the_comparison_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host = Host(tmp_path / "host")
    host.write("a/b", b"one")
    odd = os.fsencode(str(host.data)) + b"/\xff"
    with open(odd, "wb") as stream:  # noqa: PTH123
        stream.write(b"x")
    host.record()
    found, end = events_of(Path("/"), [str(host.data), str(host.dumps)], capsys)
    assert (found["files"], found["differences"], found["unknown"]) == (2, 0, 0)
    assert end["event"] == "end"


# Databases


class FakeCluster:
    """A PostgreSQL whose tables are told."""

    rows_by_table: dict[str, int] = {"public.people": 3}  # noqa: RUF012
    refuses = ""
    did: list[str] = []  # noqa: RUF012

    def __init__(self, version: str, folder: Path) -> None:
        if self.refuses == "install":
            raise compare.Fault(f"no PostgreSQL {version} to restore it into: no network")
        self.did = type(self).did = [f"version {version}"]

    def start(self) -> None:
        self.did.append("start")

    def stop(self) -> None:
        self.did.append("stop")

    def globals(self, file: Path) -> None:
        self.did.append(file.name)

    def restore(self, name: str, file: Path) -> None:
        self.did.append(f"{name} from {file.name}")
        if self.refuses == name:
            raise compare.Fault("pg_restore: the archive is cut off")

    def rows(self, database: str, table: str) -> int:
        return self.rows_by_table[table]


@pytest.fixture
def dumped(restored: Restored, monkeypatch: pytest.MonkeyPatch) -> type[FakeCluster]:
    folder = restored.dumps / "postgresql/17-main"
    folder.mkdir(parents=True)
    counts = {"a/b": {"public.people": 3}, "other": {"public.people": 4}}
    (folder / "counts.json").write_text(json.dumps(counts))
    for name in ("a%2Fb", "other"):
        (folder / f"{name}.dump").write_bytes(b"PGDMP")

    class Cluster(FakeCluster):
        pass

    monkeypatch.setattr(compare, "Cluster", Cluster)
    return Cluster


def databases(restored: Restored, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    (restored.dumps / "manifest.jsonl").write_text('{"schema": 1}\n')
    events = events_of(restored.root, ["/srv", "/var/dumps"], capsys)
    return {event["name"]: event for event in events if event["event"] == "database"}


def test_databases_are_restored_and_their_rows_counted(
    restored: Restored, dumped: type[FakeCluster], capsys: pytest.CaptureFixture[str]
) -> None:
    told = databases(restored, capsys)
    assert (told["a/b"]["rows"], told["a/b"]["problem"]) == (3, None)
    assert told["other"]["problem"] == "public.people has 3 rows, had 4"
    assert dumped.did == [
        "version 17", "start", "globals.sql", "a/b from a%2Fb.dump", "other from other.dump",
        "stop",
    ]  # fmt: skip


def test_one_database_that_can_t_be_restored_is_told_and_stops_no_other(
    restored: Restored, dumped: type[FakeCluster], capsys: pytest.CaptureFixture[str]
) -> None:
    dumped.refuses = "other"
    told = databases(restored, capsys)
    assert told["other"]["problem"] == "pg_restore: the archive is cut off"
    assert told["a/b"]["problem"] is None
    assert dumped.did[-1] == "stop"


def test_without_postgresql_no_database_is_proved(
    restored: Restored, dumped: type[FakeCluster], capsys: pytest.CaptureFixture[str]
) -> None:
    dumped.refuses = "install"
    told = databases(restored, capsys)
    assert {(one["problem"], one["untried"]) for one in told.values()} == {
        (None, "no PostgreSQL 17 to restore it into: no network")
    }


def test_a_dump_that_is_not_there_is_told(
    restored: Restored, dumped: type[FakeCluster], capsys: pytest.CaptureFixture[str]
) -> None:
    (restored.dumps / "postgresql/17-main/other.dump").unlink()
    assert databases(restored, capsys)["other"]["problem"] == "its dump is not in the snapshot"
