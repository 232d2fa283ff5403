"""The file backend: whole files or none, locks both engines see, history, damaged states."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from hoaban import files
from hoaban.engine.embedded import lock
from hoaban.engine.embedded.backend import Backend, StackName, digest
from hoaban.engine.embedded.history import HistoryEntry
from hoaban.engine.embedded.lock import Lock, LockedError
from hoaban.engine.storage import StateWriteError
from hoaban.engine.storage.folder import write_private
from hoaban.errors import HoabanError

NAME = StackName("shop", "dev")
STATE = b'{"version":3,"checkpoint":{"stack":"organization/shop/dev","latest":{"metadata":{}}}}'


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    made = Backend(tmp_path / "state")
    made.ensure()
    return made


def test_layout(backend: Backend) -> None:
    folder = backend.storage.folder
    assert (folder / "meta.yaml").read_text() == "version: 1\n"
    backend.commit(NAME, STATE)
    backend.add_history(
        NAME, HistoryEntry("update", "thử", 100, 107, succeeded=True, changes={"create": 3})
    )
    found = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}
    stamp = next(one for one in found if one.endswith(".history.json")).split("-")[1].split(".")[0]
    plain = {
        "meta.yaml",
        "stacks/shop/dev.json",
        f"history/shop/dev/dev-{stamp}.history.json",
        f"history/shop/dev/dev-{stamp}.checkpoint.json",
        f"backups/shop/dev/dev.{stamp}.json",
    }
    assert found == plain | {f"{one}.attrs" for one in plain}
    entry = json.loads((folder / f"history/shop/dev/dev-{stamp}.history.json").read_text())
    assert list(entry) == [
        "kind", "startTime", "message", "environment", "config", "version", "result", "endTime",
        "resourceChanges",
    ]  # fmt: skip
    assert entry["result"] == "succeeded"
    attributes = json.loads((backend.storage.folder / "stacks/shop/dev.json.attrs").read_text())
    assert attributes["md5"] == base64.b64encode(hashlib.md5(STATE).digest()).decode()  # noqa: S324
    assert backend.stacks() == [NAME]


def test_the_checkpoint_before_is_kept(backend: Backend) -> None:
    backend.commit(NAME, STATE)
    second = STATE.replace(b'"metadata":{}', b'"metadata":{"n":2}')
    assert backend.commit(NAME, second) == digest(second)
    assert backend.storage.path(backend.backup_key(NAME)).read_bytes() == STATE
    assert Path(backend.where(NAME)).read_bytes() == second
    backend.add_history(NAME, HistoryEntry("update", "", 0, 0, succeeded=True, changes={}))
    backend.commit(NAME, STATE)
    saved = next((backend.storage.folder / "backups/shop/dev").glob("*.json"))
    assert saved.read_bytes() == second, "a backup does not change with the checkpoint"


@pytest.mark.parametrize("fails", ["write", "fsync", "replace"])
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    file = tmp_path / "dev.json"
    write_private(file, b"old")

    def no_space(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if fails == "write":
        monkeypatch.setattr(files, "_write_synced", no_space)
    elif fails == "fsync":
        monkeypatch.setattr(files.os, "fsync", no_space)
    else:
        monkeypatch.setattr(Path, "replace", no_space)
    with pytest.raises(StateWriteError, match="No space left on device") as caught:
        write_private(file, b"new", keep_as=tmp_path / "dev.json.bak")
    assert "make room" in str(caught.value)
    assert file.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".new")] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00" * 100, "not a checkpoint"),
        (STATE[:40], "not a checkpoint"),
        (STATE.replace(b"shop/dev", b"shop/prod"), "holds the state of organization/shop/prod"),
    ],
)
def test_a_damaged_state_says_how_to_restore_it(
    backend: Backend, content: bytes, message: str
) -> None:
    backend.commit(NAME, STATE)
    backend.commit(NAME, STATE)
    Path(backend.where(NAME)).write_bytes(content)
    with pytest.raises(HoabanError, match=message) as caught:
        backend.read(NAME)
    told = str(caught.value)
    assert f"cp {backend.where(NAME)}.bak {backend.where(NAME)}" in told


def test_the_newest_good_copy_is_the_one_to_restore(backend: Backend) -> None:
    backend.commit(NAME, STATE)
    saved = backend.storage.folder / "backups" / NAME.project / NAME.stack
    saved.mkdir(parents=True)
    for stamp, content in ((10, STATE), (20, STATE), (30, STATE[:40])):
        copy = saved / f"{NAME.stack}.{stamp}.json"
        copy.write_bytes(content)
        os.utime(copy, (stamp, stamp))
    Path(backend.where(NAME)).write_bytes(b"")
    with pytest.raises(HoabanError, match="not a checkpoint") as caught:
        backend.read(NAME)
    assert f"cp {saved / f'{NAME.stack}.20.json'} " in str(caught.value.mend)


def test_nothing_to_restore_from(backend: Backend) -> None:
    file = Path(backend.where(NAME))
    file.parent.mkdir(parents=True)
    file.write_bytes(b"?")
    with pytest.raises(HoabanError, match="your own backup"):
        backend.read(NAME)


def test_other_layouts_are_refused(tmp_path: Path) -> None:
    backend = Backend(tmp_path)
    (tmp_path / ".pulumi/stacks").mkdir(parents=True)
    (tmp_path / ".pulumi/stacks/dev.json").write_text("{}")
    with pytest.raises(HoabanError, match="old layout"):
        backend.ensure()
    (tmp_path / ".pulumi/meta.yaml").write_text("version: 9\n")
    with pytest.raises(HoabanError, match="layout is not known: version: 9"):
        backend.ensure()


def test_compressed_states_are_refused_by_name(backend: Backend) -> None:
    compressed = Path(backend.where(NAME)).with_name("dev.json.gz")
    compressed.parent.mkdir(parents=True)
    compressed.write_bytes(b"")
    with pytest.raises(HoabanError, match="compressed"):
        backend.read(NAME)


def test_one_lock_at_a_time(backend: Backend) -> None:
    with Lock(backend, NAME):
        with pytest.raises(LockedError) as caught, Lock(backend, NAME):
            pytest.fail("two held the lock")
        told = str(caught.value)
        assert f"process {os.getpid()}" in told
        assert socket.gethostname() in told
        assert "since 20" in told
        assert "wait until it ends" in told
        with Lock(backend, StackName("shop", "prod")):
            assert len(lock.holders(backend, NAME)) == 1
    assert lock.holders(backend, NAME) == []
    with Lock(backend, NAME):
        assert len(lock.holders(backend, NAME)) == 1


def test_the_lock_is_in_the_official_layout(backend: Backend) -> None:
    with Lock(backend, NAME):
        folder = backend.storage.folder / "locks/organization/shop/dev"
        file = next(one for one in folder.iterdir() if one.suffix == ".json")
        body = json.loads(file.read_text())
        assert list(body)[:4] == ["pid", "username", "hostname", "timestamp"]


def official_lock(backend: Backend, pid: int, host: str) -> Path:
    folder = backend.storage.path(backend.locks_prefix(NAME))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "5d0c8e3e-0000-4000-8000-000000000000.json"
    body = {"pid": pid, "username": "lan", "hostname": host, "timestamp": "2026-01-02T03:04:05Z"}
    file.write_text(json.dumps(body))
    return file


def test_a_lock_of_the_official_engine_is_seen(backend: Backend) -> None:
    official_lock(backend, 77, "elsewhere")
    with pytest.raises(LockedError, match="lan on elsewhere, process 77, since 2026-01-02"):
        Lock(backend, NAME).__enter__()
    assert len(lock.holders(backend, NAME)) == 1, "one's own file is taken away again"


def test_a_dead_holder_is_told_and_released(backend: Backend) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    file = official_lock(backend, process.pid, socket.gethostname())
    assert [one.dead for one in lock.holders(backend, NAME)] == [True]
    assert [one.pid for one in lock.release(backend, NAME)] == [process.pid]
    assert not file.exists()
    with Lock(backend, NAME):
        assert [one.pid for one in lock.holders(backend, NAME)] == [os.getpid()]


def test_an_unreadable_lock_still_locks(backend: Backend) -> None:
    official_lock(backend, 1, "x").write_text("{")
    with pytest.raises(LockedError, match="unknown on unknown"):
        Lock(backend, NAME).__enter__()
