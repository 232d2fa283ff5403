"""Ansible filters for the rules of a packet filter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_network
from typing import Any

Rule = Mapping[str, Any]
_WITH_PORTS = {"tcp", "udp"}
# By number: nft knows no name of its own for some, and not every host has /etc/protocols.
_NUMBERED = {"esp": 50, "vrrp": 112}
_LAST_PORT = 65_535
_LAST_ICMP = 255
_NAME = re.compile(r"[\w.:/+@-]{1,120}", re.ASCII)
"""What the kernel takes as a comment, at most 128 bytes, without a quote that would end it."""


def rule_problems(rules: Iterable[Rule], ssh_port: int) -> list[str]:
    """What keeps ``rules`` from being used, one sentence a problem; empty when nothing does."""
    known = list(rules)
    problems = [problem for rule in known for problem in _problems_of(rule)]
    if not any(_lets_in(rule, ssh_port) for rule in known):
        problems.append(
            f"no rule lets SSH in (TCP port {ssh_port}): the host could not be reached again"
        )
    return problems


def nft_match(rule: Rule) -> str:
    """The rule's condition in the syntax of nft(8).

    The remote side is the source of what comes in and the destination of what goes out; ports are
    always those of the destination.
    """
    parts = [_remote(rule), _protocol(rule)]
    return " ".join(part for part in parts if part)


def nft_forward(rule: Rule) -> str:
    """The condition of a rule for what passes through, in the syntax of nft(8)."""
    layer = "ip" if rule["family"] == "ipv4" else "ip6"
    sources, targets = (_one_of(rule[side]) for side in ("sources", "destinations"))
    ports = _one_of(rule["ports"])
    return f"{layer} saddr {sources} {layer} daddr {targets} {rule['protocol']} dport {ports}"


def forward_problems(rules: Iterable[Rule]) -> list[str]:
    """What keeps rules for what passes through from being used; empty when nothing does."""
    return [problem for rule in rules for problem in _forward_problems_of(rule)]


def in_words(reason: Mapping[str, str] | str | None) -> str:
    """A rule's reason on one line, both languages when there are two."""
    if isinstance(reason, Mapping):
        reason = " / ".join(str(reason[key]) for key in ("vi", "en") if key in reason)
    return " ".join((reason or "").split())


def _one_of(values: Iterable[Any]) -> str:
    known = [str(value) for value in values]
    return known[0] if len(known) == 1 else f"{{ {', '.join(known)} }}"


def _forward_problems_of(rule: Rule) -> list[str]:
    name = rule["id"]
    problems = [] if _NAME.fullmatch(str(name)) else [f"{name!r} can't be a rule's name"]
    sides = ("sources", "destinations", "ports")
    problems += [f"rule {name}: no {side} would be all of them" for side in sides if not rule[side]]
    for text in (*rule["sources"], *rule["destinations"]):
        problems += _network_problems(rule, str(text))
    if any(not 0 <= port <= _LAST_PORT for port in rule["ports"]):
        problems.append(f"rule {name}: ports from 0 to {_LAST_PORT} are possible")
    return problems


def _network_problems(rule: Rule, text: str) -> list[str]:
    try:
        network = ip_network(text)
    except ValueError as error:
        return [f"rule {rule['id']}: the remote network is not one: {error}"]
    if f"ipv{network.version}" != rule["family"]:
        return [f"rule {rule['id']}: {network} is not of the family {rule['family']}"]
    return []


def _remote(rule: Rule) -> str:
    network = ip_network(str(rule["remote"]))
    if network.prefixlen == 0:
        return f"meta nfproto {rule['family']}"
    side = "saddr" if rule["direction"] == "ingress" else "daddr"
    return f"{'ip' if network.version == 4 else 'ip6'} {side} {network}"  # noqa: PLR2004


def _protocol(rule: Rule) -> str:
    protocol, first, last = str(rule["protocol"]), rule.get("port_min"), rule.get("port_max")
    if protocol == "any":
        return ""
    if protocol == "icmp":
        name, layer = ("icmp", "icmp") if rule["family"] == "ipv4" else ("icmpv6", "ipv6-icmp")
        if first is None:
            return f"meta l4proto {layer}"
        return f"{name} type {first}" + ("" if last is None else f" {name} code {last}")
    if first is None:
        return f"meta l4proto {_NUMBERED.get(protocol, protocol)}"
    ports = f"{first}" if last is None or last == first else f"{first}-{last}"
    return f"{protocol} dport {ports}"


def _problems_of(rule: Rule) -> list[str]:
    name, protocol = rule["id"], rule["protocol"]
    problems = []
    if not _NAME.fullmatch(str(name)):
        problems.append(f"{name!r} can't be a rule's name")
    problems += _network_problems(rule, str(rule["remote"]))
    first, last = rule.get("port_min"), rule.get("port_max")
    given = [port for port in (first, last) if port is not None]
    if first is None and last is not None:
        problems.append(f"rule {name}: port_max needs port_min")
    if protocol == "any" and given:
        problems.append(f"rule {name}: ports need a protocol")
    if protocol in _NUMBERED and given:
        problems.append(f"rule {name}: {protocol} has no ports")
    # For ICMP they are type and code, as in Neutron.
    limit = _LAST_PORT if protocol in _WITH_PORTS else _LAST_ICMP
    if any(not 0 <= port <= limit for port in given):
        problems.append(f"rule {name}: numbers from 0 to {limit} are possible, not {given}")
    if protocol in _WITH_PORTS and given != sorted(given):
        problems.append(f"rule {name}: the first port, {first}, comes after the last, {last}")
    return problems


def _lets_in(rule: Rule, port: int) -> bool:
    if rule["direction"] != "ingress" or rule["protocol"] not in {"tcp", "any"}:
        return False
    first = rule.get("port_min")
    if first is None:
        return True
    last = rule.get("port_max")
    return bool(first <= port <= (first if last is None else last))


class FilterModule:
    """The filters, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Ansible asks for this."""
        return {
            "rule_problems": rule_problems,
            "forward_problems": forward_problems,
            "nft_match": nft_match,
            "nft_forward": nft_forward,
            "in_words": in_words,
        }
