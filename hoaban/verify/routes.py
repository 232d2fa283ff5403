"""How this machine reaches what is tried from outside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from contextlib import ExitStack
from ipaddress import ip_address
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv6Address

    IPAddress = IPv4Address | IPv6Address

AT_ONCE_BITS: Final = 10
"""So many bits of a mark tell vantages of one process apart; Linux numbers processes in 22."""
_vantages = count()


def leads_to(address: IPAddress) -> bool:
    """Whether an address is what it says when it is reached from here.

    A public one is; a private one only by a route of its own: whatever the default route takes may
    be another network's.
    """
    return address.is_global or any(
        route.get("dst") not in (None, "default") for route in _routes_to(address)
    )


def beside(address: IPAddress) -> bool:
    """Whether an address is on a network that this machine has a leg in."""
    return any(
        route.get("dst") not in (None, "default") and "gateway" not in route
        for route in _routes_to(address)
    )


def own_address(target: IPAddress) -> IPAddress | None:
    """The address that packets from here to a target carry; no packet is sent to find out."""
    family = socket.AF_INET if target.version == 4 else socket.AF_INET6  # noqa: PLR2004
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probing:
            probing.connect((str(target), 9))
            return ip_address(probing.getsockname()[0])
    except OSError:
        return None


class Vantage:
    """This machine as the place from which environments are tried.

    Where it stands beside the province's router (``routers``: the router's outer addresses), it
    hands packets for inner addresses to that router, as an attacker on the provider's side would.
    Only sockets that carry its mark go that way: whatever else this machine does keeps its routes.
    That needs root; without it, or elsewhere, inner addresses are tried only by routes that are
    there anyway.

    Several may be open at once, in one process or in many: each has a mark, a rule and a table of
    its own, so that none takes away another's while that one sends.
    """

    def __init__(self, routers: Iterable[IPAddress] = ()) -> None:
        self.routers = tuple(routers)
        self._hops: dict[int, IPAddress] = {}
        self._led: dict[IPAddress, bool] = {}
        self._mark = _unique()
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        for hop in self.routers if os.geteuid() == 0 else ():
            if hop.version not in self._hops and beside(hop) and self._route(hop):
                self._hops[hop.version] = hop
        return self

    def __exit__(self, *_: object) -> None:
        self._hops.clear()
        self._undo.close()

    def reaches(self, address: IPAddress) -> bool:
        """Whether a packet for an address would go to whom it is meant for."""
        return self._leads_to(address) or address.version in self._hops

    def own_address(self, target: IPAddress) -> IPAddress | None:
        """The address that packets from here to a target carry."""
        if self.mark_for(target):
            return own_address(self._hops[target.version])
        return own_address(target)

    def mark_for(self, target: IPAddress) -> int:
        """The mark (``SO_MARK``) that a socket to a target needs; 0 for none."""
        return self._mark if target.version in self._hops and not self._leads_to(target) else 0

    def _leads_to(self, address: IPAddress) -> bool:
        """What :func:`leads_to` says, asked once: each address is tried at many ports."""
        if address not in self._led:
            self._led[address] = leads_to(address)
        return self._led[address]

    def _route(self, hop: IPAddress) -> bool:
        """Lead marked packets to a router; false where the kernel does not take it."""
        table, family = str(self._mark), f"-{hop.version}"
        rule = ["fwmark", hex(self._mark), "lookup", table]
        if not _ip(family, "route", "add", "default", "via", str(hop), "table", table):
            return False
        self._undo.callback(_ip, family, "route", "flush", "table", table)
        if not _ip(family, "rule", "add", *rule):
            return False
        self._undo.callback(_ip, family, "rule", "del", *rule)
        return True


def _unique() -> int:
    """A mark, and number of a routing table, in 32 bits: the process's number, then a count.

    The smallest is above the tables that the kernel names (to 255).
    """
    return os.getpid() << AT_ONCE_BITS | next(_vantages) % (1 << AT_ONCE_BITS)


def _ip(*arguments: str) -> bool:
    return subprocess.run(["ip", *arguments], capture_output=True, check=False).returncode == 0


def _routes_to(address: IPAddress) -> list[dict[str, Any]]:
    command = ["ip", "-json", f"-{address.version}", "route", "get", "fibmatch", str(address)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    routes: list[dict[str, Any]] = json.loads(result.stdout or "[]")
    return routes if result.returncode == 0 else []
