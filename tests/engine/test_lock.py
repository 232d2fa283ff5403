"""Locks with leases: one holder at a time, dead ones taken over, lost ones that write nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoaban.engine.embedded import lease, lock
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.journal import Journal, JournalContent
from hoaban.engine.embedded.lease import Holder, Life
from hoaban.engine.embedded.lock import Lock, LockedError, LostLockError
from hoaban.engine.storage import ExpelledError
from hoaban.engine.storage.folder import FolderStorage
from tests.engine.test_journal import begin_run, open_store, thing

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = StackName("shop", "dev")


@pytest.fixture
def backend(memory_path: Path) -> Backend:
    made = Backend(memory_path)
    made.ensure()
    return made


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LEASE_SECONDS", 2.0)


def elsewhere(name: str = "elsewhere") -> None:
    """From here on this process is one of another machine, as far as others can tell."""
    vars(lease)["namespace"] = lambda: name


class Child:
    """A forked process; ``work`` returns its exit code, and waits at ``gate`` when it likes."""

    def __init__(self, work: Callable[[Child], int]) -> None:
        self._from_child, to_parent = os.pipe()
        from_parent, self._to_child = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self.gate = lambda: (os.write(to_parent, b"."), os.read(from_parent, 1))
            code = 99
            try:
                code = work(self)
            finally:
                os._exit(code)

    def wait_at_gate(self) -> None:
        assert os.read(self._from_child, 1) == b"."

    def go_on(self) -> None:
        os.write(self._to_child, b".")

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)

    def code(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def holding(backend: Backend, *, away: bool = False) -> Child:
    """A process that has the lock, and waits at its gate."""

    def work(child: Child) -> int:
        if away:
            elsewhere()
        with Lock(backend, NAME):
            child.gate()
        return 0

    child = Child(work)
    child.wait_at_gate()
    return child


def test_a_dead_holder_of_this_machine_is_taken_over_at_once(backend: Backend) -> None:
    child = holding(backend)
    with pytest.raises(LockedError, match=f"process {child.pid}"):
        Lock(backend, NAME).__enter__()
    child.kill()
    told: list[str] = []
    with Lock(backend, NAME, say=told.append) as taken:
        assert taken.generation == 2
        assert [one.pid for one in lock.holders(backend, NAME)] == [os.getpid()]
        assert len(list(backend.storage.list(backend.locks_prefix(NAME)))) == 1
    assert len(told) == 1
    assert told[0].startswith("took over the lock of ")
    assert "which no longer runs" in told[0]
    assert lock.holders(backend, NAME) == []
    assert [one.key for one in backend.storage.list("leases/")] == [
        "leases/shop/dev/000000000002.json"
    ]
    assert list((backend.storage.folder / "writers/shop/dev").iterdir()) == []


def test_another_process_of_the_same_number_is_not_the_holder(backend: Backend) -> None:
    me = Holder.me(1)
    assert me.process is Life.ALIVE
    assert replace(me, started=me.started - 1).process is Life.DEAD
    assert replace(me, namespace="another machine").process is Life.UNKNOWN
    official = replace(me, lease=0, generation=0)
    assert official.process is Life.ALIVE
    assert replace(official, pid=2**22 + 1).process is Life.DEAD
    before = "2020-01-02T03:04:05.123456789Z"
    assert replace(official, timestamp=before).process is Life.DEAD, "this process began later"
    assert replace(official, hostname="elsewhere", timestamp=before).process is Life.UNKNOWN


@pytest.mark.usefixtures("short")
def test_a_holder_elsewhere_is_taken_over_after_its_lease(backend: Backend) -> None:
    child = holding(backend, away=True)
    time.sleep(2.2)
    with pytest.raises(LockedError, match="its lease ends within 2 s"):
        Lock(backend, NAME).__enter__()
    child.kill()
    with pytest.raises(LockedError):
        Lock(backend, NAME).__enter__()
    time.sleep(2.1)
    told: list[str] = []
    with Lock(backend, NAME, say=told.append):
        pass
    assert "watching for 2 s" in told[0]
    assert "did not renew its lease of 2 s" in told[1]


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("off", [-86400, 86400])
def test_clocks_that_differ_take_no_lock_from_the_living(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    child = holding(backend, away=True)
    true = time.time
    monkeypatch.setattr(time, "time", lambda: true() + off)
    told: list[str] = []
    with pytest.raises(LockedError):
        Lock(backend, NAME, say=told.append).__enter__()
    assert "watching" in told[0]
    child.go_on()
    assert child.code() == 0


@pytest.mark.usefixtures("short")
def test_a_stopped_holder_finds_out_and_writes_nothing(backend: Backend, memory_path: Path) -> None:
    """Stopped past its lease, taken over, then let go on, with a step in hand and one to write."""

    def work(child: Child) -> int:
        elsewhere()
        store = open_store(memory_path)
        with Lock(store.backend, NAME) as held:
            ledger = begin_run(store)
            call = ledger.begin("creating", thing("d"))
            child.gate()
            attempts: list[Callable[[], object]] = [
                lambda: ledger.begin("creating", thing("e")),
                ledger.commit,
                held.check,
                held.renew,
                # And what is past its check when it is stopped:
                lambda: store.backend.storage.write("stacks/shop/dev.json", b"late"),
                lambda: store.backend.storage.copy("meta.yaml", "stacks/shop/dev.json"),
                lambda: Journal.begin(
                    store.backend.storage, store.journal_key, stack="", base="", registered=0
                ),
            ]
            refused = 0
            for attempt in attempts:
                try:
                    attempt()
                except ExpelledError as error:
                    refused += isinstance(error, LostLockError)
                else:
                    return 1
            # The provider's answer comes too late for anybody but the cloud.
            with contextlib.suppress(LostLockError):
                ledger.register(thing("d"), call=call)
        return 0 if refused == 4 else 2

    child = Child(work)
    child.wait_at_gate()
    child.stop()
    time.sleep(2.1)
    store = open_store(memory_path)
    with Lock(store.backend, NAME) as taken:
        assert taken.generation == 2
        before = tree(memory_path)
        child.go_on()
        os.kill(child.pid, signal.SIGCONT)
        assert child.code() == 0
        assert tree(memory_path) == before
        content = JournalContent.read(store.backend.storage, store.journal_key)
        assert content is not None
        assert [one for one in content.changes if "pending" in one], "its call is known"
        assert not any("end" in one for one in content.changes)
        taken.check()


def tree(folder: Path) -> dict[str, bytes]:
    """All files but claims, which are renewed."""
    found = (
        one
        for one in folder.rglob("*")
        if one.is_file() and not {"leases", "writers"} & set(one.parts)
    )
    return {str(one): one.read_bytes() for one in found}


def test_a_stopped_holder_of_this_machine_is_alive(backend: Backend) -> None:
    child = holding(backend)
    child.stop()
    with pytest.raises(LockedError, match=f"kill -CONT {child.pid}"):
        Lock(backend, NAME).__enter__()
    os.kill(child.pid, signal.SIGCONT)
    child.go_on()
    assert child.code() == 0


def test_a_live_holder_finds_out_that_it_was_cancelled(backend: Backend) -> None:
    with Lock(backend, NAME) as held:
        assert [one.pid for one in lock.release(Backend(backend.storage.root), NAME)] == [
            os.getpid()
        ]
        with pytest.raises(LostLockError, match="lost the lock of organization/shop/dev"):
            held.check()
        with Lock(Backend(backend.storage.root), NAME) as next_one:
            assert next_one.generation == 3
            with pytest.raises(ExpelledError):
                backend.storage.write("stacks/shop/dev.json", b"late")
    assert lock.holders(Backend(backend.storage.root), NAME) == []


def test_the_official_cancel_is_noticed_at_the_next_renewal(backend: Backend) -> None:
    """It removes what stands in the lock folder, and knows of nothing else."""
    with Lock(backend, NAME) as held:
        for one in backend.storage.list(backend.locks_prefix(NAME)):
            backend.storage.delete(one.key)
        with pytest.raises(LostLockError, match="somebody's cancel"):
            held.renew()
    with Lock(Backend(backend.storage.root), NAME) as next_one:
        assert next_one.generation == 2


def official(backend: Backend, pid: int, host: str) -> Path:
    file = backend.storage.path(backend.locks_prefix(NAME)) / "5d0c8e3e.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    body = {"pid": pid, "username": "lan", "hostname": host, "timestamp": "2026-01-02T03:04:05Z"}
    file.write_text(json.dumps(body))
    return file


def test_a_dead_lock_of_the_official_engine_is_taken_over(backend: Backend) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    file = official(backend, process.pid, socket.gethostname())
    told: list[str] = []
    with Lock(backend, NAME, say=told.append):
        assert not file.exists()
    who = f"lan on {socket.gethostname()}, process {process.pid}, since 2026-01-02T03:04:05Z"
    assert told == [f"took over the lock of {who}, which no longer runs"]


def test_whoever_meets_the_official_engine_gives_way(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It puts its lock between this engine's look and its mark; once it gives way, we go on."""
    meetings = 0
    write = FolderStorage.write

    def meet(self: FolderStorage, key: str, content: bytes, *, keep_as: str = "") -> None:
        nonlocal meetings
        if key.startswith("locks/"):
            meetings += 1
            official(backend, 77, "elsewhere")
        write(self, key, content, keep_as=keep_as)

    def pause(_: float) -> None:
        backend.storage.path(f"{backend.locks_prefix(NAME)}5d0c8e3e.json").unlink()
        if meetings == 2:
            monkeypatch.setattr(FolderStorage, "write", write)

    monkeypatch.setattr(FolderStorage, "write", meet)
    monkeypatch.setattr(lock.time, "sleep", pause)
    with Lock(backend, NAME) as held:
        assert (meetings, held.generation) == (2, 3)


def test_a_process_killed_while_it_takes_the_lock_is_in_nobodys_way(memory_path: Path) -> None:
    """Killed with -9 at each file that taking, holding and giving back puts in place."""
    ticks = 0
    while True:
        ticks += 1
        backend = Backend(memory_path / str(ticks))
        backend.ensure()

        def work(_: Child, backend: Backend = backend, at: int = ticks) -> int:
            left = [at]

            def ticking(function: Callable[..., object]) -> Callable[..., object]:
                def around(*args: object, **more: object) -> object:
                    left[0] -= 1
                    if left[0] == 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return function(*args, **more)

                return around

            for name in ("write", "create", "delete", "dismiss", "admitted", "list"):
                setattr(FolderStorage, name, ticking(getattr(FolderStorage, name)))
            with Lock(backend, NAME):
                pass
            return 0

        code = Child(work).code()
        with Lock(backend, NAME):
            assert len(backend.storage.list(backend.locks_prefix(NAME))) == 1
            assert len(backend.storage.list("leases/")) == 1
        assert backend.storage.list(backend.locks_prefix(NAME)) == []
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert ticks > 10


def test_one_that_slept_since_it_looked_takes_nothing(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its generation is free again, since those that came meanwhile have tidied up."""
    admitted, slept = FolderStorage.admitted, []

    def meanwhile(self: FolderStorage, writer: str) -> FolderStorage:
        if not slept:
            slept.append(writer)
            for _ in range(3):
                with Lock(Backend(backend.storage.root), NAME):
                    pass
        return admitted(self, writer)

    monkeypatch.setattr(FolderStorage, "admitted", meanwhile)
    with Lock(backend, NAME) as held:
        assert slept[0].startswith("shop/dev/000000000001.")
        assert held.generation == 4
        assert lock.claims_of(backend, NAME).generations() == [4]


def test_one_that_is_taken_over_while_it_settles_is_kept_out(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so is who held the lock before it, whom it had no time to expel."""
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.6)
    first = Lock(Backend(backend.storage.root), NAME)
    first.__enter__()
    late = [first._backend]
    expel = FolderStorage.expel

    def meanwhile(self: FolderStorage, group: str, number: int, *, but: str = "") -> None:
        if len(late) == 1:
            late.append(second)
            monkeypatch.setattr(lease, "namespace", lambda: "a third")
            time.sleep(0.7)
            third = Backend(backend.storage.root)
            with Lock(third, NAME) as held:
                assert held.generation == 3
                third.storage.write("stacks/shop/dev.json", b"third")
            monkeypatch.setattr(lease, "namespace", lambda: "a second")
        expel(self, group, number, but=but)

    first._ended.set()  # its renewals stop
    time.sleep(0.7)
    monkeypatch.setattr(lease, "namespace", lambda: "a second")
    monkeypatch.setattr(FolderStorage, "expel", meanwhile)
    second = Backend(backend.storage.root)
    with Lock(second, NAME) as held:
        assert held.generation == 4
        with pytest.raises(ExpelledError):
            late[0].storage.write("stacks/shop/dev.json", b"first")
        assert second.storage.read("stacks/shop/dev.json") == b"third"
    first.release()


PROCESSES, TURNS = 5, 4


def crowd(place: Path | str, *, dies: bool = False, processes: int = PROCESSES) -> tuple[int, int]:
    """Processes, each on a machine of its own, that each want some turns; and one that is killed.

    Returns the turns that were had and those that a counter has, which is read, waited upon and
    written: two at a time, or one that comes too late, would lose one.
    """

    def turn(number: int, had: int) -> None:
        backend = Backend(place)
        with Lock(backend, NAME):
            before = int(backend.storage.read("count") or 0)
            time.sleep(0.01)
            backend.check()
            backend.storage.write("count", str(before + 1).encode())
            if dies and number == 0 and had == 1:
                os.kill(os.getpid(), signal.SIGKILL)

    def work(number: int) -> int:
        if number:
            elsewhere(f"machine {number}")
        had = 0
        until = time.monotonic() + 300
        while had < TURNS and time.monotonic() < until:
            try:
                turn(number, had)
                had += 1
            except (LockedError, ExpelledError):
                time.sleep(0.02)
        return had

    children = [Child(lambda _, number=number: work(number)) for number in range(processes)]
    codes = [child.code() for child in children]
    assert codes[0] == (-signal.SIGKILL if dies else TURNS)
    counted = int(Backend(place).storage.read("count") or 0)
    return sum(max(code, 0) for code in codes) + 2 * dies, counted


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("dies", [False, True])
def test_many_at_once_one_at_a_time(memory_path: Path, dies: bool) -> None:
    backend = Backend(memory_path)
    backend.ensure()
    had, counted = crowd(memory_path, dies=dies)
    assert had == counted == PROCESSES * TURNS - (TURNS - 2) * dies
    with Lock(backend, NAME):  # the killed one's turn may have been the last
        assert len(lock.holders(backend, NAME)) == 1
    assert lock.holders(backend, NAME) == []
    newest = lock.claims_of(backend, NAME).newest()
    assert newest is not None
    assert newest.generation >= counted


def test_of_two_that_start_together_one_wins(memory_path: Path) -> None:
    for attempt in range(10):
        backend = Backend(memory_path / str(attempt))
        backend.ensure()

        def work(child: Child, backend: Backend = backend) -> int:
            child.gate()
            try:
                with Lock(backend, NAME):
                    child.gate()
            except LockedError:
                return 1
            return 0

        children = [Child(work) for _ in range(2)]
        for child in children:
            child.wait_at_gate()
        for child in children:
            child.go_on()
            child.go_on()
        codes = sorted(child.code() for child in children)
        assert codes in ([0, 0], [0, 1]), "one after the other, or one at a time; never none"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
FIELDS = ("pid", "username", "hostname", "timestamp", "generation", "lease", "renewed", "started")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary() | st.dictionaries(st.sampled_from(FIELDS), JSON).map(json.dumps))
def test_whatever_a_lock_says_it_locks(content: bytes | str) -> None:
    """Unless it says that its process is one of this machine, which is not there."""
    with tempfile.TemporaryDirectory(prefix="hoaban-test-") as folder:
        backend = Backend(Path(folder))
        backend.ensure()
        file = backend.storage.path(f"{backend.locks_prefix(NAME)}x.json")
        file.parent.mkdir(parents=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = lock.holders(backend, NAME)
        if all(one.dead for one in found):
            with Lock(backend, NAME) as held:
                assert held.generation == 1
        else:
            with pytest.raises(LockedError):
                Lock(backend, NAME).__enter__()
