"""Ansible filters for the files of WireGuard interfaces."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

from hoaban.errors import HoabanError
from hoaban.vpn import keys

Settings = Mapping[str, Any]
Ends = dict[str, list[str]]

KEY_BYTES = 32
UNKNOWN_KEY = base64.b64encode(bytes(KEY_BYTES)).decode("ascii")
"""Stands for a key that is not made yet, in check mode."""
_NAME = re.compile(r"wg-[A-Za-z0-9._-]{1,12}", re.ASCII)
"""The kernel takes fifteen characters (IFNAMSIZ)."""
_ENDPOINT = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):\d{1,5}", re.ASCII)
_VIRTUAL_PRIORITIES = range(101, 255)


def wireguard_file(interface: Settings, key_file: str, *, check_mode: bool = False) -> str:
    """The file of an interface, as JSON text: keys known and shared keys put in their places.

    ``key_file`` has the public keys of managed hosts. An unknown one is an error, but in check
    mode, where it may be one that would be made.
    """
    try:
        pins = keys.read(Path(key_file))
    except HoabanError as error:
        raise AnsibleFilterError(str(error)) from error
    peers = [_peer(interface, peer, pins, check_mode=check_mode) for peer in interface["peers"]]
    return json.dumps({**interface, "peers": peers}, indent=2, sort_keys=True) + "\n"


def _peer(
    interface: Settings,
    peer: Settings,
    pins: Mapping[str, Mapping[str, str]],
    *,
    check_mode: bool,
) -> dict[str, Any]:
    own = {"host", "interface", "preshared_key_file"}
    document = {k: v for k, v in peer.items() if k not in own and v is not None}
    if peer.get("host"):
        there = peer.get("interface") or interface["name"]
        known = pins.get(peer["host"], {}).get(there)
        if known is None and not check_mode:
            raise AnsibleFilterError(
                f"the key of {peer['host']}'s interface {there} is not known: configure that host, "
                "too, in the same run or before"
            )
        document["public_key"] = known or UNKNOWN_KEY
    if peer.get("preshared_key_file"):
        document["preshared_key"] = _preshared(Path(peer["preshared_key_file"]))
    return document


def _preshared(path: Path) -> str:
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AnsibleFilterError(f"the shared key in {path} can't be read") from error
    if not _is_key(key):
        raise AnsibleFilterError(f"{path} does not hold a key: 32 bytes in base64")
    return key


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def wireguard_ends(interfaces: Sequence[Settings], host: str, interface: str) -> Ends:
    """Peers that are an interface of another managed host: names by own interface."""
    ends = {
        own["name"]: [
            peer["name"]
            for peer in own["peers"]
            if peer.get("host") == host and (peer.get("interface") or own["name"]) == interface
        ]
        for own in interfaces
    }
    return {name: peers for name, peers in ends.items() if peers}


def wireguard_turn_problems(interface: Settings, routers: bool) -> list[str]:
    """What keeps an interface from getting a new key.

    ``routers`` says that somebody sees to the ends that are not managed.
    """
    if not interface:
        return ["there is no such interface"]
    strangers = [peer["name"] for peer in interface["peers"] if not peer.get("host")]
    if strangers and not routers:
        them = f"{', '.join(strangers)} of {interface['name']}"
        return [f"{them} are not managed: until told the new key they are without this tunnel"]
    return []


def wireguard_problems(
    interfaces: Sequence[Settings], bgp: Settings, virtual: Settings
) -> list[str]:
    """What keeps the variables from being used, one sentence a problem; empty when nothing does."""
    names = [interface["name"] for interface in interfaces]
    problems = [f"there are several interfaces {name}" for name in _doubles(names)]
    for interface in interfaces:
        problems += _interface_problems(interface)
    problems += _missing("BGP", bgp, ("asn", "router_id"))
    for neighbour in bgp.get("neighbours", []):
        problems += _neighbour_problems(neighbour, names)
    missing = _missing("virtual address", virtual, ("addresses", "source", "peers", "priority"))
    return [*problems, *missing, *([] if missing or not virtual else _virtual_problems(virtual))]


def _missing(what: str, settings: Settings, needed: Iterable[str]) -> list[str]:
    return [f"{what}: {key} is missing" for key in needed if settings and not settings.get(key)]


def _interface_problems(interface: Settings) -> Iterator[str]:
    name = interface["name"]
    if not _NAME.fullmatch(name):
        yield f"{name!r} can't be an interface's name: wg- and at most twelve characters more"
    yield from _refused(f"{name}: ", ip_interface, interface["addresses"])
    peers = interface["peers"]
    for double in _doubles(peer["name"] for peer in peers):
        yield f"{name} has several peers {double}"
    # The kernel gives a network to the peer that names it last, without a word.
    for double in _doubles(network for peer in peers for network in peer["allowed_ips"]):
        yield f"{name}: several peers are to have {double}"
    for peer in peers:
        yield from _peer_problems(f"{name}, peer {peer['name']}: ", peer)


def _peer_problems(where: str, peer: Settings) -> Iterator[str]:
    if bool(peer.get("host")) == bool(peer.get("public_key")):
        yield f"{where}give either host or public_key"
    if peer.get("public_key") and not _is_key(peer["public_key"]):
        yield f"{where}the public key is none: 32 bytes in base64"
    if peer.get("endpoint") and not _ENDPOINT.fullmatch(peer["endpoint"]):
        yield f"{where}{peer['endpoint']} is not an address and a port"
    odd = list(_refused(where, ip_network, [*peer["allowed_ips"], *(peer.get("routes") or [])]))
    odd += _refused(where, ip_address, peer.get("tunnel_addresses") or [])
    yield from odd
    if not odd:
        allowed = [ip_network(text) for text in peer["allowed_ips"]]
        for text in peer.get("tunnel_addresses") or []:
            if not any(ip_address(text) in network for network in allowed):
                yield f"{where}{text} is in none of its allowed_ips"
    if peer.get("bandwidth_mbit") is not None and peer["bandwidth_mbit"] <= 0:
        yield f"{where}a bandwidth is greater than nothing"


def _neighbour_problems(neighbour: Settings, interfaces: list[str]) -> Iterator[str]:
    where = f"BGP with {neighbour['name']}: "
    addresses = [neighbour["address"], neighbour["source"]]
    odd = [*_refused(where, ip_address, addresses)]
    accepted = neighbour.get("accept") or []
    odd += _refused(where, ip_network, accepted)
    yield from odd
    if not odd:
        versions = {ip_address(text).version for text in addresses}
        versions |= {ip_network(text).version for text in accepted}
        if len(versions) > 1:
            yield f"{where}addresses and accepted networks must be of one family"
    if neighbour.get("interface") and neighbour["interface"] not in interfaces:
        yield f"{where}there is no interface {neighbour['interface']}"


def _virtual_problems(virtual: Settings) -> Iterator[str]:
    odd = [*_refused("virtual address: ", ip_interface, virtual["addresses"])]
    odd += _refused("virtual address: ", ip_address, [virtual["source"], *virtual["peers"]])
    yield from odd
    if not odd and (not virtual["addresses"] or ":" in virtual["addresses"][0]):
        yield "virtual address: the first one must be IPv4"
    if virtual["priority"] not in _VIRTUAL_PRIORITIES:
        yield "virtual address: a priority is from 101 to 254, for a sick hub loses 100"


def _refused(where: str, kind: Callable[[str], Any], texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        try:
            kind(text)
        except ValueError as error:
            yield f"{where}{error}"


def _doubles(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


class FilterModule:
    """The filters, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Ansible asks for this."""
        return {
            "wireguard_ends": wireguard_ends,
            "wireguard_file": wireguard_file,
            "wireguard_problems": wireguard_problems,
            "wireguard_turn_problems": wireguard_turn_problems,
        }
