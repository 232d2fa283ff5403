"""What a VPN hub passes on is told as rules, and not as something that it serves."""

from __future__ import annotations

from pathlib import Path

from hoaban.model import load
from hoaban.report.rules import groups, port_words
from hoaban.report.topology import own_rules

INVENTORY = Path(__file__).resolve().parents[3] / "inventory"


def test_a_hub_serves_tunnels_and_routing_and_passes_on_the_rest() -> None:
    plan = load(INVENTORY).foundation()
    hub = next(host for host in plan.hosts if host.name == "vpn-1")
    assert {(rule.protocol.value, port_words(rule)) for rule in own_rules(plan, hub)} == {
        ("tcp", "179"),
        ("udp", "3784"),
        ("udp", "4784"),
        ("udp", "51820"),
        ("vrrp", ""),
    }
    rows = {group.name: group for group in groups(plan)}
    passed = rows["son-la-vpn-hub-transit"]
    assert passed.hosts == ("vpn-1", "vpn-2")
    assert {row.reason.en for row in passed.rows} == {
        "Passed on to servers",
        "Passed on by the other gateway",
    }
