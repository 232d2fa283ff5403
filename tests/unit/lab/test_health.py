from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from openstack.exceptions import SDKException
from typer.testing import CliRunner

from hoaban.cli.lab import app
from hoaban.lab import health
from hoaban.lab.health import ServiceStatus, examine
from hoaban.lab.hypervisor import Hypervisor, chosen

if TYPE_CHECKING:
    from hoaban.lab.layout import Layout


def row(**changes: Any) -> SimpleNamespace:
    values = {"state": "up", "status": "enabled", "updated_at": "2026-11-22T10:00:00.000000"}
    return SimpleNamespace(**{**values, **changes})


STARTED = 1795341590.7  # 2026-11-22 09:59:50 UTC


@pytest.mark.parametrize(
    ("listed", "started", "problem"),
    [
        (row(), STARTED, ""),
        (row(), STARTED + 9, ""),  # reports have whole seconds
        (row(), STARTED + 60, "starting: no report yet"),
        (row(state="down"), STARTED, "last report at 2026-11-22T10:00:00.000000 UTC"),
        (row(), None, "does not run"),
        (None, STARTED, "never reported"),
    ],
)
def test_reports_of_workers(listed: Any, started: float | None, problem: str) -> None:
    assert health._reports(listed, started) == problem


def test_the_chosen_hypervisor_must_be_enabled(layout: Layout) -> None:
    rows = [
        row(binary="nova-conductor", host="lab"),
        row(binary="nova-scheduler", host="lab", state="down"),
        row(binary="nova-compute", host="lab-qemu", status="disabled", disabled_reason="repair"),
    ]
    cloud: Any = SimpleNamespace(compute=SimpleNamespace(services=lambda: rows))
    started = dict.fromkeys(("nova-conductor", "nova-scheduler", "nova-compute-qemu"), STARTED)
    found = health._nova(layout, cloud, started, Hypervisor.QEMU)
    assert [(one.name, one.up, one.problem) for one in found] == [
        ("nova-conductor", True, ""),
        ("nova-scheduler", False, "last report at 2026-11-22T10:00:00.000000 UTC"),
        ("nova-compute-qemu", False, "disabled: repair"),
    ]


def test_workers_are_unknown_when_their_api_is_down(layout: Layout) -> None:
    def services() -> Any:
        raise SDKException("no\nanswer")

    cloud: Any = SimpleNamespace(block_storage=SimpleNamespace(services=services))
    found = health._cinder(layout, cloud, {})
    assert [(one.up, one.problem) for one in found] == [(False, "unknown: no")] * 2


def test_before_the_first_up(layout: Layout) -> None:
    found = examine(layout)
    assert not found.up
    assert found.hypervisor is None
    assert {one.problem for one in found.services} == {"not installed"}
    assert found.to_json()["services"][0] == {
        "name": "keystone",
        "up": False,
        "latency": None,
        "version": "",
        "problem": "not installed",
    }


def test_one_service_decides() -> None:
    services = (ServiceStatus("keystone", up=True), ServiceStatus("glance", up=False))
    assert not health.LabStatus("/lab", Hypervisor.FAKE, services).up
    assert health.LabStatus("/lab", Hypervisor.FAKE, services[:1]).up


@pytest.mark.parametrize(("text", "kind"), [("fake\n", Hypervisor.FAKE), ("xen\n", None)])
def test_last_choice(layout: Layout, text: str, kind: Hypervisor | None) -> None:
    assert chosen(layout) is None
    layout.hypervisor.write_text(text)
    assert chosen(layout) is kind


def test_the_command_says_down_by_its_exit_status(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOABAN_LAB_DIR", str(layout.root))
    result = CliRunner().invoke(app, ["status"])
    assert result.exit_code == 1
    assert "not installed" in result.stdout
    result = CliRunner().invoke(app, ["status", "--json"])
    assert result.exit_code == 1
    assert '"up": false' in result.stdout


def test_env_for_other_clients(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOABAN_LAB_DIR", str(layout.root))
    result = CliRunner().invoke(app, ["env"])
    wanted = f"export OS_CLIENT_CONFIG_FILE={layout.root}/clouds.yaml OS_CLOUD=lab\n"
    assert result.stdout == wanted
