"""Resources whose provider asks that they be read before each update (``refreshBeforeUpdate``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from hoaban.engine.provider import ResourceState
    from tests.engine.conftest import Lab
    from tests.engine.fake_provider import Thing


def test_read_before_each_update(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change by hand is seen, in a preview too, and put right; others are not read."""
    provider = type(lab.cloud.provider("fake", ""))
    plain = provider._state

    def wishes(self: object, thing: Thing) -> ResourceState:
        state = plain(self, thing)  # type: ignore[arg-type]
        return replace(state, refresh_before_update=thing.properties["__name"] == "a")

    monkeypatch.setattr(provider, "_state", wishes)
    program = 'Thing("a", size=1)\nThing("b", size=1)'
    lab.up(program)
    assert lab.checkpoint["features"] == ["refreshBeforeUpdate"]
    for name in "ab":
        lab.cloud.by_name(name).properties["size"] = 9
    lab.cloud.calls.clear()
    assert lab.preview(program).changes["update"] == 1
    result = lab.up(program)
    assert lab.cloud.names("read") == ["a", "a"]
    assert result.changes["update"] == 1
    assert {one.properties["size"] for one in lab.cloud.things.values()} == {1, 9}
    assert lab.resources()["a"]["refreshBeforeUpdate"]
