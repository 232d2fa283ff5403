"""The ledger and its journal: what a crash leaves at any instant is what was true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.journal import Journal, JournalContent
from hoaban.engine.embedded.ledger import Ledger
from hoaban.engine.embedded.secrets import PassphraseCrypter
from hoaban.engine.embedded.state import Resource, StateFormatError
from hoaban.engine.embedded.store import Store
from hoaban.engine.embedded.verify import problems
from hoaban.engine.storage import StateWriteError
from hoaban.engine.storage.folder import FileLog
from hoaban.engine.values import Secret
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Callable

CRYPTER = PassphraseCrypter.create("x")
STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
PROVIDER = "urn:pulumi:dev::shop::pulumi:providers:fake::default"


def open_store(folder: Path) -> Store:
    backend = Backend(folder)
    backend.ensure()
    return Store(backend, StackName("shop", "dev"), CRYPTER)


def journal_file(store: Store) -> Path:
    return store.backend.storage.path(store.journal_key)


def open_ledger(store: Store) -> Ledger:
    loaded = store.load()
    return Ledger(store, loaded.snapshot, base=loaded.base, persist=True)


def stack() -> Resource:
    return Resource(urn=STACK, custom=False, type="pulumi:pulumi:Stack")


def provider() -> Resource:
    return Resource(urn=PROVIDER, custom=True, type="pulumi:providers:fake", id="p")


def thing(name: str, *on: str, id_: str | None = None, **inputs: object) -> Resource:
    urn = f"urn:pulumi:dev::shop::fake:index:Thing::{name}"
    return Resource(
        urn=urn,
        custom=True,
        type="fake:index:Thing",
        id=id_ or f"id-{name}",
        inputs=dict(inputs),
        outputs={"secret": Secret(name)},
        parent=STACK,
        provider=f"{PROVIDER}::p",
        dependencies=tuple(f"urn:pulumi:dev::shop::fake:index:Thing::{one}" for one in on),
    )


def begin_run(store: Store) -> Ledger:
    """A second run that has come as far as the stack itself and its provider."""
    first_run(store)
    ledger = open_ledger(store)
    ledger.keep(ledger.olds[0])
    ledger.keep(ledger.olds[1])
    return ledger


def names(resources: list[Resource]) -> list[str]:
    return [
        one.urn.rpartition("::")[2] + "!" * one.delete + "?" * one.pending_replacement
        for one in resources
    ]


def first_run(store: Store) -> None:
    ledger = open_ledger(store)
    for one in (stack(), provider(), thing("a"), thing("b", "a"), thing("c", "b")):
        ledger.register(one)
    ledger.commit()


def after_crash(store: Store) -> tuple[list[str], list[str]]:
    """What a new process finds."""
    snapshot = Store(store.backend, store.name, CRYPTER).load().snapshot
    assert problems(snapshot.resources) == []
    return names(snapshot.resources), [
        one.resource.urn.rpartition("::")[2] for one in snapshot.pending
    ]


def test_every_step_survives_a_crash(tmp_path: Path) -> None:
    """A run with each kind of change; after each, memory and a new reader agree."""
    store = open_store(tmp_path)
    first_run(store)
    ledger = open_ledger(store)
    root, default, a, b, c = ledger.olds
    found: list[list[str]] = []

    def step(change: Callable[[], object]) -> object:
        result = change()
        if ledger._journal is not None:
            ledger._journal._log.cut()
        snapshot = ledger.snapshot()
        resources, pending = after_crash(store)
        assert resources == names(snapshot.resources)
        assert sorted(pending) == sorted(
            one.resource.urn.rpartition("::")[2] for one in snapshot.pending
        )
        found.append(resources)
        return result

    step(lambda: ledger.keep(root))
    step(lambda: ledger.keep(default))
    # a is replaced: the new one is made, the old one waits.
    a2 = thing("a", id_="id-a2", x=2)
    call = ledger.begin("creating", a2)
    step(lambda: ledger.register(a2, replaced=a, call=call))
    assert found[-1] == ["shop-dev", "default", "a", "a!", "b", "c"]
    # c is deleted before it is made again, b is updated in place.
    call = ledger.begin("deleting", c)
    step(lambda: ledger.change(c, replace(c, pending_replacement=True), call=call))
    call = ledger.begin("updating", b)
    b2 = thing("b", "a", x=2)
    step(lambda: ledger.register(b2, drop=[b], call=call))
    failing = ledger.begin("creating", thing("d", "b"))
    step(lambda: None)
    assert after_crash(store)[1] == ["d"]
    step(lambda: ledger.end(failing))
    # A checkpoint in the middle, with a call under way.
    under_way = ledger.begin("creating", thing("e", "b"))
    step(ledger.commit)
    assert found[-1] == ["shop-dev", "default", "a", "b", "a!", "c?"]
    e = thing("e", "b")
    step(lambda: ledger.register(e, call=under_way))
    call = ledger.begin("creating", c)
    step(lambda: ledger.register(thing("c", "b", id_="id-c2"), drop=[c], call=call))
    step(lambda: ledger.change(e, replace(e, outputs={"done": True})))
    call = ledger.begin("deleting", a)
    step(lambda: ledger.drop(a, call=call))
    assert found[-1] == ["shop-dev", "default", "a", "b", "e", "c"]
    step(ledger.commit)
    assert not journal_file(store).exists()
    last = store.load().snapshot
    assert last.find(e.urn) == replace(e, outputs={"done": True})


def test_a_line_cut_off_is_left_out(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    ledger = begin_run(store)
    call = ledger.begin("creating", thing("d"))
    ledger.register(thing("d"), call=call)
    ledger.close()
    text = journal_file(store).read_bytes()
    journal_file(store).write_bytes(text[:-9])
    resources, pending = after_crash(store)
    assert ("d" in resources, pending) == (False, ["d"])


def test_a_crash_between_commit_and_removal(tmp_path: Path) -> None:
    """The journal is left behind, but tells nothing that the checkpoint does not."""
    store = open_store(tmp_path)
    ledger = begin_run(store)
    ledger.register(thing("d"))
    remove = Journal.remove
    try:
        Journal.remove = Journal.close  # type: ignore[method-assign]
        ledger.commit()
    finally:
        Journal.remove = remove  # type: ignore[method-assign]
    assert journal_file(store).exists()
    assert store.load().recovered == 0
    assert after_crash(store)[0].count("d") == 1


def test_a_crash_just_before_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    ledger = begin_run(store)
    ledger.register(thing("d"))

    def die(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "commit", die)
    with pytest.raises(KeyboardInterrupt):
        ledger.commit()
    ledger.close()
    assert "d" in after_crash(store)[0]
    assert store.load().recovered == 3


def test_a_state_that_another_engine_wrote_since(tmp_path: Path) -> None:
    """What the journal made and that state does not know is looked for, not believed."""
    store = open_store(tmp_path)
    ledger = begin_run(store)
    known = ledger.olds[2]
    ledger.register(thing("d"))
    ledger.register(replace(known, protect=True), drop=[known])
    ledger.close()
    official = Path(store.backend.where(store.name))
    official.write_bytes(official.read_bytes().replace(b'"metadata":{}', b'"metadata":{"o":1}'))
    resources, pending = after_crash(store)
    assert resources == ["shop-dev", "default", "a", "b", "c"]
    assert pending == ["d"]


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    journal_file(store).parent.mkdir(parents=True)
    journal_file(store).write_text('{"begin":{}}\n{"number":1}\n')
    with pytest.raises(StateFormatError, match="journal is damaged") as caught:
        JournalContent.read(store.backend.storage, store.journal_key)
    assert str(journal_file(store)) in str(caught.value)


def test_a_full_disk_stops_before_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    ledger = begin_run(store)
    before = Path(store.backend.where(store.name)).read_bytes()
    ledger.register(thing("d"))
    assert ledger._journal is not None
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115, PTH123
    monkeypatch.setattr(ledger._journal, "_log", FileLog(full))
    with pytest.raises(StateWriteError, match="No space left on device"):
        ledger.begin("creating", thing("e"))
    with pytest.raises(StateWriteError):
        ledger.begin("creating", thing("f"))
    full.close()
    assert Path(store.backend.where(store.name)).read_bytes() == before


def test_an_invalid_state_is_not_committed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    ledger = begin_run(store)
    before = Path(store.backend.where(store.name)).read_bytes()
    ledger.register(replace(thing("d"), provider=f"{PROVIDER}::unknown"))
    with pytest.raises(HoabanError, match="is not there"):
        ledger.commit()
    ledger.close()
    assert Path(store.backend.where(store.name)).read_bytes() == before
    assert journal_file(store).exists()


def test_references_follow_a_rename(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    first_run(store)
    ledger = open_ledger(store)
    root, default, a, b, _ = ledger.olds
    renamed = replace(a, urn=a.urn + "2")
    ledger.keep(root)
    ledger.keep(default)
    ledger.alias(a.urn, renamed.urn)
    ledger.register(renamed, drop=[a])
    ledger.commit()
    found = store.load().snapshot.find(b.urn)
    assert found is not None
    assert found.dependencies == (renamed.urn,)


def test_nothing_is_written_in_a_preview(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    first_run(store)
    before = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    loaded = store.load()
    ledger = Ledger(store, loaded.snapshot, base=loaded.base, persist=False)
    ledger.register(thing("d"), call=ledger.begin("creating", thing("d")))
    ledger.drop(ledger.olds[4])
    ledger.commit()
    assert names(ledger.snapshot().resources) == ["d", "shop-dev", "default", "a", "b"]
    assert {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()} == before
