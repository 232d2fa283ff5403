"""The ``networks`` of a server: what is asked of Nova, and what is told of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hoaban.openstack import addresses
from hoaban.openstack.networking.networks import NETWORK
from hoaban.openstack.networking.ports import listed_ports, ports_of_servers
from hoaban.openstack.twins import called

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


def requested(call: Call, inputs: PropertyMap) -> list[Json] | str:
    """``networks`` of a request for a new server."""
    if inputs.get("networkMode"):
        return str(inputs["networkMode"]).lower()
    wanted = []
    for item in inputs.get("networks") or []:
        if item.get("port"):
            wanted.append({"port": item["port"]})
            continue
        one = {"uuid": item.get("uuid") or _network_id(call, item["name"])}
        if fixed := item.get("fixedIpV4") or item.get("fixedIpV6"):
            one["fixed_ip"] = str(fixed).strip("[]")
        wanted.append(one)
    return wanted


def told(call: Call, server: Json, prior: Iterable[PropertyMap]) -> list[PropertyMap]:
    """The server's network cards, in the order in which they were asked for."""
    cards = [_card(server, port) for port in _sorted_ports(call, server)]
    ordered: list[PropertyMap] = []
    for item in prior:
        match = next((card for card in cards if _is(card, item)), None)
        if match is not None:
            cards.remove(match)
            shown = {**match, "accessNetwork": bool(item.get("accessNetwork"))}
            if not item.get("port"):
                shown["port"] = ""  # as the official provider: only a port that was given is told
            ordered.append(shown)
    if ordered:
        return ordered
    return [{**card, "accessNetwork": False} for card in cards]


def access_addresses(server: Json, cards: Iterable[PropertyMap]) -> tuple[str, str]:
    """IPv4 and IPv6 address to reach the server at: of the access network, else the first."""
    found = {4: "", 6: ""}
    for card in cards:
        for version, name in ((4, "fixedIpV4"), (6, "fixedIpV6")):
            if card.get(name) and (not found[version] or card.get("accessNetwork")):
                found[version] = str(card[name])
    return (
        found[4] or server.get("accessIPv4") or "",
        found[6] or server.get("accessIPv6") or "",
    )


def _sorted_ports(call: Call, server: Json) -> list[Json]:
    """Ports in Nova's order of cards, as far as it tells (by MAC address)."""
    macs = [
        address.get("OS-EXT-IPS-MAC:mac_addr")
        for group in (server.get("addresses") or {}).values()
        for address in group
    ]
    known = {mac: place for place, mac in reversed(list(enumerate(macs)))}
    ports = listed_ports(call, server["id"]) if call.sought is not None else []
    if not ports or known.keys() - {port["mac_address"] for port in ports}:
        ports = ports_of_servers(call, server["id"])
    return sorted(ports, key=lambda port: known.get(port["mac_address"], len(known)))


def _card(server: Json, port: Json) -> PropertyMap:
    card: PropertyMap = {
        "uuid": port["network_id"],
        "name": _network_name(server.get("addresses") or {}, port["mac_address"]),
        "port": port["id"],
        "mac": port["mac_address"],
        "fixedIpV4": "",
        "fixedIpV6": "",
    }
    for fixed in port.get("fixed_ips") or []:
        address = fixed["ip_address"]
        if ":" not in address:
            card["fixedIpV4"] = card["fixedIpV4"] or address
        else:
            card["fixedIpV6"] = card["fixedIpV6"] or f"[{address}]"
    return card


def _network_name(groups: Mapping[str, Iterable[Json]], mac: str) -> str:
    for name, group in groups.items():
        if any(address.get("OS-EXT-IPS-MAC:mac_addr") == mac for address in group):
            return name
    return ""


def _is(card: PropertyMap, item: PropertyMap) -> bool:
    """Whether a card is the one that an item asks for."""
    if item.get("port"):
        return bool(card["port"] == item["port"])
    if item.get("uuid") and card["uuid"] != item["uuid"]:
        return False
    if item.get("name") and not item.get("uuid") and card["name"] != item["name"]:
        return False
    wanted = item.get("fixedIpV4")
    return not wanted or addresses.address(wanted) == addresses.address(card["fixedIpV4"])


def _network_id(call: Call, name: str) -> str:
    mend = "give the network's id (uuid) instead of its name"
    return str(called(call, NETWORK, name, mend=mend)["id"])
