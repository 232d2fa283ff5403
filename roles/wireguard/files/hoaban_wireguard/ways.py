"""Leads traffic around a tunnel while that is worked on, and back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hoaban_wireguard.host import (
    Settings,
    ToolError,
    answer,
    read_routing,
    read_settings,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Callable

WAIT_SECONDS = 40.0
UNDER_WAY_SECONDS = 3.0
"""How long a packet may be under way through a tunnel: queues of a slow line, of a busy host."""


def neighbours_on(name: str) -> list[Settings]:
    """Neighbours of BGP that are reached by an interface."""
    entries = read_routing()["bgp"].get("neighbours", [])
    return [entry for entry in entries if entry.get("interface") == name]


def set_drained(name: str, *, drained: bool) -> None:
    """Tell the neighbours on an interface that it is a way of last resort (RFC 8326), or not.

    It holds until the next change of FRR's configuration, and no restart outlasts it.
    """
    neighbours = neighbours_on(name)
    if not neighbours:
        return
    word = "drained-" if drained else ""
    lines = ["configure terminal", f"router bgp {read_routing()['bgp']['asn']}"]
    for entry in neighbours:
        family = "ipv6" if ":" in entry["address"] else "ipv4"
        lines.append(f"address-family {family} unicast")
        neighbour = f"neighbor {entry['address']} route-map hoaban-{word}"
        lines += [f"{neighbour}{way} {way}" for way in ("in", "out")]
        lines.append("exit-address-family")
    run("vtysh", *(word for line in lines for word in ("-c", line)))


def learned_by(name: str, peers: list[str]) -> list[str]:
    """Learned routes that lead to the named peers of an interface, or to any of them."""
    settings = read_settings(name)
    chosen = [peer for peer in settings["peers"] if not peers or peer["name"] in peers]
    gateways = {address for peer in chosen for address in peer.get("tunnel_addresses", ())}
    found = []
    for option in ("-4", "-6"):
        for route in answer("ip", "-json", option, "route", "show", "proto", "bgp"):
            hops = route.get("nexthops") or [route]
            if any(hop.get("gateway", hop.get("via", {})) in gateways for hop in hops):
                found.append(route["dst"])
    return found


def await_none(what: str, ask: Callable[[], list[str]]) -> None:
    """Ask until the list is empty, or complain of what is left."""
    deadline = time.monotonic() + WAIT_SECONDS
    while left := ask():
        if time.monotonic() > deadline:
            raise ToolError(f"{what} after {WAIT_SECONDS:.0f} s: {', '.join(sorted(left)[:10])}")
        time.sleep(0.2)


def drain(name: str) -> None:
    """Lead traffic around an interface, and come back when none of its routes is used."""
    set_drained(name, drained=True)
    try:
        settle(name, [])
    except ToolError:
        set_drained(name, drained=False)
        raise


def settle(name: str, peers: list[str]) -> None:
    """Wait until no learned route leads to the peers, and what is under way has arrived."""
    await_none(f"no other way than {name}", lambda: learned_by(name, peers))
    time.sleep(UNDER_WAY_SECONDS)


def lacking(name: str, peers: list[str]) -> list[str]:
    """Those peers that there was no handshake with, or to which BGP is not up.

    A peer that got a new key is new to WireGuard: there was none yet.
    """
    chosen = [peer for peer in read_settings(name)["peers"] if peer["name"] in peers]
    shaken = handshakes(name)
    silent = [peer["name"] for peer in chosen if not shaken.get(peer["public_key"])]
    addresses = {address for peer in chosen for address in peer.get("tunnel_addresses", ())}
    states = bgp_states()
    closed = [
        f"BGP with {entry['name']}"
        for entry in neighbours_on(name)
        if entry["address"] in addresses and states.get(entry["address"]) != "Established"
    ]
    return silent + closed


def handshakes(name: str) -> dict[str, int]:
    """Time of the last handshake (seconds since 1970) by public key; 0 for none."""
    lines = run("wg", "show", name, "latest-handshakes").splitlines()
    return {key: int(when) for key, _, when in (line.partition("\t") for line in lines)}


def bgp_states() -> dict[str, str]:
    """State of each neighbour of BGP by its address."""
    shown = answer("vtysh", "-c", "show bgp summary json")
    families = shown.values() if isinstance(shown, dict) else ()
    return {
        address: neighbour["state"]
        for family in families
        for address, neighbour in (family.get("peers") or {}).items()
    }
