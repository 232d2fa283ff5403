"""Expressions of the roles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hoaban.plugins.filter.cloud_init import cloud_init_report
from hoaban.plugins.filter.firewall import forward_problems, in_words, nft_match, rule_problems
from hoaban.plugins.filter.hosts import as_peers, keeper, purpose, standbys

SSH = {
    "id": "ssh",
    "direction": "ingress",
    "protocol": "tcp",
    "family": "ipv4",
    "port_min": 22,
    "port_max": 22,
    "remote": "10.0.0.1/32",
}


def rule(**changes: Any) -> dict[str, Any]:
    return SSH | {"id": "rule"} | changes


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({}, "ip saddr 10.0.0.1/32 tcp dport 22"),
        ({"direction": "egress"}, "ip daddr 10.0.0.1/32 tcp dport 22"),
        ({"port_max": None}, "ip saddr 10.0.0.1/32 tcp dport 22"),
        ({"port_max": 30}, "ip saddr 10.0.0.1/32 tcp dport 22-30"),
        ({"protocol": "udp", "remote": "0.0.0.0/0"}, "meta nfproto ipv4 udp dport 22"),
        ({"port_min": None, "port_max": None}, "ip saddr 10.0.0.1/32 meta l4proto tcp"),
        (
            {"family": "ipv6", "remote": "2001:db8::/32", "direction": "egress"},
            "ip6 daddr 2001:db8::/32 tcp dport 22",
        ),
        ({"family": "ipv6", "remote": "::/0"}, "meta nfproto ipv6 tcp dport 22"),
        (
            {"protocol": "icmp", "port_min": None, "port_max": None},
            "ip saddr 10.0.0.1/32 meta l4proto icmp",
        ),
        (
            {"protocol": "icmp", "port_min": 8, "port_max": 0},
            "ip saddr 10.0.0.1/32 icmp type 8 icmp code 0",
        ),
        (
            {"protocol": "vrrp", "port_min": None, "port_max": None},
            "ip saddr 10.0.0.1/32 meta l4proto 112",
        ),
        (
            {"protocol": "esp", "port_min": None, "port_max": None},
            "ip saddr 10.0.0.1/32 meta l4proto 50",
        ),
        (
            {"protocol": "icmp", "family": "ipv6", "remote": "fe80::/10", "port_min": None},
            "ip6 saddr fe80::/10 meta l4proto ipv6-icmp",
        ),
        (
            {
                "protocol": "icmp",
                "family": "ipv6",
                "remote": "::/0",
                "port_min": 128,
                "port_max": None,
            },
            "meta nfproto ipv6 icmpv6 type 128",
        ),
        ({"protocol": "any", "port_min": None, "port_max": None}, "ip saddr 10.0.0.1/32"),
    ],
)
def test_condition_of_a_rule(changes: dict[str, Any], match: str) -> None:
    assert nft_match(rule(**changes)) == match


PASS = {
    "id": "pass",
    "protocol": "tcp",
    "family": "ipv4",
    "ports": [443],
    "sources": ["10.65.0.0/26"],
    "destinations": ["10.64.0.10/32"],
}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"sources": []}, "no sources would be all of them"),
        ({"destinations": []}, "no destinations would be all of them"),
        ({"ports": []}, "no ports would be all of them"),
        ({"sources": ["10.65.0.1/26"]}, "is not one"),
        ({"destinations": ["fd00::1/128"]}, "fd00::1/128 is not of the family ipv4"),
        ({"ports": [65_536]}, "ports from 0 to 65535"),
        ({"id": 'x" accept'}, "can't be a rule's name"),
    ],
)
def test_what_can_not_pass_is_told(changes: dict[str, Any], problem: str) -> None:
    assert forward_problems([PASS]) == []
    (said,) = forward_problems([PASS, PASS | changes])
    assert problem in said


def test_rules_that_can_be_used() -> None:
    others = [
        rule(direction="egress", protocol="any", port_min=None, port_max=None, remote="0.0.0.0/0"),
        rule(protocol="icmp", port_min=255, port_max=255),
    ]
    assert rule_problems([SSH, *others], 22) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"remote": "10.0.0.1/24"}, "the remote network is not one"),
        ({"remote": "somewhere"}, "the remote network is not one"),
        ({"family": "ipv6"}, "10.0.0.1/32 is not of the family ipv6"),
        ({"port_min": None}, "port_max needs port_min"),
        ({"protocol": "any"}, "ports need a protocol"),
        ({"port_min": 30}, "the first port, 30, comes after the last, 22"),
        ({"port_max": 65_536}, "numbers from 0 to 65535"),
        ({"protocol": "icmp", "port_max": 256}, "numbers from 0 to 255"),
        ({"protocol": "vrrp"}, "vrrp has no ports"),
        ({"id": 'x" accept comment "'}, "can't be a rule's name"),
        ({"id": "x" * 129}, "can't be a rule's name"),
    ],
)
def test_rules_that_cannot_be_used(changes: dict[str, Any], problem: str) -> None:
    (said,) = rule_problems([SSH, rule(**changes)], 22)
    assert problem in said


@pytest.mark.parametrize(
    ("changes", "way_in"),
    [
        ({}, True),
        ({"port_min": 1, "port_max": 1024}, True),
        ({"port_min": None, "port_max": None}, True),
        ({"protocol": "any", "port_min": None, "port_max": None}, True),
        ({"port_min": 23, "port_max": 24}, False),
        ({"protocol": "udp"}, False),
        ({"direction": "egress"}, False),
    ],
)
def test_a_way_in_for_ssh(changes: dict[str, Any], way_in: bool) -> None:
    problems = rule_problems([rule(**changes)], 22)
    assert bool(problems) is not way_in


def test_reasons_on_one_line() -> None:
    assert in_words({"vi": "Quản trị", "en": "Management"}) == "Quản trị / Management"
    assert in_words("a\n  table inet x {}") == "a table inet x {}"
    assert in_words(None) == ""


def test_peers_of_a_host() -> None:
    host = {"name": "a", "fqdn": "a.example", "addresses": {"ipv4": "10.0.0.1", "ipv6": None}}
    assert as_peers([host]) == [{"name": "a", "fqdn": "a.example", "addresses": ["10.0.0.1"]}]


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ({"system": "mot-cua", "tier": "web"}, "mot-cua / web"),
        ({"system": None, "tier": None, "services": ["bastion", "time"]}, "bastion, time"),
        ({"services": [], "zone": "pki"}, "pki"),
    ],
)
def test_purpose_of_a_host(host: dict[str, Any], text: str) -> None:
    assert purpose(host) == text


def status(**changes: Any) -> str:
    """``/run/cloud-init/status.json`` of a host whose first boot went well, with changes."""
    stage = {"errors": [], "recoverable_errors": {}, "start": 1.0, "finished": 2.0}
    stages: dict[str, Any] = {
        "datasource": "DataSourceConfigDrive [net,ver=2][source=/dev/vdb]",
        "init-local": stage,
        "init": stage,
        "modules-config": stage,
        "modules-final": stage,
        "stage": None,
    }
    return json.dumps({"v1": stages | changes})


def test_first_boot_that_went_well() -> None:
    assert cloud_init_report(status()) == {"done": True, "errors": [], "warnings": []}


def test_first_boot_with_errors() -> None:
    broken = {"errors": ["ssh failed"], "recoverable_errors": {"WARNING": ["odd key"]}}
    report = cloud_init_report(status(init=broken))
    assert report["errors"] == ["init: ssh failed"]
    assert report["warnings"] == ["init: odd key"]


def test_first_boot_that_is_not_over() -> None:
    report = cloud_init_report(status(stage="modules-config", **{"modules-final": {}}))
    assert report["done"] is False
    assert report["errors"] == ["cloud-init has not finished: it is in stage modules-config"]


@pytest.mark.parametrize("text", ["", "{}", "[]", "no such file"])
def test_no_word_of_cloud_init(text: str) -> None:
    report = cloud_init_report(text)
    assert report["done"] is False
    assert report["errors"] == ["cloud-init has left no word of itself"]


FIRST = {"name": "backup-1", "fqdn": "backup-1.dc.a.example", "standby_of": None}
SECOND = {"name": "a-backup", "fqdn": "a-backup.dc.a.example", "standby_of": "backup-1"}


def test_clients_go_to_the_backup_host_that_stands_by_for_nobody() -> None:
    assert keeper([SECOND, FIRST]) == "backup-1"
    assert keeper([]) == ""


def test_a_standby_keeps_copies_as_long_as_the_longest_policy_says() -> None:
    policies = [
        None,
        {"retention": {"daily": 14, "weekly": 2, "monthly": 1}},
        {"retention": {"daily": 3, "weekly": 2, "monthly": 24}},
    ]
    assert standbys([SECOND, FIRST], "backup-1", policies) == [
        {
            "name": "a-backup",
            "repository": "rest:https://a-backup.dc.a.example:8000/backup-1/",
            "host": "a-backup",
            "keep": {"daily": 14, "weekly": 2, "monthly": 24},
        }
    ]
    [place] = standbys([SECOND, FIRST], "backup-1")
    assert place["keep"] == {"daily": 7, "weekly": 4, "monthly": 12}
    assert standbys([SECOND, FIRST], "a-backup", policies) == []
