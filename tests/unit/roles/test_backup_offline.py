"""What the backup host writes to a volume that is attached for it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = Path(__file__).resolve().parents[3] / "roles/backup_host/files"
sys.path.insert(0, str(FILES))
SPEC = importlib.util.spec_from_file_location("hoaban_backup_host", FILES / "hoaban_backup_host.py")
assert SPEC is not None
assert SPEC.loader is not None
program = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(program)
offline = program.offline
store: Any = sys.modules["hoaban_backup_store"]

CLIENT = {"name": "so-y-te", "keep": {"daily": 7, "weekly": 4, "monthly": 12}}
TIME = "2026-03-18T12:00:00.123456789+07:00"


class Restic:
    """Repositories by their paths, as far as the program can see: files, keys and snapshots."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.fails: dict[str, Any] = {}
        self.snapshots: dict[str, list[dict[str, Any]]] = {}

    def run(self, environment: dict[str, str], *arguments: str) -> str:
        verb, path = arguments[0], environment["RESTIC_REPOSITORY"]
        self.calls.append(arguments)
        if verb in self.fails:
            raise self.fails[verb]
        if verb == "cat" and path not in self.snapshots:
            raise program.Fault("restic cat: no repository", 10)
        if verb == "init":
            self.snapshots[path] = []
            (Path(path) / "data").mkdir(parents=True)
        there = self.snapshots.get(path, [])
        if verb == "snapshots":
            return json.dumps(there)
        if verb == "forget" and "--dry-run" in arguments:
            return json.dumps([{"keep": there, "remove": None}])
        if verb == "copy":
            source = self.snapshots[environment["RESTIC_FROM_REPOSITORY"]]
            for one in source:
                if one["id"] in arguments:
                    there.append(one | {"id": f"copy-of-{one['id']}", "original": one["id"]})
                    self.write(Path(path), one["id"].encode())
        return ""

    def write(self, path: Path, content: bytes) -> None:
        """A snapshot's pack and the snapshot's own file."""
        folder = path / "data" / "aa"
        folder.mkdir(exist_ok=True)
        (folder / hashlib.sha256(content).hexdigest()).write_bytes(content)
        (path / "snapshots").mkdir(exist_ok=True)
        (path / "snapshots" / f"copy-of-{content.decode()}").touch()

    def verbs(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture
def restic(monkeypatch: pytest.MonkeyPatch) -> Restic:
    made = Restic()
    monkeypatch.setattr(offline, "run_restic", made.run)
    monkeypatch.setattr(store, "run_restic", made.run)
    monkeypatch.setattr(offline, "NAMED_AFTER_CONTENT", ("data",))
    return made


@pytest.fixture
def run(
    tmp_path: Path, restic: Restic, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], tuple[int, dict[str, Any]]]:
    """Copy one client's two snapshots to the volume `offline-1`."""
    monkeypatch.setattr(offline, "FOLDER", tmp_path / "state")
    root, keys = tmp_path / "volume", tmp_path / "keys"
    root.mkdir()
    keys.mkdir()
    (keys / "offline_password").write_text("secret\n")
    (keys / "offline_escrow.age").write_text("sealed\n")
    source = store.Repository("so-y-te", {"store": str(tmp_path / "store")}, keys)
    restic.snapshots[str(source.path)] = [
        {"id": name, "time": TIME, "paths": ["/srv"]} for name in ("one", "two")
    ]

    def go() -> tuple[int, dict[str, Any]]:
        status = offline.copy_all([(source, CLIENT)], "offline-1", keys, root)
        return status, json.loads((tmp_path / "state/offline-1.json").read_text())

    return go


def test_all_is_copied_read_back_and_checked_in_turn(
    run: Callable[[], tuple[int, dict[str, Any]]], restic: Restic, tmp_path: Path
) -> None:
    status, told = run()
    client = told["clients"]["so-y-te"]
    assert (status, told["outcome"], told["volume"]) == (0, "done", "offline-1")
    assert (client["added"], client["snapshots"]) == (2, 2)
    assert client["read_back"] == {"files": 2, "bytes": 6}
    assert client["newest"] == "2026-03-18T05:00:00+00:00"
    assert restic.verbs().index("init") < restic.verbs().index("copy")
    assert any("--read-data-subset=1/4" in call for call in restic.calls)
    assert (tmp_path / "volume/access.age").read_text() == "sealed\n"
    assert "restic -r restic/CLIENT restore" in (tmp_path / "volume/README.txt").read_text()
    # The second time there is nothing new, and the next part is read.
    restic.calls.clear()
    status, told = run()
    client = told["clients"]["so-y-te"]
    assert (status, client["added"], client["read_back"]["files"]) == (0, 0, 0)
    assert not {"init", "copy"} & set(restic.verbs())
    assert any("--read-data-subset=2/4" in call for call in restic.calls)


def test_what_does_not_read_as_it_was_written_fails(
    run: Callable[[], tuple[int, dict[str, Any]]], restic: Restic, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Restic.write

    def flipped(self: Restic, path: Path, content: bytes) -> None:
        write(self, path, content)
        (path / "data/aa" / hashlib.sha256(content).hexdigest()).write_bytes(b"?")

    monkeypatch.setattr(Restic, "write", flipped)
    status, told = run()
    assert (status, told["failed"]) == (1, ["so-y-te"])
    assert "does not read as it was written" in told["clients"]["so-y-te"]["error"]
    assert restic.calls


@pytest.mark.parametrize(
    ("verb", "fault", "words"),
    [
        ("copy", ("restic copy: no space left on device", 1), "no space left"),
        ("check", ("restic check: bad pack", 1), "bad pack"),
        ("cat", ("restic cat: wrong password", 12), "of a host before this one"),
        ("cat", ("restic cat: input/output error", 1), "input/output error"),
    ],
)
def test_a_fault_of_one_client_is_told_and_fails_the_run(
    run: Callable[[], tuple[int, dict[str, Any]]],
    restic: Restic,
    verb: str,
    fault: tuple[str, int],
    words: str,
) -> None:
    restic.fails = {verb: program.Fault(*fault)}
    status, told = run()
    assert status == 1
    assert words in told["clients"]["so-y-te"]["error"]
    if verb == "check":  # nothing is taken from what is damaged; it is read again
        restic.fails, before = {}, len(restic.calls)
        assert run()[0] == 0
        assert not {"prune"} & set(restic.verbs()[before:])


def test_a_run_that_is_killed_is_not_taken_for_the_one_before(
    run: Callable[[], tuple[int, dict[str, Any]]], restic: Restic, tmp_path: Path
) -> None:
    run()
    restic.fails = {"cat": KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        run()
    told = json.loads((tmp_path / "state/offline-1.json").read_text())
    assert (told["outcome"], told["ended"]) == ("unfinished", None)
    assert told["clients"]["so-y-te"]["check"]["part"] == 1, "which part was read is kept"
