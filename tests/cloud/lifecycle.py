"""One resource after the other through its whole life, as an engine would lead it."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import ResourceState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.engine.provider import Sighting
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack import OpenStackProvider

PREFIX = "hoaban-test-"


def key() -> str:
    """A key as the engine makes them."""
    return f"hoaban:{secrets.token_hex(16)}"


@dataclass
class Made:
    """A resource that a test made: its inputs (checked) and state."""

    provider: OpenStackProvider
    token: str
    name: str
    inputs: PropertyMap
    state: ResourceState
    key: str

    @property
    def urn(self) -> str:
        return f"urn:pulumi:test::test::{self.token}::{self.name}"

    @property
    def id(self) -> str:
        return self.state.id

    def out(self, name: str) -> Any:
        return self.state.outputs[name]

    def changes(self, asked: PropertyMap) -> dict[str, str]:
        news = check(self.provider, self.urn, self.token, self.inputs, asked)
        found = self.provider.diff(self.urn, self.token, self.id, self.state, news, ())
        return {path: kind.value for path, kind in found.changes.items()}

    def read(self) -> ResourceState | None:
        self.provider.begin_epoch()
        return self.provider.read(self.urn, self.token, self.id, self.state)

    def look(self) -> Sighting:
        self.provider.begin_epoch()
        (seen,) = self.provider.look(self.token, [(self.urn, self.state)], each=False)
        return seen

    def update(self, asked: PropertyMap) -> None:
        news = check(self.provider, self.urn, self.token, self.inputs, asked)
        state = self.provider.update(
            self.urn, self.token, self.id, self.state, news, timeout=None, preview=False
        )
        self.state = ResourceState(self.id, state.outputs, news)
        self.inputs = news

    def delete(self) -> None:
        self.provider.delete(self.urn, self.token, self.id, self.state, timeout=None)


def check(
    provider: OpenStackProvider, urn: str, token: str, olds: PropertyMap, news: PropertyMap
) -> PropertyMap:
    result = provider.check(urn, token, olds, news)
    assert not result.failures, result.failures
    return result.inputs


@dataclass
class Maker:
    """Makes resources and takes them away again, the last one first."""

    provider: OpenStackProvider
    made: list[Made] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def __call__(
        self,
        token: str,
        inputs: Mapping[str, Any],
        name: str = "thing",
        provider: OpenStackProvider | None = None,
    ) -> Made:
        provider = provider or self.provider
        full = f"openstack:{token}"
        urn = f"urn:pulumi:test::test::{full}::{PREFIX}{name}"
        checked = check(provider, urn, full, {}, dict(inputs))
        mark = key()
        begun = time.monotonic()
        state = provider.create(urn, full, checked, key=mark, timeout=None, preview=False)
        self.seconds[full] = time.monotonic() - begun
        made = Made(
            provider,
            full,
            f"{PREFIX}{name}",
            checked,
            ResourceState(state.id, state.outputs, checked),
            mark,
        )
        self.made.append(made)
        return made

    def clean(self) -> None:
        while self.made:
            self.made.pop().delete()


def live(
    made: Made,
    *,
    updates: Mapping[str, Mapping[str, Any]] | None = None,
    replaces: Mapping[str, Any] | None = None,
    findable: bool = True,
) -> None:
    """Lead ``made`` through read, no difference, each change, and what needs a new object.

    ``updates`` are changes made one after the other and kept; ``replaces`` are properties with
    values that must ask for a replacement.
    """
    asked = {name: value for name, value in made.inputs.items() if not name.startswith("__")}
    defaults = made.inputs["__defaults"]
    asked = {name: value for name, value in asked.items() if name not in defaults}
    assert made.changes(asked) == {}, "a difference right after the create"
    _same_after_read(made, asked)
    found = made.provider.find(made.urn, made.token, made.inputs, made.key)
    if findable:
        assert found is not None, "not found by its key"
        assert found.id == made.id
    for change in (updates or {}).values():
        asked = {**asked, **change}
        asked = {name: value for name, value in asked.items() if value is not None}
        changes = made.changes(asked)
        assert changes, f"no difference for {change}"
        assert not any(kind.endswith("-replace") for kind in changes.values()), changes
        made.update(asked)
        left = made.changes(asked)
        assert left == {}, f"a difference after {change}: {left}"
        _same_after_read(made, asked)
    for name, value in (replaces or {}).items():
        changes = made.changes({**asked, name: value})
        kinds = {kind for path, kind in changes.items() if path.startswith(name)}
        assert kinds, f"no difference for {name}"
        assert all(kind.endswith("-replace") for kind in kinds), changes


def _same_after_read(made: Made, asked: PropertyMap) -> None:
    seen = made.look()
    assert (seen.state is not None, seen.changed) == (True, []), "a look tells what nobody changed"
    read = made.read()
    assert read is not None, "gone right after it was made"
    volatile = {"updatedAt", "updated", "revisionNumber", "attachments", "members"}
    before = {k: v for k, v in made.state.outputs.items() if k not in volatile}
    after = {k: v for k, v in read.outputs.items() if k not in volatile}
    other = {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}
    assert not other, {name: (before.get(name), after.get(name)) for name in other}
    made.state = ResourceState(made.id, read.outputs, read.inputs)
    assert made.changes(asked) == {}, "a difference after a read"
    inputs = {k: v for k, v in read.inputs.items() if not k.startswith("__")}
    assert inputs == {k: v for k, v in made.inputs.items() if not k.startswith("__")}


def die(made: Made, maker: Maker) -> None:
    """Delete twice: the second time it is gone already, which is no error."""
    made.delete()
    assert made.look().state is None
    assert made.read() is None
    made.delete()
    maker.made.remove(made)
