"""Shapes what is sent to a peer to what its line takes."""

from __future__ import annotations

import json
from ipaddress import ip_network

from hoaban_wireguard.host import RUN, Settings, run, run_ok

UNSHAPED_MBIT = 10_000
"""Rate of the class of peers without a limit: more than any line here carries."""


def shaping(name: str, peers: list[Settings], leaf: str) -> list[str]:
    """Lines for ``tc -batch``: a class of HTB for each peer with a limit (tc-htb(8)).

    Peers without one share the default class. The leaf keeps the delay short where the kernel has
    CAKE or FQ-CoDel; plain HTB has a queue for each class, of at most a hundred packets.
    """
    limited = [peer for peer in peers if peer.get("bandwidth_mbit")]
    if not limited:
        return []
    lines = [
        f"qdisc add dev {name} root handle 1: htb default 1",
        f"class add dev {name} parent 1: classid 1:1 htb rate {UNSHAPED_MBIT}mbit",
    ]
    for number, peer in enumerate(limited, start=2):
        rate = f"{round(peer['bandwidth_mbit'] * 1000)}kbit"
        place = f"1:{number:x}"
        lines.append(f"class add dev {name} parent 1: classid {place} htb rate {rate} ceil {rate}")
        lines.append(f"qdisc add dev {name} parent {place} {leaf}")
        for text in peer["allowed_ips"]:
            network = ip_network(text)
            # One list of filters holds one protocol, so each family has its own.
            kind = ("ipv6", "ip6", 2) if ":" in text else ("ip", "ip", 1)
            lines.append(
                f"filter add dev {name} parent 1: protocol {kind[0]} prio {kind[2]} "
                f"u32 match {kind[1]} dst {network} flowid {place}"
            )
    return lines


def leaf_of(name: str) -> str:
    """The best queue for a class that this kernel has."""
    for kind in ("cake", "fq_codel"):
        if not run_ok("tc", "qdisc", "add", "dev", name, "root", "handle", "9:", kind):
            continue
        run("tc", "qdisc", "del", "dev", name, "root")
        return "cake besteffort" if kind == "cake" else kind
    return "pfifo limit 100"


def shape(name: str, peers: list[Settings]) -> None:
    """Shape what is sent to the peers; nothing is done while that is as it was."""
    noted = RUN / f"{name}.shaping"
    limits = [[peer["name"], peer.get("bandwidth_mbit"), peer["allowed_ips"]] for peer in peers]
    wanted = json.dumps([limit for limit in limits if limit[1]])
    if noted.exists() and noted.read_text(encoding="utf-8") == wanted:
        return
    RUN.mkdir(exist_ok=True)
    run_ok("tc", "qdisc", "del", "dev", name, "root")
    lines = shaping(name, peers, leaf_of(name)) if wanted != "[]" else []
    if lines:
        run("tc", "-batch", "-", stdin="\n".join(lines) + "\n")
    noted.write_text(wanted, encoding="utf-8")


def forget_shaping(name: str) -> None:
    """Note that an interface has none, since it is new."""
    (RUN / f"{name}.shaping").unlink(missing_ok=True)
