"""A cloud in memory, and the provider of it, with failures on demand.

The cloud outlives providers and engines, as a real one does. Any token is a type of resource; its
inputs become outputs. Some inputs have a meaning for every type: ``replace_*`` force a replacement
when they change, ``delete_first`` asks that it be deleted before, ``refuse`` fails the check,
``exclusive`` is a value that one thing at a time may have, ``auto_label`` has a label made up.
"""

from __future__ import annotations

import copy
import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import (
    CheckFailure,
    CheckResult,
    DiffKind,
    DiffResult,
    PartialFailureError,
    ProviderError,
    ResourceState,
    Sighting,
)
from hoaban.engine.values import UNKNOWN, PropertyMap, Secret, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hoaban.engine.drift import Deed


@dataclass
class Thing:
    id: str
    token: str
    key: str
    properties: PropertyMap
    status: str = "ACTIVE"


class Crash(BaseException):
    """Stands for the death of the process: nothing after it is run."""


@dataclass
class FakeCloud:
    """What there is, what was asked for, and what is to go wrong.

    ``fail`` maps ``"<op> <name>"`` (``create web``; name is the last part of the URN) to what is
    raised, or called, in place of the call, or after it when prefixed by ``after``.
    """

    things: dict[str, Thing] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    fail: dict[str, BaseException | Callable[[], None]] = field(default_factory=dict)
    delay: float = 0.0
    refuses_in_use: bool = True
    running: int = 0
    most_running: int = 0
    timeouts: dict[str, float | None] = field(default_factory=dict)
    configured: list[PropertyMap] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    on_change: Callable[[], None] = lambda: None
    hidden: set[str] = field(default_factory=set)
    changed_at: str = ""
    deeds: dict[str, Deed] = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def provider(self, package: str, version: str) -> FakeProvider:
        return FakeProvider(self, package, version)

    def names(self, op: str) -> list[str]:
        return [name for called, name in self.calls if called == op]

    def by_name(self, name: str) -> Thing:
        return next(
            one for one in list(self.things.values()) if one.properties.get("__name") == name
        )

    def enter(self, op: str, name: str) -> None:
        with self._lock:
            self.calls.append((op, name))
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            if self.delay:
                self.cancelled.wait(self.delay)
            self.trip(f"{op} {name}")
        finally:
            with self._lock:
                self.running -= 1

    def trip(self, where: str) -> None:
        failure = self.fail.get(where)
        if isinstance(failure, BaseException):
            raise copy.copy(failure)
        if failure is not None:
            failure()

    def add(self, token: str, key: str, properties: PropertyMap) -> Thing:
        with self._lock:
            thing = Thing(
                f"{token.rsplit(':', maxsplit=1)[-1].lower()}-{next(self._ids)}",
                token,
                key,
                properties,
            )
            self.things[thing.id] = thing
            self.on_change()
            return thing


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


class FakeProvider:
    def __init__(self, cloud: FakeCloud, package: str, version: str) -> None:
        self.package = package
        self.version = version
        self.cloud = cloud
        self.config: PropertyMap | None = None

    def check_config(self, inputs: PropertyMap) -> CheckResult:
        assert "version" not in inputs
        if inputs.get("region") == "nowhere":
            return CheckResult(inputs, [CheckFailure("region", "there is no such region")])
        return CheckResult(inputs)

    def diff_config(self, olds: PropertyMap, news: PropertyMap) -> DiffResult:
        changes = {}
        if olds.get("region") != news.get("region"):
            changes["region"] = DiffKind.UPDATE_REPLACE
        if olds.get("token") != news.get("token"):
            changes["token"] = DiffKind.UPDATE
        return DiffResult(changes)

    def configure(self, inputs: PropertyMap, *, preview: bool) -> None:
        assert "__internal" not in inputs
        assert not any(isinstance(value, Secret) for value in inputs.values())
        self.config = inputs
        self.cloud.configured.append(dict(inputs))

    def check(self, urn: str, token: str, olds: PropertyMap, news: PropertyMap) -> CheckResult:
        assert_plain(news)
        failures = [CheckFailure("refuse", str(news["refuse"]))] if "refuse" in news else []
        checked = {"__name": _name(urn), **news}
        if news.get("auto_label"):
            checked["replace_label"] = olds.get("replace_label") or f"label-{next(self.cloud._ids)}"
        return CheckResult(checked, failures)

    def diff(
        self,
        urn: str,
        token: str,
        id_: str,
        state: ResourceState,
        news: PropertyMap,
        ignore_changes: Sequence[str],
    ) -> DiffResult:
        assert_plain(news)
        changes: dict[str, DiffKind] = {}
        for key in {*state.inputs, *news}:
            old, new = state.inputs.get(key), news.get(key)
            if old == new or key == "__name":
                continue
            kind = "add" if key not in state.inputs else "delete" if key not in news else "update"
            suffix = "-replace" if key.startswith("replace_") else ""
            changes[key] = DiffKind(kind + suffix)
        if any("ERROR" in error for error in state.init_errors):
            changes["status"] = DiffKind.UPDATE_REPLACE
        changes = dict(sorted(changes.items()))
        return DiffResult(changes, delete_before_replace=bool(news.get("delete_first")))

    def create(
        self,
        urn: str,
        token: str,
        inputs: PropertyMap,
        *,
        key: str,
        timeout: float | None,
        preview: bool,
    ) -> ResourceState:
        assert_plain(inputs)
        if preview:
            return ResourceState("", {**inputs, "address": UNKNOWN})
        assert_known(inputs)
        self.cloud.timeouts[f"create {_name(urn)}"] = timeout
        self.cloud.enter("create", _name(urn))
        if inputs.get("exclusive"):
            taken = [
                one.id
                for one in list(self.cloud.things.values())
                if one.properties.get("exclusive") == inputs["exclusive"]
            ]
            if taken:
                raise ProviderError(f"{inputs['exclusive']} is taken by {taken[0]}")
        thing = self.cloud.add(token, key, copy.deepcopy(inputs))
        self.cloud.trip(f"after create {_name(urn)}")
        if inputs.get("broken"):
            thing.status = "ERROR"
            raise PartialFailureError(
                f"{_name(urn)} went to ERROR", state=self._state(thing), detail="No valid host"
            )
        return self._state(thing)

    def _state(self, thing: Thing) -> ResourceState:
        return ResourceState(
            thing.id,
            {**thing.properties, "address": f"10.0.0.{thing.id.rpartition('-')[2]}"},
            dict(thing.properties),
        )

    def read(
        self, urn: str, token: str, id_: str, state: ResourceState | None
    ) -> ResourceState | None:
        self.cloud.enter("read", _name(urn))
        thing = self.cloud.things.get(id_)
        return self._state(thing) if thing else None

    def look(
        self, token: str, known: Sequence[tuple[str, ResourceState]], *, each: bool
    ) -> list[Sighting]:
        self.cloud.enter("list", token if not each else f"{token} each")
        return [self._sighting(state) for _, state in known]

    def _sighting(self, state: ResourceState) -> Sighting:
        thing = self.cloud.things.get(state.id)
        if thing is None:
            return Sighting(None)
        now = thing.properties
        changed = [key for key in {**state.inputs, **now} if state.inputs.get(key) != now.get(key)]
        fresh = self._state(thing)
        return Sighting(
            fresh, sorted(changed), self.cloud.hidden.intersection(changed), self.cloud.changed_at
        )

    def deed(self, token: str, id_: str, changed: Sequence[str], since: str) -> Deed | None:
        self.cloud.enter("deed", id_)
        return self.cloud.deeds.get(id_)

    def find(self, urn: str, token: str, inputs: PropertyMap, key: str) -> ResourceState | None:
        self.cloud.enter("find", _name(urn))
        for thing in list(self.cloud.things.values()):
            if thing.key == key:
                return self._state(thing)
        return None

    def update(
        self,
        urn: str,
        token: str,
        id_: str,
        state: ResourceState,
        news: PropertyMap,
        *,
        timeout: float | None,
        preview: bool,
    ) -> ResourceState:
        if preview:
            return ResourceState(id_, {**state.outputs, **news})
        assert_known(news)
        self.cloud.timeouts[f"update {_name(urn)}"] = timeout
        self.cloud.enter("update", _name(urn))
        thing = self.cloud.things[id_]
        thing.properties = copy.deepcopy(news)
        self.cloud.on_change()
        self.cloud.trip(f"after update {_name(urn)}")
        return self._state(thing)

    def delete(
        self, urn: str, token: str, id_: str, state: ResourceState, *, timeout: float | None
    ) -> None:
        assert id_, "there is nothing to delete"
        self.cloud.timeouts[f"delete {_name(urn)}"] = timeout
        self.cloud.enter("delete", _name(urn))
        if self.cloud.refuses_in_use:
            self._refuse_in_use(id_)
        self.cloud.things.pop(id_, None)
        self.cloud.on_change()
        self.cloud.trip(f"after delete {_name(urn)}")

    def _refuse_in_use(self, id_: str) -> None:
        things = list(self.cloud.things.values())
        users = [one.id for one in things if id_ in one.properties.values()]
        if users:
            raise ProviderError(f"{id_} is in use by {', '.join(users)}")

    def invoke(self, token: str, args: PropertyMap) -> PropertyMap:
        assert_plain(args)
        self.cloud.enter("invoke", token)
        if args.get("name") == "missing":
            raise ProviderError("there is no image called missing", mend="hoaban image build")
        return {"id": f"{args.get('name')}-id", "size": 3}

    def cancel(self) -> None:
        self.cloud.cancelled.set()


def assert_plain(value: Any) -> None:
    """No secret and no wire signature may reach a provider."""
    assert not isinstance(value, Secret)
    if isinstance(value, dict):
        assert "4dabf18193072939515e22adb298388d" not in value
        for item in value.values():
            assert_plain(item)
    elif isinstance(value, list):
        for item in value:
            assert_plain(item)


def assert_known(value: Any) -> None:
    """In a real call everything is known."""
    assert not isinstance(value, Unknown)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            assert_known(item)


def slow(seconds: float) -> Callable[[], None]:
    return lambda: time.sleep(seconds)
