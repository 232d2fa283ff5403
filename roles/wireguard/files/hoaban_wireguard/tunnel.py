"""Brings a WireGuard interface to what its file says.

The file holds everything but the private key, which lies beside it, was made on this host and is
read here only. What is right already is not touched: a change of one peer leaves the sessions of
all others alone (``wg syncconf``).
"""

from __future__ import annotations

import subprocess
from ipaddress import ip_interface, ip_network
from pathlib import Path
from typing import Any

from hoaban_wireguard.host import (
    FOLDER,
    Settings,
    ToolError,
    answer,
    read_settings,
    run,
)
from hoaban_wireguard.shaping import forget_shaping, shape

USUAL_MTU, LEAST_MTU, OVERHEAD = 1500, 1280, 80
"""Bytes: of Ethernet, the least of IPv6 (RFC 8200, 5), what WireGuard adds."""
ANY = "default"
PROTOCOL = "static"
"""Routes of this protocol on a tunnel are this program's; those that BGP learns are of ``bgp``."""


def configuration(settings: Settings, private_key: str, port: int) -> str:
    """What ``wg syncconf`` reads (wg(8)), with ``port`` as the one to listen on; 0 for any."""
    lines = ["[Interface]", f"PrivateKey = {private_key}"]
    lines += [f"ListenPort = {port}"] if port else []
    for peer in settings["peers"]:
        lines += ["", "[Peer]", f"PublicKey = {peer['public_key']}"]
        if peer.get("preshared_key"):
            lines.append(f"PresharedKey = {peer['preshared_key']}")
        lines.append(f"AllowedIPs = {', '.join(peer['allowed_ips'])}")
        if peer.get("endpoint"):
            lines.append(f"Endpoint = {peer['endpoint']}")
        if peer.get("keepalive"):
            lines.append(f"PersistentKeepalive = {peer['keepalive']}")
    return "\n".join(lines) + "\n"


def exists(name: str) -> bool:
    """Whether the interface is there."""
    return Path("/sys/class/net", name).exists()


def make(name: str) -> None:
    """Make the interface by the kernel, or where that has no WireGuard by wireguard-go."""
    made = subprocess.run(
        ["ip", "link", "add", "dev", name, "type", "wireguard"], capture_output=True, check=False
    )
    if made.returncode == 0:
        return
    try:
        run("wireguard-go", name)
    except FileNotFoundError as error:
        raise ToolError("neither the kernel has WireGuard nor is wireguard-go installed") from error


def bring_up(name: str) -> None:
    """Make the interface unless it is there, and bring it to what the file says."""
    if not exists(name):
        make(name)
        forget_shaping(name)
    sync(name)


def bring_down(name: str) -> None:
    """Remove the interface; wireguard-go ends with its own."""
    if exists(name):
        run("ip", "link", "delete", "dev", name)


def sync(name: str) -> None:
    """Bring keys, peers, addresses, routes and shaping to what the file says."""
    settings = read_settings(name)
    private_key = (FOLDER / f"{name}.key").read_text(encoding="ascii").strip()
    # A port that the kernel chose is kept: the other end knows it.
    port = settings.get("listen_port") or int(run("wg", "show", name, "listen-port"))
    text = configuration(settings, private_key, port)
    run("wg", "syncconf", name, "/dev/stdin", stdin=text)
    run("ip", "link", "set", "dev", name, "mtu", str(settings.get("mtu") or mtu()), "up")
    set_addresses(name, settings["addresses"])
    set_routes(name, settings)
    shape(name, settings["peers"])


def mtu() -> int:
    """Largest packet for a tunnel over any way out of this host.

    A cloud's own tunnels take some of the 1500 bytes already. Around a packet come at most 80
    bytes: IPv6 40, UDP 8, WireGuard's header and authentication 32.
    """
    routes = [
        *answer("ip", "-json", "-4", "route", "show", "default"),
        *answer("ip", "-json", "-6", "route", "show", "default"),
    ]
    devices = {hop["dev"] for route in routes for hop in route.get("nexthops") or [route]}
    sizes = [int(Path("/sys/class/net", name, "mtu").read_text()) for name in devices]
    return max(LEAST_MTU, min(sizes, default=USUAL_MTU) - OVERHEAD)


def set_addresses(name: str, wanted: list[str]) -> None:
    """Addresses of the interface: exactly those wanted, and the kernel's own link-local ones."""
    links = answer("ip", "-json", "address", "show", "dev", name)
    infos = [info for link in links for info in link["addr_info"] if info["scope"] != "link"]
    there = {ip_interface(f"{info['local']}/{info['prefixlen']}") for info in infos}
    goal = {ip_interface(address) for address in wanted}
    for address in goal - there:
        run("ip", "address", "add", str(address), "dev", name)
    for address in there - goal:
        run("ip", "address", "del", str(address), "dev", name)


def wanted_routes(settings: Settings) -> dict[Any, str | None]:
    """Networks that lead into the tunnel for good, each with the own address to be used there."""
    own = [ip_interface(address).ip for address in settings["addresses"]]
    source = {address.version: str(address) for address in reversed(own)}
    places = [
        place
        for peer in settings["peers"]
        for place in (*peer.get("tunnel_addresses", ()), *peer.get("routes", ()))
    ]
    return {ip_network(place): source.get(ip_network(place).version) for place in places}


def set_routes(name: str, settings: Settings) -> None:
    """Routes into the tunnel: exactly those wanted, beside what BGP learns.

    One call for all of a family, and only those that differ: a hub has hundreds.
    """
    goal = wanted_routes(settings)
    for version in (4, 6):
        shown = answer(
            "ip", "-json", f"-{version}", "route", "show", "dev", name, "proto", PROTOCOL
        )
        there = {ip_network(one["dst"]): one.get("prefsrc") for one in shown if one["dst"] != ANY}
        lines = [
            f"route del {network} dev {name} proto {PROTOCOL}"
            for network in there.keys() - goal.keys()
        ]
        for network, source in goal.items():
            if network.version != version or (network in there and there[network] == source):
                continue
            own = f" src {source}" if source else ""
            lines.append(f"route replace {network} dev {name} proto {PROTOCOL}{own}")
        if lines:
            run("ip", f"-{version}", "-batch", "-", stdin="\n".join(lines) + "\n")
