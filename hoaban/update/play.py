"""One run of ``playbooks/update.yml`` on the hosts of a wave, and what it tells of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hoaban.converge.playbook import Run, play
from hoaban.converge.run import explain, untouched
from hoaban.converge.tally import Tally
from hoaban.update.packages import changes, installed, simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hoaban.converge.reach import Door
    from hoaban.errors import HoabanError
    from hoaban.update.packages import Change
    from hoaban.workspace import Workspace

PLAYBOOK: Final = "update.yml"
BEFORE: Final = "List what is installed before"
UPGRADE: Final = "Upgrade the packages"
AFTER: Final = "List what is installed now"
"""Names of the playbook's tasks whose results are read."""
REBOOT: Final = "reboot-required"
"""Last line of the last task's output where the host wants a reboot."""


@dataclass(slots=True)
class Told:
    """What the playbook's tasks said, by host."""

    before: dict[str, str] = field(default_factory=dict)
    upgrade: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)

    def take(self, event: Mapping[str, Any]) -> None:
        """Note the output of a task that is read."""
        data = event.get("event_data") or {}
        places = {BEFORE: self.before, UPGRADE: self.upgrade, AFTER: self.after}
        if event.get("event") == "runner_on_ok" and data.get("task") in places:
            said = (data.get("res") or {}).get("stdout") or ""
            places[data["task"]][data["host"]] = str(said)

    def changes(self, host: str, *, check: bool) -> list[Change]:
        """What was changed on a host, or with ``check`` would be."""
        if check:
            return simulated(self.upgrade.get(host, ""))
        return changes(installed(self.before[host]), installed(self.after[host]))

    def reboot_due(self, host: str) -> bool:
        """Whether the host wants a reboot."""
        return self.after.get(host, "").rstrip().endswith(REBOOT)


@dataclass(frozen=True, slots=True)
class Played:
    """Changes and wanted reboots by host, and what went wrong, by host too."""

    changes: Mapping[str, Sequence[Change]]
    reboots: frozenset[str]
    errors: Mapping[str, Sequence[HoabanError]]


def upgrade(
    workspace: Workspace,
    door: Door,
    names: Sequence[str],
    *,
    security: bool,
    check: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Played:
    """Upgrade hosts, or with ``check`` tell what would be; ``tell`` is told of each task."""
    told, tally = Told(), Tally()

    def take(event: Mapping[str, Any]) -> None:
        told.take(event)
        host = tally.take(event)
        if host is not None and host.task:
            tell(f"{host.name}: {host.task}")

    extra = {"hoaban_update_security": security}
    run = Run(PLAYBOOK, ",".join(names), check=check, extra_vars=extra)
    log = play(workspace, run, take)
    errors: dict[str, list[HoabanError]] = {}
    for failure in tally.failures:
        errors.setdefault(failure.host, []).append(explain(failure, door, log))
    for name in names:
        if name not in tally.hosts:
            errors[name] = [untouched(run, [name], log)]
    # Also of a host that failed half-way: what it has by then was told, if it got so far.
    whole = [name for name in names if name in told.before and name in told.after]
    return Played(
        changes={name: told.changes(name, check=check) for name in whole},
        reboots=frozenset(name for name in whole if told.reboot_due(name)),
        errors=errors,
    )
