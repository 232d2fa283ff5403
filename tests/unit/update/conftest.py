"""An estate with a mirror, whose hosts are updated by nobody but a table of answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.errors import HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.testing import estate
from hoaban.testing.exported import write_checkpoint
from hoaban.update import run
from hoaban.update.packages import Change
from hoaban.update.play import Played
from tests.unit.converge.conftest import QuietSteps
from tests.unit.inventory.conftest import workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.workspace import Workspace

__all__ = ["workspace"]

NANO = Change(package="nano", old="8.4-1", new="8.4-1+deb13u1")
MIRROR = "http://172.31.77.1:8780/debian"


@dataclass
class Hosts:
    """What hosts would do; ``log`` is what was done with them, in order."""

    workspace: Workspace
    ill: dict[str, list[str]] = field(default_factory=dict)
    """Problems by host, each told once the host has been updated; those with ! before."""
    broken: dict[str, str] = field(default_factory=dict)
    want_reboot: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    up_to_date: set[str] = field(default_factory=set)
    unkept: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)

    def problems(self, fleet: Fleet, remote: Any, hosts: Sequence[ManagedHost]) -> list[str]:
        names = [host.name for host in hosts]
        self.log.append(f"look {' '.join(names)}")
        done = {entry.split()[-1] for entry in self.log if entry.startswith("upgraded")}
        return [
            f"{name}: {problem.lstrip('!')}"
            for name in names
            for problem in self.ill.get(name, [])
            if problem.startswith("!") or name in done
        ]

    def upgrade(self, _: Any, door: Any, names: Sequence[str], **how: Any) -> Played:
        check = " --check" if how.get("check") else ""
        security = " --security" if how["security"] else ""
        self.log.append(f"upgrade {' '.join(names)}{security}{check}")
        self.log += [f"upgraded {name}" for name in names if not check]
        return Played(
            {name: [] if name in self.up_to_date else [NANO] for name in names},
            frozenset(self.want_reboot & set(names)),
            {n: [HoabanError(self.broken[n])] for n in names if n in self.broken},
        )

    def reboot(self, door: Any, hosts: Sequence[ManagedHost]) -> dict[str, HoabanError]:
        names = [host.name for host in hosts]
        self.log.append(f"reboot {' '.join(names)}")
        return {name: HoabanError("does not answer") for name in names if name in self.lost}

    def keep(self, remote: Any, host: ManagedHost) -> str:
        self.log.append(f"snapshot {host.name}")
        if host.name in self.unkept:
            raise HoabanError("the backup host does not answer")
        return f"id-of-{host.name}"

    @property
    def doings(self) -> list[str]:
        """The log without what is told for the fake's own sake."""
        return [entry for entry in self.log if not entry.startswith("upgraded")]


@pytest.fixture
def steps() -> QuietSteps:
    return QuietSteps()


@pytest.fixture
def hosts(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """A department of two web servers, an app server and a database, and the province's two."""
    province = estate.province()
    assert province.settings is not None
    settings = province.settings.model_copy(update={"mirror": MIRROR})
    province = province.model_copy(update={"settings": settings})
    write_checkpoint(workspace.backend, "province", "sonla", province)
    outputs = estate.department(counts={"web": 2, "app": 1, "data": 1})
    write_checkpoint(workspace.backend, "agency", "so-y-te", outputs)
    made = Hosts(workspace)
    monkeypatch.setattr(run.health, "problems", made.problems)
    monkeypatch.setattr(run, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(run, "upgrade", made.upgrade)
    monkeypatch.setattr(run, "reboot", made.reboot)
    monkeypatch.setattr(run.snapshots, "keep", made.keep)

    class Door:
        def __init__(self) -> None:
            self.fleet = Fleet.read(workspace)
            self.remote = None

        def wait(self, *_: Any) -> None:
            made.log.append("wait")

    monkeypatch.setattr(run, "prepare", lambda *_: Door())
    return made
