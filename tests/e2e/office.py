"""An office's router: a guest that does what ``hoaban vpn site --format openwrt`` tells an OpenWrt.

Debian has no UCI: WireGuard's part is read by the strict reader of the unit tests and set by wg(8)
and ip(8); FRR's is taken as it stands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hoaban.vpn.office import KEPT_KEY
from tests.unit.vpn import grammar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.outside import Guest

BATCH = re.compile(r"^uci batch <<'END'\n(.*?)^END$", re.MULTILINE | re.DOTALL)
FRR = re.compile(r"^cat > /etc/frr/frr.conf <<'END'\n(.*?)^END$", re.MULTILINE | re.DOTALL)
Sections = dict[str, dict[str, list[str]]]


def apply(router: Guest, text: str) -> list[str]:
    """Do what the configuration says; the router's own addresses."""
    routing = FRR.search(text)
    assert routing is not None
    sections = _written(router, text)
    router.run("\n".join(_commands(sections)))
    router.write("/etc/frr/frr.conf", routing.group(1), mode="0644")
    router.run(
        "sed -i 's/^\\(bgpd\\|bfdd\\)=no/\\1=yes/' /etc/frr/daemons\n"
        "sysctl -q net.ipv4.conf.all.rp_filter=2\n"
        "systemctl restart frr"
    )
    first = sections[f"network.{_interfaces(sections)[0]}"]
    return [address.partition("/")[0] for address in first["addresses"]]


def change_keys(router: Guest, text: str) -> None:
    """Take up the keys of peers from a configuration that came later; nothing else."""
    assert KEPT_KEY in text, "the router's own key is handed out once"
    sections = _written(router, text)
    lines = [
        f'sed -i "s,{KEPT_KEY},$(wg show {name} private-key)," /etc/wireguard/{name}.new; '
        f"wg syncconf {name} /etc/wireguard/{name}.new; rm /etc/wireguard/{name}.new"
        for name in _interfaces(sections)
    ]
    router.run("\n".join(lines))


def _written(router: Guest, text: str) -> Sections:
    """What the configuration says; each tunnel's part lies on the router, to be taken up."""
    batch = BATCH.search(text)
    assert batch is not None
    sections = grammar.uci(batch.group(1))
    for name in _interfaces(sections):
        router.write(f"/etc/wireguard/{name}.new", _setconf(sections, name))
    return sections


def _interfaces(sections: Sections) -> list[str]:
    return [
        name.removeprefix("network.")
        for name, one in sections.items()
        if one.get("proto") == ["wireguard"]
    ]


def _setconf(sections: Sections, name: str) -> str:
    own, peer = sections[f"network.{name}"], sections[f"network.{name}_peer"]
    [private] = own["private_key"]
    lines = ["[Interface]", f"PrivateKey = {private}", "[Peer]"]
    lines += [
        f"PublicKey = {peer['public_key'][0]}",
        f"PresharedKey = {peer['preshared_key'][0]}",
        f"Endpoint = {peer['endpoint_host'][0]}:{peer['endpoint_port'][0]}",
        f"AllowedIPs = {', '.join(peer['allowed_ips'])}",
        f"PersistentKeepalive = {peer['persistent_keepalive'][0]}",
    ]
    return "\n".join(lines) + "\n"


def _commands(sections: Sections) -> Iterator[str]:
    for name in _interfaces(sections):
        own: Mapping[str, Any] = sections[f"network.{name}"]
        yield f"ip link add {name} mtu {own['mtu'][0]} type wireguard"
        yield f"wg setconf {name} /etc/wireguard/{name}.new"
        yield f"rm /etc/wireguard/{name}.new"
        for address in own["addresses"]:
            yield f"ip address add {address} dev {name}"
        yield f"ip link set {name} up"
        for suffix in ("ipv4", "ipv6"):
            [target] = sections[f"network.{name}_{suffix}"]["target"]
            yield f"ip route add {target} dev {name}"
