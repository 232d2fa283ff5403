"""Room on this machine for a scenario's networks.

A scenario's addresses are written in its files, so only one instance of it can be on a machine. A
test that was killed leaves its bridge behind, without anything on it: that is removed. One with
instances on it is another checkout's, and stays.
"""

from __future__ import annotations

import json
import re
import subprocess
from ipaddress import ip_interface
from typing import TYPE_CHECKING, Any

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Network, IPv6Network

_OF_PODMAN = re.compile(r"podman\d+")


def make_room(subnets: Iterable[IPv4Network | IPv6Network]) -> None:
    """Free subnets of bridges that nothing is on; an error names an interface that is in use."""
    wanted = list(subnets)
    for link in _links("address", "show"):
        name = link["ifname"]
        here = [a["local"] for a in link["addr_info"] if _within(a, wanted)]
        if not here:
            continue
        if not _OF_PODMAN.fullmatch(name) or _links("link", "show", "master", name):
            raise HoabanError(
                f"this machine's interface {name} has the address {here[0]}, "
                "which is in a network that the scenario needs",
                mend="end the other checkout's test: python -m hoaban.testing.molecule "
                "--action destroy there"
                if _OF_PODMAN.fullmatch(name)
                else f"take the address off: ip address show dev {name}",
            )
        subprocess.run(["ip", "link", "delete", name], check=True)


def _within(address: dict[str, Any], subnets: list[IPv4Network | IPv6Network]) -> bool:
    if address.get("scope") == "link":
        return False
    own = ip_interface(f"{address['local']}/{address['prefixlen']}").network
    return any(own.version == subnet.version and own.overlaps(subnet) for subnet in subnets)


def _links(*question: str) -> list[dict[str, Any]]:
    words = ["ip", "-json", *question]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    links: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return [link for link in links if link]
