"""What every place of state keeps to: folders, S3 servers with conditions, and those like Swift."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from hoaban.engine.embedded import care, copies, lease, restore, stackfiles
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.lock import Lock, holders
from hoaban.engine.storage import ExpelledError, Storage, open_storage
from tests.engine.conftest import Lab
from tests.engine.fake_provider import FakeCloud
from tests.engine.test_lock import NAME, TURNS, Child, crowd, elsewhere, holding

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.engine.api import Stack

GROUP = "shop/dev"


@pytest.fixture
def storage(place: Path | str) -> Storage:
    return open_storage(place)


def test_blobs(storage: Storage) -> None:
    assert storage.read("stacks/a/b.json") is None
    assert storage.modified("stacks/a/b.json") is None
    before = time.time()
    storage.write("stacks/a/b.json", b"one", keep_as="stacks/a/b.json.bak")
    assert storage.read("stacks/a/b.json.bak") is None, "nothing was there to keep"
    storage.write("stacks/a/b.json", b"hai", keep_as="stacks/a/b.json.bak")
    assert storage.read("stacks/a/b.json") == b"hai"
    assert storage.read("stacks/a/b.json.bak") == b"one"
    assert before - 2 < (storage.modified("stacks/a/b.json") or 0) < time.time() + 2
    storage.write("stacks/a/trống.json", b"")
    assert storage.read("stacks/a/trống.json") == b""
    storage.copy("stacks/a/b.json", "backups/a/b/1.json")
    storage.copy("stacks/a/none.json", "backups/a/b/2.json")
    listed = [one.key for one in storage.list("stacks/")]
    assert listed == ["stacks/a/b.json", "stacks/a/b.json.bak", "stacks/a/trống.json"]
    assert [one.key for one in storage.list("backups/a/b/")] == ["backups/a/b/1.json"]
    assert storage.list("history/") == []
    storage.delete("stacks/a/b.json")
    storage.delete("stacks/a/b.json")
    assert not storage.exists("stacks/a/b.json")
    assert storage.read("backups/a/b/1.json") == b"hai"


def test_of_many_that_create_one_is_told_so(storage: Storage, place: Path | str) -> None:
    """Threads of this process, and other processes."""
    storage.create("leases/x/warm-up.json", b"")
    for attempt in range(2):
        key = f"leases/x/{attempt}.json"

        def work(child: Child, key: str = key) -> int:
            mine = open_storage(place)
            child.gate()
            return int(mine.create(key, f"{os.getpid()}".encode()))

        children = [Child(work) for _ in range(3)]
        for child in children:
            child.wait_at_gate()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            threads = [pool.submit(storage.create, key, f"thread {n}".encode()) for n in range(4)]
            for child in children:
                child.go_on()
            told = {f"thread {n}": one.result() for n, one in enumerate(threads)}
        told |= {str(child.pid): bool(child.code()) for child in children}
        assert sum(told.values()) == 1, told
        winner = next(who for who, won in told.items() if won)
        assert storage.read(key) == winner.encode()
        assert not storage.create(key, b"too late")


def test_a_log_grows_and_goes(storage: Storage) -> None:
    key = "journals/shop/dev.jsonl"
    assert storage.read_log(key) is None
    log = storage.begin_log(key, b"first\n")
    for number in range(12):
        log.write(f"{number}\n".encode())
        log.write(b"and\n")
        log.cut()
        log.sync()
    log.write(b"not synced\n")
    told = b"first\n" + b"".join(f"{number}\nand\n".encode() for number in range(12))
    content = storage.read_log(key)
    assert content is not None
    assert content.startswith(told)
    log.close()
    assert storage.read_log(key) == told + b"not synced\n"
    assert storage.exists(key)
    again = storage.reopen_log(key)
    again.write(b"more\n")
    again.cut()
    again.sync()
    assert storage.read_log(key) == told + b"not synced\nmore\n"
    storage.begin_log(key, b"another\n")
    assert storage.read_log(key) == b"another\n"
    storage.delete_log(key)
    storage.delete_log(key)
    assert storage.read_log(key) is None
    assert storage.list("journals/") == [], "no part of it stays"


def test_who_had_a_sealed_log_open_adds_to_what_nobody_reads(storage: Storage) -> None:
    key = "journals/shop/dev.jsonl"
    log = storage.begin_log(key, b"first\n")
    log.write(b"in time\n")
    log.cut()
    log.sync()
    storage.seal_log("journals/shop/none.jsonl")
    storage.seal_log(key)
    log.write(b"late\n")
    log.cut()
    log.sync()
    assert storage.read_log(key) == b"first\nin time\n"
    again = storage.reopen_log(key)
    again.write(b"of the next\n")
    again.cut()
    again.sync()
    log.write(b"later still\n")
    log.cut()
    log.sync()
    log.close()
    assert storage.read_log(key) == b"first\nin time\nof the next\n"


def test_an_expelled_writer_writes_nothing(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hoaban.engine.storage.s3._LATEST_SECONDS", 0.1)
    first = storage.admitted(f"{GROUP}/000000000001.a")
    other = storage.admitted("shop/prod/000000000001.a")
    second = storage.admitted(f"{GROUP}/000000000002.b")
    first.write("stacks/shop/dev.json", b"first", keep_as="stacks/shop/dev.json.bak")
    first.write("stacks/shop/dev.json", b"again", keep_as="stacks/shop/dev.json.bak")
    assert not first.expelled()
    storage.expel(GROUP, 2, but=f"{GROUP}/000000000002.b")
    for attempt in (
        lambda: first.write("stacks/shop/dev.json", b"late"),
        lambda: first.write("stacks/shop/dev.json", b"late", keep_as="stacks/shop/dev.json.bak"),
        lambda: first.copy("stacks/shop/dev.json.bak", "stacks/shop/dev.json"),
        lambda: first.begin_log("journals/shop/dev.jsonl", b"late\n"),
    ):
        with pytest.raises(ExpelledError, match="another run took over"):
            attempt()
    assert first.expelled()
    assert storage.read("stacks/shop/dev.json") == b"again"
    assert storage.read("stacks/shop/dev.json.bak") == b"first"
    assert storage.read_log("journals/shop/dev.jsonl") is None
    other.write("stacks/shop/prod.json", b"of its own group")
    second.write("stacks/shop/dev.json", b"second")
    assert not second.expelled()
    assert storage.read("stacks/shop/dev.json") == b"second"
    for writer in (f"{GROUP}/000000000001.a", f"{GROUP}/000000000002.b"):
        storage.dismiss(writer)
        storage.dismiss(writer)
    storage.dismiss("shop/prod/000000000001.a")
    assert storage.list("writers/") == []


def test_a_dead_holder_is_taken_over(place: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoaban.engine.storage.s3._LATEST_SECONDS", 0.1)
    backend = Backend(place)
    backend.ensure()
    child = holding(backend)
    assert [one.pid for one in holders(backend, NAME)] == [child.pid]
    child.kill()
    told: list[str] = []
    with Lock(backend, NAME, say=told.append) as taken:
        assert taken.generation == 2
        backend.storage.write("stacks/shop/dev.json", b"taken")
    assert "which no longer runs" in told[0]
    assert holders(backend, NAME) == []
    assert [one.key for one in backend.storage.list("leases/")] == [
        "leases/shop/dev/000000000002.json"
    ]
    assert backend.storage.list("locks/") == []


def test_a_stopped_holder_elsewhere_finds_out(
    place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped past its lease with a write in hand, taken over, then let go on."""
    monkeypatch.setattr(lease, "LEASE_SECONDS", 3.0)
    monkeypatch.setattr("hoaban.engine.storage.s3._LATEST_SECONDS", 0.1)
    backend = Backend(place)
    backend.ensure()

    def work(child: Child) -> int:
        elsewhere()
        with Lock(backend, NAME) as held:
            backend.storage.write("stacks/shop/dev.json", b"first")
            child.gate()
            refused = 0
            for attempt in (
                lambda: backend.storage.write("stacks/shop/dev.json", b"late"),
                lambda: backend.storage.copy("meta.yaml", "stacks/shop/dev.json"),
                held.renew,
                held.check,
            ):
                try:
                    attempt()
                except ExpelledError:
                    refused += 1
        return refused

    child = Child(work)
    child.wait_at_gate()
    child.stop()
    time.sleep(3.2)
    told: list[str] = []
    with Lock(backend, NAME, say=told.append) as taken:
        assert taken.generation == 2
        backend.storage.write("stacks/shop/dev.json", b"second")
        child.go_on()
        os.kill(child.pid, signal.SIGCONT)
        assert child.code() == 4
        assert backend.storage.read("stacks/shop/dev.json") == b"second"
    assert "did not renew its lease of 3 s" in told[-1]


def test_many_at_once_one_at_a_time(place: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each on a machine of its own."""
    monkeypatch.setattr(lease, "LEASE_SECONDS", 10.0)
    backend = Backend(place)
    backend.ensure()
    had, counted = crowd(place, processes=3)
    assert had == counted == 3 * TURNS
    assert holders(backend, NAME) == []


@dataclass
class Placed(Lab):
    """A stack with its state in another place, and its cloud in memory."""

    place: Path | str = ""

    @property
    def stack(self) -> Stack:
        return replace(super().stack, backend=self.place)


def test_a_stack_is_made_planned_and_destroyed(place: Path | str, tmp_path: Path) -> None:
    lab = Placed(tmp_path, FakeCloud(), place=place)
    made = lab.up('a = Thing("a", x=1)\nb = Thing("b", a=a.id)\nexport("id", b.id)')
    assert made.changes["create"] == 4
    assert sorted(one.properties["__name"] for one in lab.cloud.things.values()) == ["a", "b"]
    kept = open_storage(place)
    assert kept.list("journals/") == kept.list("writers/") == kept.list("locks/") == []
    state = json.loads(kept.read("stacks/shop/dev.json") or b"")
    assert len(state["checkpoint"]["latest"]["resources"]) == 4
    assert len(kept.list("history/shop/dev/")) == 2
    planned = lab.preview('a = Thing("a", x=2)\nb = Thing("b", a=a.id)')
    assert planned.changes["update"] == 1
    lab.run("destroy")
    assert lab.cloud.things == {}
    assert holders(Backend(place), NAME) == []


def test_a_stack_is_restored_renamed_and_forgotten(place: Path | str, tmp_path: Path) -> None:
    lab = Placed(tmp_path, FakeCloud(), place=place)
    for number in (1, 2):
        lab.up(f'a = Thing("a", x={number})')
    backend = Backend(place)

    assert [one.version for one in copies.copies(backend, NAME)] == [1, 2]
    restore.restore(lab.stack, copies.of_version(backend, NAME, 1))
    restore.restore(lab.stack, copies.of_version(backend, NAME, 2))
    assert inputs_of(lab)["x"] == 2
    restore.restore(lab.stack, copies.of_version(backend, NAME, 1))
    assert inputs_of(lab)["x"] == 1
    assert care.verify(lab.stack) == []
    new = replace(lab.stack, name="prod", config_file=tmp_path / "Pulumi.shop.prod.yaml")
    assert stackfiles.rename(lab.stack, new) == 3
    assert backend.stacks() == [StackName("shop", "prod")]
    lab.stack_name = "prod"
    assert inputs_of(lab)["x"] == 1
    assert backend.storage.list("changes/") == []
    kinds = [entry["kind"] for entry in copies.entries(backend, StackName("shop", "prod"))]
    assert kinds[0] == "rename"
    assert len(kinds) == 6
    lab.run("destroy")
    stackfiles.remove(lab.stack)
    assert backend.stacks() == []
    assert backend.forgotten() == [StackName("shop", "prod")]


def inputs_of(lab: Placed) -> dict[str, object]:
    state = json.loads(open_storage(lab.place).read(f"stacks/shop/{lab.stack_name}.json") or b"")
    found = state["checkpoint"]["latest"]["resources"]
    return next(one["inputs"] for one in found if one["type"] == "fake:index:Thing")
