from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING

import pytest

from hoaban.model.types import Direction, Protocol
from hoaban.report.rules import flow_words, groups, is_ground, port_words, rows
from hoaban.testing import estate

if TYPE_CHECKING:
    from hoaban.model.environment import Rule

REASON = ("Lý do", "Reason")
V4, V6 = IPv4Network("10.1.0.0/16"), IPv6Network("fd00::/16")


def rule(port: int | None = 443, last: int | None = None, remote: str = "10.1.0.0/16") -> Rule:
    (made,) = estate.flow("x", Direction.INGRESS, [ip_network(remote)], REASON, port)
    return made.model_copy(update={"port_max": last or port})


def test_rules_that_differ_in_their_networks_alone_are_one_row() -> None:
    rules = estate.flow("a", Direction.INGRESS, [V4, V6, IPv4Network("10.2.0.9/32")], REASON, 443)
    (row,) = rows(rules)
    assert row.remotes == ("10.1.0.0/16", "fd00::/16", "10.2.0.9")
    assert row.ports == "443"


def test_other_port_direction_or_reason_is_another_row() -> None:
    rules = [
        *estate.flow("a", Direction.INGRESS, [V4], REASON, 443),
        *estate.flow("b", Direction.INGRESS, [V4], REASON, 80),
        *estate.flow("c", Direction.EGRESS, [V4], REASON, 443),
        *estate.flow("d", Direction.INGRESS, [V4], ("Khác", "Other"), 443),
    ]
    assert len(rows(rules)) == 4


@pytest.mark.parametrize(
    ("port", "last", "words"), [(443, None, "443"), (8000, 8009, "8000-8009"), (None, None, "")]
)
def test_ports_in_words(port: int | None, last: int | None, words: str) -> None:
    assert port_words(rule(port, last)) == words


def test_flows_in_words() -> None:
    udp = estate.flow("u", Direction.INGRESS, [V4], REASON, 123, Protocol.UDP)
    assert flow_words([rule(443), rule(80), *udp]) == "TCP 80, 443; UDP 123"
    assert flow_words([]) == ""


@pytest.mark.parametrize(
    ("remote", "expected"),
    [("169.254.169.254/32", True), ("fe80::/10", True), ("ff02::/16", True), ("::/128", True),
     ("0.0.0.0/0", False), ("::/0", False), ("10.0.0.0/8", False)],
)  # fmt: skip
def test_ground_rules_are_told_from_the_others(remote: str, expected: bool) -> None:
    assert is_ground(rule(80, remote=remote)) is expected


def test_dhcp_is_ground() -> None:
    (dhcp,) = estate.flow("d", Direction.EGRESS, [V4], REASON, 67, Protocol.UDP)
    assert is_ground(dhcp)
    assert not is_ground(rule(67))


def test_groups_name_their_hosts() -> None:
    found = groups(estate.department().environment)
    assert [group.hosts for group in found] == [
        ("so-y-te-portal-web-1",),
        ("so-y-te-portal-app-1",),
        ("so-y-te-portal-data-1",),
    ]
    assert all(group.rows for group in found)
