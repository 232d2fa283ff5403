"""Which tunnels get new keys, in which order, and what Ansible is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.console import Steps
from hoaban.errors import HoabanError
from hoaban.vpn import keys, names, rotate
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

HUBS = ("son-la-vpn-1", "son-la-vpn-2")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A province with two hubs, of which the keys are known, and a host without tunnels."""
    workspace = Workspace(tmp_path, tmp_path / ".hoaban")
    hosts = [
        SimpleNamespace(name=name, plan=SimpleNamespace(services=["vpn_hub"])) for name in HUBS
    ]
    hosts.append(SimpleNamespace(name="son-la-backup-1", plan=SimpleNamespace(services=[])))
    fleet = SimpleNamespace(hosts={host.name: host for host in reversed(hosts)})
    monkeypatch.setattr(rotate.Fleet, "read", lambda workspace: fleet)
    monkeypatch.setattr(rotate, "prepare", lambda *args: None)
    for name in HUBS:
        keys.note(names.key_file(workspace.home), name, {"wg-sites": "KEY"})
    return workspace


def run(workspace: Workspace, *wanted: str, **options: bool) -> list[rotate.Turn]:
    with Steps(quiet=True) as steps:
        return rotate.rotate(workspace, wanted, None, steps, **options)  # type: ignore[arg-type]


def test_one_hub_after_the_other(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def play(_: Workspace, run: Any, on_event: Any) -> Path:
        assert run.playbook == "vpn_rotate.yml"
        assert run.limit == "role_vpn_hub"
        asked.append(run.extra_vars["hoaban_turn"])
        return workspace.logs

    monkeypatch.setattr(rotate, "play", play)
    done = run(workspace, routers=True)
    assert [turn.host for turn in done] == list(HUBS)
    assert [turn["host"] for turn in asked] == list(HUBS)
    assert {turn["interface"] for turn in asked} == {"wg-sites"}
    assert all(turn["routers"] and not turn["interrupt"] for turn in asked)
    run(workspace, HUBS[1])
    assert [turn["host"] for turn in asked[2:]] == [HUBS[1]]


def test_the_second_hub_is_left_when_the_first_fails(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def play(_: Workspace, run: Any, on_event: Any) -> Path:
        calls.append(run)
        on_event(
            {
                "event": "runner_on_failed",
                "event_data": {
                    "host": HUBS[0],
                    "task": "Lead traffic around",
                    "res": {"msg": "no other way than wg-sites"},
                },
            }
        )
        return workspace.logs

    monkeypatch.setattr(rotate, "play", play)
    with pytest.raises(HoabanError, match="no other way than wg-sites"):
        run(workspace)
    assert len(calls) == 1


def test_a_host_without_tunnels(workspace: Workspace) -> None:
    with pytest.raises(HoabanError, match="son-la-backup-1 is not a host with tunnels") as caught:
        run(workspace, "son-la-backup-1")
    assert caught.value.mend == f"there are: {', '.join(HUBS)}"
