"""The lab's two hypervisors, of which one takes servers at a time.

Both are compute services of the same OpenStack, each with a host name, a state folder and a
placement record of its own, so that a change of mind is a matter of seconds and leaves the
servers of the other hypervisor as they are.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hoaban.errors import HoabanError
from hoaban.files import write_atomic
from hoaban.lab.client import connect
from hoaban.lab.lock import locked
from hoaban.lab.logs import tail
from hoaban.lab.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from hoaban.lab.layout import Layout

COMPUTE = "nova-compute"
_WAIT_SECONDS = 180


class Hypervisor(StrEnum):
    """What servers run on: pretended for width, or emulated for real."""

    FAKE = "fake"
    QEMU = "qemu"

    @property
    def host(self) -> str:
        """Name of its compute service's host in nova and neutron."""
        return f"lab-{self.value}"

    @property
    def program(self) -> str:
        """Name of its compute service in the supervisor."""
        return f"{COMPUTE}-{self.value}"

    @property
    def other(self) -> Hypervisor:
        """The one that is not this one."""
        return Hypervisor.QEMU if self is Hypervisor.FAKE else Hypervisor.FAKE


def chosen(layout: Layout) -> Hypervisor | None:
    """The hypervisor of the last choice."""
    try:
        return Hypervisor(layout.hypervisor.read_text().strip())
    except (FileNotFoundError, ValueError):
        return None


def choose(
    layout: Layout, wanted: Hypervisor, tell: Callable[[str], None] = lambda _: None
) -> bool:
    """Let ``wanted`` take servers, and only it; false when that is so already.

    Holds the lock of the machine's lab: two choices at one time would stop each other's service.
    ``tell`` is told what is waited for.
    """
    with locked(f"up --hypervisor {wanted.value}", nested=True):
        return _choose(layout, wanted, tell)


def _choose(layout: Layout, wanted: Hypervisor, tell: Callable[[str], None]) -> bool:
    """Choose under the lock.

    The other service is disabled while it runs, for it is the service itself that tells
    placement, and stopped then.
    """
    supervisor = Supervisor(layout)
    _wait_until_stopped(supervisor, wanted)
    changed = supervisor.start(wanted.program)
    compute: Any = connect(layout).compute
    tell(f"the report of {wanted.program}")
    service = _wait_until_up(layout, supervisor, compute, wanted)
    if service.status != "enabled":
        compute.enable_service(service, wanted.host, COMPUTE)
        changed = True
    other = _service(compute, wanted.other)
    if other is not None and other.status == "enabled":
        compute.disable_service(other, wanted.other.host, COMPUTE, f"the lab uses {wanted.value}")
        changed = True
    # It may finish what it is doing: nothing waits for that.
    changed = supervisor.stop(wanted.other.program, wait=False) or changed
    if chosen(layout) is not wanted:
        write_atomic(layout.hypervisor, f"{wanted.value}\n")
    return changed


def _service(compute: Any, kind: Hypervisor) -> Any:
    return next(iter(compute.services(binary=COMPUTE, host=kind.host)), None)


def _wait_until_stopped(supervisor: Supervisor, kind: Hypervisor) -> None:
    """Wait while the last change of mind is still stopping the service: it can't be started yet."""
    end = time.monotonic() + _WAIT_SECONDS
    while supervisor.processes()[kind.program]["statename"] == "STOPPING":
        if time.monotonic() > end:
            raise HoabanError(
                f"the hypervisor {kind.value} has not stopped within {_WAIT_SECONDS} s",
                mend=f"see why: hoaban lab logs {kind.program}",
            )
        time.sleep(0.2)


def _wait_until_up(layout: Layout, supervisor: Supervisor, compute: Any, kind: Hypervisor) -> Any:
    """Wait until the service that runs now has reported, and the scheduler knows its node."""
    end = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < end:
        process = supervisor.processes()[kind.program]
        if process["statename"] in {"STOPPED", "STOPPING"}:
            raise HoabanError(
                f"the hypervisor {kind.value} was stopped while it started: "
                f"somebody chose {kind.other.value} meanwhile",
                mend=f"agree on one, then: hoaban lab up --hypervisor {kind.value}",
            )
        started = int(process["start"])
        service = _service(compute, kind)
        if (
            service is not None
            and service.state == "up"
            and _seconds(service.updated_at) >= started
            and _has_node(compute, kind)
        ):
            return service
        time.sleep(0.5)
    raise HoabanError(
        f"the hypervisor {kind.value} did not report within {_WAIT_SECONDS} s",
        mend=f"see why: hoaban lab logs {kind.program}",
        detail=tail(layout, kind.program),
    )


def _seconds(timestamp: str | None) -> float:
    """Seconds since the epoch; a service that has yet to report has no time, which is long ago."""
    if timestamp is None:
        return 0.0
    return datetime.fromisoformat(timestamp).replace(tzinfo=UTC).timestamp()


def _has_node(compute: Any, kind: Hypervisor) -> bool:
    """Whether the host's node is listed: it is once its host is mapped to a cell.

    Later versions of this call ask every host for its uptime, and wait a minute for a stopped one.
    """
    nodes = compute.get("/os-hypervisors/detail", microversion="2.53").json()["hypervisors"]
    return any(node["service"]["host"] == kind.host for node in nodes)
