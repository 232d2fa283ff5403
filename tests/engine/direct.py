"""Deployments without a program: declarations go straight to the engine's core.

Milliseconds a run, so that hundreds can be tried. The cloud can be kept in a file, to outlive a
process that is killed.
"""

from __future__ import annotations

import concurrent.futures
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoaban.engine.api import Options
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.deletes import delete_the_rest
from hoaban.engine.embedded.deploy import Deployment
from hoaban.engine.embedded.events import Reporter, Silence
from hoaban.engine.embedded.executor import Executor
from hoaban.engine.embedded.failures import Failures
from hoaban.engine.embedded.ledger import Ledger
from hoaban.engine.embedded.lock import Lock
from hoaban.engine.embedded.plan import Planner
from hoaban.engine.embedded.providers import Registry, ResourceDiffer
from hoaban.engine.embedded.refresh import Refresh
from hoaban.engine.embedded.registered import Stopping
from hoaban.engine.embedded.scope import Scope
from hoaban.engine.embedded.secrets import PassphraseCrypter
from hoaban.engine.embedded.steps import Goal
from hoaban.engine.embedded.store import Store
from hoaban.engine.embedded.urns import make_urn
from hoaban.engine.embedded.verify import problems
from hoaban.engine.values import UNKNOWN, Unknown
from hoaban.errors import HoabanError
from tests.engine.fake_provider import FakeCloud, Thing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hoaban.engine.embedded.state import Snapshot

TOKEN = "fake:index:Thing"
NAME = StackName("shop", "dev")
_SAVING = threading.Lock()
_CRYPTER: list[PassphraseCrypter] = []


def crypter() -> PassphraseCrypter:
    if not _CRYPTER:
        _CRYPTER.append(PassphraseCrypter.create("x"))
    return _CRYPTER[0]


def urn(name: str) -> str:
    return make_urn("dev", "shop", "", TOKEN, name)


@dataclass(frozen=True)
class Declared:
    """A resource as a program would declare it; ``uses`` are inputs that are others' ids.

    ``follows`` names what it is replaced with, ``was`` a name that it had before.
    """

    name: str
    inputs: dict[str, Any] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    delete_before_replace: bool | None = None
    replaced_with: bool = False
    protect: bool = False
    retain: bool = False
    trigger: int | None = None
    follows: tuple[str, ...] = ()
    deleted_with: str = ""
    was: str = ""
    import_id: str = ""
    ignored: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


@dataclass
class Direct:
    """Runs declarations against a cloud, with the state in files."""

    place: Path | str
    cloud: FakeCloud
    parallel: int = 1
    locked: bool = False

    def store(self) -> Store:
        backend = Backend(self.place)
        backend.ensure()
        return Store(backend, NAME, crypter())

    def load(self) -> Snapshot:
        return self.store().load().snapshot

    def up(self, program: Sequence[Declared], **options: Any) -> Failures:
        """Run a program; failures are returned, the state is written as after a real run."""
        return self._run(
            Options(parallel=4, **options), lambda *parts: self._deploy(program, *parts)
        )

    def preview(self, program: Sequence[Declared], **options: Any) -> Failures:
        """What ``up`` would do; nothing is written."""
        return self._run(
            Options(parallel=4, **options),
            lambda *parts: self._deploy(program, *parts),
            persist=False,
        )

    def refresh(self, **options: Any) -> Failures:
        return self._run(Options(parallel=4, **options), _refresh)

    def destroy(self, **options: Any) -> Failures:
        def work(ledger: Ledger, registry: Registry, failures: Failures, options: Options) -> None:
            executor = _executor(ledger, registry, options.released)
            planner = Planner(ledger.olds, ResourceDiffer(registry), Scope.of(options))
            try:
                delete_the_rest(planner, executor, failures, "test", options.parallel)
            except HoabanError as error:
                failures.add(error)

        return self._run(Options(parallel=4, **options), work)

    def _run(
        self,
        options: Options,
        work: Callable[[Ledger, Registry, Failures, Options], None],
        *,
        persist: bool = True,
    ) -> Failures:
        store = self.store()
        if not self.locked:
            return self._work(store, options, work, persist=persist)
        with Lock(store.backend, NAME):
            return self._work(store, options, work, persist=persist)

    def _work(
        self,
        store: Store,
        options: Options,
        work: Callable[[Ledger, Registry, Failures, Options], None],
        *,
        persist: bool,
    ) -> Failures:
        loaded = store.load()
        ledger = Ledger(store, loaded.snapshot, base=loaded.base, persist=persist)
        if loaded.recovered:
            ledger.commit()
        failures = Failures(Path(self.place), continue_on_error=options.continue_on_error)
        registry = self._registry(ledger, persist=persist)
        try:
            refresh = Refresh(_executor(ledger, registry), failures, options)
            if work is not _refresh and refresh.settle_interrupted():
                ledger.commit()
                ledger = Ledger(store, ledger.snapshot(), base=ledger.base, persist=persist)
                registry = self._registry(ledger, persist=persist)
            if not failures:
                work(ledger, registry, failures, options)
        except Exception as error:  # noqa: BLE001 (as an operation does, which raises it at its end)
            failures.add(error)
        finally:
            ledger.commit()
            ledger.close()
        return failures

    def _registry(self, ledger: Ledger, *, persist: bool) -> Registry:
        return Registry(self.cloud.provider, ledger.olds, variables={}, preview=not persist)

    def _deploy(
        self,
        program: Sequence[Declared],
        ledger: Ledger,
        registry: Registry,
        failures: Failures,
        options: Options,
    ) -> None:
        report = Reporter(Silence())
        deployment = Deployment(
            NAME, ledger, registry, report, failures, options, {}, dry_run=not ledger._persist
        )
        ids: dict[str, concurrent.futures.Future[str | Unknown | None]] = {}
        with concurrent.futures.ThreadPoolExecutor(self.parallel) as pool:
            for one in program:
                ids[one.name] = pool.submit(_register, deployment, one, dict(ids))
        if not failures and all(future.result() is not None for future in ids.values()):
            deployment.finish()


def _refresh(ledger: Ledger, registry: Registry, failures: Failures, options: Options) -> None:
    Refresh(_executor(ledger, registry), failures, options).run()


def _executor(ledger: Ledger, registry: Registry, released: Sequence[str] = ()) -> Executor:
    report = Reporter(Silence())
    slots = threading.Semaphore(4)
    return Executor(
        ledger, registry, report, slots, str(NAME), dry_run=not ledger._persist, released=released
    )


def _register(
    deployment: Deployment,
    one: Declared,
    ids: dict[str, concurrent.futures.Future[str | Unknown | None]],
) -> str | Unknown | None:
    """Register one resource when those it uses are there, as the SDK would.

    Returns its id, UNKNOWN where there is none yet, None when it could not be made.
    """
    inputs = dict(one.inputs)
    for other in (*one.follows, one.deleted_with):
        if other and ids[other].result() is None:
            return None
    by_property = {}
    for used in one.uses:
        known = ids[used].result()
        if known is None:
            return None
        key = f"replace_{used}" if one.replaced_with else f"use_{used}"
        inputs[key] = known
        by_property[key] = [urn(used)]
    try:
        done = deployment.register(
            Goal(
                urn=urn(one.name),
                type=TOKEN,
                name=one.name,
                custom=True,
                inputs=inputs,
                provider=deployment.default_provider("fake", ""),
                dependencies=tuple(urn(used) for used in one.uses),
                property_dependencies=by_property,
                delete_before_replace=one.delete_before_replace,
                protect=one.protect,
                retain_on_delete=one.retain,
                replacement_trigger=one.trigger,
                replace_with=tuple(map(urn, one.follows)),
                deleted_with=urn(one.deleted_with) if one.deleted_with else "",
                aliases=(urn(one.was),) if one.was else (),
                import_id=one.import_id,
                ignore_changes=one.ignored,
            )
        )
    except Stopping:
        return None
    return None if done.failed else done.id or UNKNOWN


def assert_clean(failures: Failures) -> None:
    """A run that should have come through."""
    failures.raise_any()


def check_truth(direct: Direct) -> None:
    """The state is valid; what is in the cloud it tells of, or could find, and the other way round.

    A call that was cut off leaves its outcome open: for a create the key finds it, for a delete the
    next one settles it.
    """
    snapshot = direct.load()
    assert problems(snapshot.resources) == []
    things = [one for one in snapshot.resources if one.type == TOKEN]
    there = {one.id for one in things if not one.pending_replacement}
    deleting = {one.resource.id for one in snapshot.pending if one.type == "deleting"}
    assert there - deleting <= set(direct.cloud.things), "the state tells of what is not there"
    pending = {one.resource.urn for one in snapshot.pending if one.type == "creating"}
    for thing in direct.cloud.things.values():
        found = thing.id in there or urn(thing.properties["__name"]) in pending
        assert found, f"{thing.id} is an orphan"


def check_result(direct: Direct, program: Sequence[Declared]) -> None:
    """The cloud has exactly what the program declares, and so has the state."""
    check_truth(direct)
    snapshot = direct.load()
    assert snapshot.pending == []
    things = {one.urn: one for one in snapshot.resources if one.type == TOKEN}
    assert set(things) == {urn(one.name) for one in program}
    assert {one.id for one in things.values()} == set(direct.cloud.things)
    for one in program:
        made = direct.cloud.things[things[urn(one.name)].id].properties
        assert {key: made[key] for key in one.inputs} == one.inputs
        for used in one.uses:
            key = f"replace_{used}" if one.replaced_with else f"use_{used}"
            assert made[key] == things[urn(used)].id


def save_cloud(cloud: FakeCloud, file: Path) -> None:
    with _SAVING:
        body = {"things": [vars(one) for one in list(cloud.things.values())]}
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps(body))
        beside.replace(file)


def load_cloud(file: Path) -> FakeCloud:
    cloud = FakeCloud()
    if file.exists():
        body = json.loads(file.read_text())
        cloud.things = {one["id"]: Thing(**one) for one in body["things"]}
        numbers = [int(id_.rpartition("-")[2]) for id_ in cloud.things]
        for _ in range(max(numbers, default=0)):
            next(cloud._ids)
    cloud.on_change = lambda: save_cloud(cloud, file)
    return cloud
