"""Strict readers of the formats that offices' routers take; what they don't know they refuse.

wg-quick: wg(8) and wg-quick(8). UCI: https://openwrt.org/docs/guide-user/base-system/uci. RouterOS:
menus and properties of MikroTik's manual (https://help.mikrotik.com/docs, RouterOS 7).
"""

from __future__ import annotations

import base64
import re
import shlex
from ipaddress import ip_interface, ip_network

WG_KEYS = {
    "Interface": {"PrivateKey", "Address", "MTU", "ListenPort", "PostUp", "PreDown"},
    "Peer": {"PublicKey", "PresharedKey", "Endpoint", "AllowedIPs", "PersistentKeepalive"},
}
ENDPOINT = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9.-]+):(\d{1,5})")

UCI_OPTIONS = {
    "interface": {"proto", "private_key", "mtu", "nohostroute", "listen_port", "addresses"},
    "wireguard": {
        "public_key", "preshared_key", "endpoint_host", "endpoint_port", "route_allowed_ips",
        "persistent_keepalive", "allowed_ips",
    },
    "route": {"interface", "target"},
    "route6": {"interface", "target"},
    "zone": {"name", "input", "output", "forward", "network"},
    "forwarding": {"src", "dest"},
    "rule": {"name", "family", "src", "dest", "src_ip", "dest_ip", "proto", "dest_port", "target"},
}  # fmt: skip
UCI_LINE = re.compile(
    r"(?:(set|add_list) (network|firewall)\.([a-z0-9_]+)(?:\.([a-z0-9_]+))?='([^']*)'"
    r"|commit (network|firewall))"
)

ROUTEROS = {
    "/interface/wireguard": {"name", "mtu", "listen-port", "private-key"},
    "/interface/wireguard/peers": {
        "name", "interface", "public-key", "preshared-key", "endpoint-address", "endpoint-port",
        "allowed-address", "persistent-keepalive",
    },
    "/ip/address": {"address", "network", "interface"},
    "/ip/route": {"dst-address", "gateway"},
    "/ipv6/route": {"dst-address", "gateway"},
    "/ip/firewall/address-list": {"list", "address"},
    "/ipv6/firewall/address-list": {"list", "address"},
    "/routing/filter/rule": {"chain", "rule"},
    "/routing/bfd/configuration": {"interfaces", "min-rx", "min-tx", "multiplier"},
    "/routing/bgp/connection": {
        "name", "as", "router-id", "local.role", "local.address", "remote.address", "remote.as",
        "multihop", "use-bfd", "address-families", "hold-time", "keepalive-time", "input.filter",
        "output.network",
    },
    "/ip/firewall/filter": {
        "chain", "in-interface", "out-interface", "src-address", "dst-address", "protocol",
        "dst-port", "connection-state", "action",
    },
}  # fmt: skip
ROUTEROS["/ipv6/firewall/filter"] = ROUTEROS["/ip/firewall/filter"]


def is_key(text: str) -> bool:
    """Whether it is 32 bytes in base64."""
    return len(base64.b64decode(text, validate=True)) == 32


def wg_quick(text: str) -> dict[str, list[dict[str, list[str]]]]:
    """Sections of a configuration, each with its settings."""
    sections: dict[str, list[dict[str, list[str]]]] = {"Interface": [], "Peer": []}
    current: tuple[str, dict[str, list[str]]] | None = None
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line in ("[Interface]", "[Peer]"):
            current = (line[1:-1], {})
            sections[current[0]].append(current[1])
            continue
        assert current is not None, f"outside of a section: {line}"
        key, equals, value = line.partition(" = ")
        assert equals
        assert key in WG_KEYS[current[0]], line
        current[1].setdefault(key, []).append(value)
    assert len(sections["Interface"]) == 1
    for section in (*sections["Interface"], *sections["Peer"]):
        for key in ("PrivateKey", "PublicKey", "PresharedKey"):
            assert all(is_key(value) for value in section.get(key, []))
        for value in section.get("Address", []):
            assert all(ip_interface(one) for one in value.split(", "))
        for value in section.get("AllowedIPs", []):
            assert all(ip_network(one) for one in value.split(", "))
        for value in section.get("Endpoint", []):
            assert ENDPOINT.fullmatch(value), value
    return sections


def uci(text: str) -> dict[str, dict[str, list[str]]]:
    """Sections of a batch of uci by ``<file>.<name>``, each with its options."""
    sections: dict[str, dict[str, list[str]]] = {}
    types: dict[str, str] = {}
    committed: set[str] = set()
    changed: set[str] = set()
    for line in text.splitlines():
        match = UCI_LINE.fullmatch(line)
        assert match, f"not a line of uci: {line}"
        verb, file, name, option, value, commit = match.groups()
        if commit:
            committed.add(commit)
            continue
        section = f"{file}.{name}"
        changed.add(file)
        if option is None:
            assert verb == "set"
            assert section not in sections, f"twice: {section}"
            sections[section], types[section] = {}, value
            continue
        kind = "wireguard" if types[section].startswith("wireguard_") else types[section]
        assert option in UCI_OPTIONS[kind], line
        assert verb == "add_list" or option not in sections[section], f"set twice: {line}"
        sections[section].setdefault(option, []).append(value)
    for section, kind in types.items():
        owner = kind.removeprefix("wireguard_")
        assert owner == kind or types[f"network.{owner}"] == "interface", section
    assert committed == changed
    return sections


def routeros(text: str) -> dict[str, list[dict[str, str]]]:
    """Items that an export adds, by menu."""
    menus: dict[str, list[dict[str, str]]] = {}
    menu = ""
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("/"):
            menu = line.strip()
            assert menu in ROUTEROS, menu
            continue
        verb, *words = shlex.split(line)
        assert verb == "add", line
        item: dict[str, str] = {}
        for word in words:
            key, equals, value = word.partition("=")
            assert equals, line
            assert value, line
            assert key in ROUTEROS[menu], line
            assert key not in item, line
            item[key] = value
        menus.setdefault(menu, []).append(item)
    return menus
