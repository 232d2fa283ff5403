"""What a gateway passes on, tried with packets, in network namespaces of the test's own.

Between an office and the centre stands a router with the very rules that the role makes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2

from hoaban.plugins.filter.firewall import in_words, nft_forward, nft_match
from tests.unit.apart import printed_apart

TEMPLATES = Path(__file__).resolve().parents[3] / "roles/firewall/templates"
PASSED: list[dict[str, Any]] = [
    {
        "id": "office-a-x-tcp-ipv4",
        "protocol": "tcp",
        "family": "ipv4",
        "ports": [8080, 9005],
        "sources": ["10.65.0.10/32", "10.65.0.128/26"],
        "destinations": ["10.64.0.10/31", "10.64.0.12/32"],
    },
    {
        "id": "office-a-x-tcp-ipv6",
        "protocol": "tcp",
        "family": "ipv6",
        "ports": [8080],
        "sources": ["fd65::10/128"],
        "destinations": ["fd64::10/128"],
    },
]
ROUTER = """\
import json, subprocess, sys, time
from pathlib import Path

SIDES = {
    "office": (["10.65.0.10/24", "10.65.0.11/24", "fd65::10/64"], ["10.65.0.1/24", "fd65::1/64"]),
    "centre": (["10.64.0.10/24", "10.64.0.20/24", "fd64::10/64"], ["10.64.0.1/24", "fd64::1/64"]),
}
LISTEN = '''
import socket, sys, time
sockets = [socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
           for port in (22, 8080, 9005)]
print("ready", flush=True)
time.sleep(60)
'''
TRY = '''
import json, socket, sys
source, target, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
try:
    socket.create_connection((target, port), 1.5, (source, 0)).close()
    print(json.dumps(True))
except OSError:
    print(json.dumps(False))
'''


def run(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, **more).stdout


def give(address, device):
    return ["ip", "address", "add", address, "dev", device, *(["nodad"] * (":" in address))]


def at(side, *words):
    return ["nsenter", "--net", "--target", str(processes[side].pid), *words]


processes = {}
try:
    own = Path("/proc/self/ns/net").readlink()
    for side, (addresses, gateways) in SIDES.items():
        processes[side] = child = subprocess.Popen(["unshare", "--net", "sleep", "60"])
        while Path(f"/proc/{child.pid}/ns/net").readlink() == own:
            time.sleep(0.01)
        peer = ["peer", "name", "leg", "netns", str(child.pid)]
        run("ip", "link", "add", side, "type", "veth", *peer)
        run("ip", "link", "set", side, "up")
        run(*at(side, "ip", "link", "set", "leg", "up"))
        for address in gateways:
            run(*give(address, side))
        for address in addresses:
            run(*at(side, *give(address, "leg")))
        for gateway in gateways:
            run(*at(side, "ip", "route", "add", "default", "via", gateway.partition("/")[0]))
    for name in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"):
        Path("/proc/sys", name).write_text("1")
    run("nft", "-f", "-", input=sys.argv[1])
    servers = [subprocess.Popen(at(side, sys.executable, "-c", LISTEN), stdout=subprocess.PIPE)
               for side in SIDES]
    for server in servers:
        server.stdout.readline()
    tries = json.loads(sys.argv[2])
    running = [subprocess.Popen(at(side, sys.executable, "-c", TRY, *map(str, words)),
                                stdout=subprocess.PIPE, text=True) for side, *words in tries]
    answers = [json.loads(one.communicate()[0]) for one in running]
    for server in servers:
        server.kill()
    rules = run("nft", "list", "chain", "inet", "hoaban", "forward")
    print(json.dumps({"answers": answers, "rules": rules}))
finally:
    for child in processes.values():
        child.kill()
"""
ALLOWED = [
    ("office", "10.65.0.10", "10.64.0.10", 8080),
    ("office", "10.65.0.10", "10.64.0.10", 9005),
    ("office", "fd65::10", "fd64::10", 8080),
]
FORBIDDEN = [
    ("office", "10.65.0.10", "10.64.0.10", 22),  # another port
    ("office", "10.65.0.11", "10.64.0.10", 8080),  # another office
    ("office", "10.65.0.10", "10.64.0.20", 8080),  # another server
    ("office", "fd65::10", "fd64::10", 9005),  # a port of the other family
    ("centre", "10.64.0.10", "10.65.0.10", 8080),  # the other way
    ("centre", "fd64::10", "fd65::10", 8080),
]


def ruleset(forward: list[dict[str, Any]]) -> str:
    """What the role loads."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - what is written is nftables'
    )
    environment.filters |= {
        "nft_match": nft_match,
        "nft_forward": nft_forward,
        "in_words": in_words,
    }
    return environment.get_template("nftables.conf.j2").render(
        ansible_managed="test",
        firewall_rules=[],
        firewall_forward=forward,
        firewall_log_rate="6/minute",
        firewall_metadata_for_root=False,
    )


def tried(forward: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        printed_apart(ROUTER, ruleset(forward), json.dumps([*ALLOWED, *FORBIDDEN]))
    )
    return found


def test_what_is_allowed_passes_and_all_else_is_dropped() -> None:
    found = tried(PASSED)
    answers = dict(zip([*ALLOWED, *FORBIDDEN], found["answers"], strict=True))
    assert answers == {**dict.fromkeys(ALLOWED, True), **dict.fromkeys(FORBIDDEN, False)}
    assert 'comment "office-a-x-tcp-ipv4"' in found["rules"]
    assert "counter packets 0 " not in found["rules"], "each passed some, and some was dropped"


def test_without_rules_nothing_passes() -> None:
    assert not any(tried([])["answers"])
