"""The lab's two hypervisors, of which one takes servers at a time.

Both are compute services of the same OpenStack, each with a host name, a state folder and a
placement record of its own, so that a change of mind is a matter of seconds and leaves the
servers of the other hypervisor as they are.
"""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hoaban.errors import HoabanError
from hoaban.lab.client import connect
from hoaban.lab.supervisor import Supervisor

if TYPE_CHECKING:
    from hoaban.lab.layout import Layout

COMPUTE = "nova-compute"
_WAIT = 180


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


def choose(layout: Layout, wanted: Hypervisor) -> bool:
    """Let ``wanted`` take servers, and only it; false when that is so already.

    The other service is disabled while it runs, for it is the service itself that tells
    placement, and stopped then.
    """
    supervisor = Supervisor(layout)
    changed = supervisor.start(wanted.program)
    compute: Any = connect(layout).compute
    service = _wait_until_up(layout, compute, wanted)
    if service.status != "enabled":
        compute.enable_service(service, wanted.host, COMPUTE)
        changed = True
    other = _service(compute, wanted.other)
    if other is not None and other.status == "enabled":
        compute.disable_service(other, wanted.other.host, COMPUTE, f"the lab uses {wanted.value}")
        changed = True
    return supervisor.stop(wanted.other.program) or changed


def _service(compute: Any, kind: Hypervisor) -> Any:
    return next(iter(compute.services(binary=COMPUTE, host=kind.host)), None)


def _wait_until_up(layout: Layout, compute: Any, kind: Hypervisor) -> Any:
    """Wait until the service reports, and nova's scheduler knows its node."""
    end = time.monotonic() + _WAIT
    while time.monotonic() < end:
        service = _service(compute, kind)
        if service is not None and service.state == "up" and _has_node(compute, kind):
            return service
        time.sleep(0.5)
    raise HoabanError(
        f"the hypervisor {kind.value} did not report within {_WAIT} s",
        mend=f"see why: hoaban lab logs {kind.program}",
        detail="\n".join(layout.log_of(kind.program).read_text().splitlines()[-15:]),
    )


def _has_node(compute: Any, kind: Hypervisor) -> bool:
    # A node is listed once its host is mapped to a cell, and only then can servers be placed.
    return any(
        node.service_details["host"] == kind.host for node in compute.hypervisors(details=True)
    )
