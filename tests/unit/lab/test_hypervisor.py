"""Waiting for a hypervisor's compute service."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from hoaban.lab import hypervisor
from hoaban.lab.hypervisor import Hypervisor

if TYPE_CHECKING:
    import pytest

    from hoaban.lab.layout import Layout


class Compute:
    """Nova's list of services: each call gives the next answer."""

    def __init__(self, *reports: str | None) -> None:
        self.reports = list(reports)

    def services(self, **_: str) -> list[Any]:
        report = self.reports.pop(0)
        return [SimpleNamespace(state="up", updated_at=report)]


def test_a_service_that_has_never_reported_is_waited_for(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a new lab Nova has no time of the first report yet, and says null.
    monkeypatch.setattr(hypervisor, "_has_node", lambda *_: True)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    processes = {Hypervisor.QEMU.program: {"statename": "RUNNING", "start": 1_000}}
    compute = Compute(None, "1970-01-01T00:00:10", "1970-01-01T00:16:41")
    found = hypervisor._wait_until_up(
        layout, SimpleNamespace(processes=lambda: processes), compute, Hypervisor.QEMU
    )
    assert found.updated_at == "1970-01-01T00:16:41"
    assert compute.reports == []


def test_a_service_that_is_still_stopping_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    # Chosen again right after it was given up: started now, it would be gone a moment later.
    monkeypatch.setattr(time, "sleep", lambda _: None)
    states = ["STOPPING", "STOPPING", "STOPPED"]
    supervisor = SimpleNamespace(
        processes=lambda: {Hypervisor.FAKE.program: {"statename": states.pop(0)}}
    )
    hypervisor._wait_until_stopped(supervisor, Hypervisor.FAKE)
    assert states == []
