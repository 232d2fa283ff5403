"""The command ``hoaban-wireguard``.

hoaban-wireguard up|sync|down INTERFACE
hoaban-wireguard drain|undrain INTERFACE       have neighbours use another way, or not
hoaban-wireguard settled INTERFACE [PEER ...]  wait until no learned route leads to the peers
hoaban-wireguard alive INTERFACE [PEER ...]    wait for a handshake with each, and for BGP
hoaban-wireguard status                        everything, as JSON
"""

from __future__ import annotations

import json
import sys
import time
from ipaddress import ip_address, ip_interface

from hoaban_wireguard import ways
from hoaban_wireguard.host import (
    FOLDER,
    Settings,
    ToolError,
    answer,
    read_routing,
    read_settings,
    run,
)
from hoaban_wireguard.tunnel import bring_down, bring_up, exists, sync


def interface_status(name: str) -> Settings:
    """State of an interface: its peers with handshakes and counters."""
    settings = read_settings(name)
    if not exists(name):
        return {"name": name, "up": False, "peers": []}
    dump = [line.split("\t") for line in run("wg", "show", name, "dump").splitlines()]
    seen = {fields[0]: fields for fields in dump[1:]}
    peers = []
    for peer in settings["peers"]:
        fields = seen.get(peer["public_key"])
        peers.append(
            {
                "name": peer["name"],
                "public_key": peer["public_key"],
                "endpoint": None if not fields or fields[2] == "(none)" else fields[2],
                "handshake": int(fields[4]) or None if fields else None,
                "received_bytes": int(fields[5]) if fields else 0,
                "sent_bytes": int(fields[6]) if fields else 0,
                "bandwidth_mbit": peer.get("bandwidth_mbit"),
            }
        )
    own = {"name": name, "up": True, "public_key": dump[0][1], "listen_port": int(dump[0][2])}
    return {**own, "peers": peers}


def status() -> Settings:
    """State of everything that this host has of the VPN, as plain values."""
    routing = read_routing()
    states = ways.bgp_states() if routing["bgp"] else {}
    neighbours = [
        {
            "name": entry["name"],
            "address": entry["address"],
            "asn": entry["asn"],
            "interface": entry.get("interface"),
            "state": states.get(entry["address"], "Down"),
        }
        for entry in routing["bgp"].get("neighbours", [])
    ]
    wanted = {ip_interface(text).ip for text in routing["virtual"].get("addresses", [])}
    links = answer("ip", "-json", "address", "show")
    own = {ip_address(info["local"]) for link in links for info in link["addr_info"]}
    return {
        "time": int(time.time()),
        "interfaces": [interface_status(path.stem) for path in sorted(FOLDER.glob("*.json"))],
        "neighbours": neighbours,
        "virtual": {
            "addresses": sorted(str(address) for address in wanted),
            "held": bool(wanted) and wanted <= own,
        },
    }


def act(action: str, name: str, more: list[str]) -> None:
    """Do what is asked with one interface; an error when it is unknown or can't be done."""
    match action:
        case "up":
            bring_up(name)
        case "sync":
            sync(name)
        case "down":
            bring_down(name)
        case "drain":
            ways.drain(name)
        case "undrain":
            ways.set_drained(name, drained=False)
        case "settled":
            ways.settle(name, more)
        case "alive":
            ways.await_none("no connection", lambda: ways.lacking(name, more))
        case _:
            raise ToolError(f"{action} is none of its actions")


def main(arguments: list[str]) -> int:
    """Do one thing; the status is 1, with a sentence, when it can't be done."""
    try:
        match arguments:
            case ["status"]:
                print(json.dumps(status()))  # noqa: T201
            case [action, name, *more]:
                act(action, name, more)
            case _:
                print(__doc__, file=sys.stderr)  # noqa: T201
                return 2
    except ToolError as error:
        print(f"hoaban-wireguard: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0
