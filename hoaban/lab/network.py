"""The lab's places in the machine's network, and whether somebody else has them."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from hoaban.errors import HoabanError
from hoaban.lab.processes import is_of, switches
from hoaban.lab.services import PUBLIC_NETWORKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hoaban.lab.layout import Layout

BRIDGES = ("br-ex", "br-int")
DEVICES = Path("/sys/class/net")
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


def is_tap(name: str) -> bool:
    """Whether the device is one that a process made through /dev/net/tun.

    The bridges of a switch in userspace are, and so are the guests' legs; the kernel's own bridges
    and those of its Open vSwitch are not.
    """
    return (DEVICES / name / "tun_flags").is_file()


def conflicts(layout: Layout) -> list[HoabanError]:
    """What is in the way of the lab's network; nothing while this lab's switch runs."""
    running = switches()
    if any(is_of(layout, process) for process in running):
        return []
    return [*_foreign_bridges(running), *_foreign_addresses()]


def _foreign_bridges(others: Sequence[psutil.Process]) -> Iterable[HoabanError]:
    """The lab's bridges that are somebody else's: a tap with no switch alive is what it left."""
    for name in BRIDGES:
        if not (DEVICES / name).exists():
            continue
        if not is_tap(name):
            yield HoabanError(
                f"the network device {name} is not the lab's, which needs one of that name",
                mend=f"see what it is: ip -details link show {name}; then remove or rename it",
            )
        elif others:
            yield HoabanError(
                f"the network device {name} may be of the Open vSwitch that is process "
                f"{others[0].pid}, and the lab needs one of that name",
                mend="see what that has: ovs-vsctl show; use a machine of its own for the lab",
            )


def _foreign_addresses() -> Iterable[HoabanError]:
    """Addresses in the lab's networks. A wider network does no harm: the lab's route wins."""
    found = (
        (name, ip_address(each.address.partition("%")[0]))
        for name, addresses in psutil.net_if_addrs().items()
        for each in addresses
        if name not in BRIDGES and each.family in _FAMILIES
    )
    for name, address in found:
        for network in PUBLIC_NETWORKS:
            if address in network:
                yield HoabanError(
                    f"{name} has the address {address}, in the lab's own network {network}",
                    mend="use a machine for the lab that has no address there",
                )
