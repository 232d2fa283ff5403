"""Rules as people read them: one line for all rules that mean the same."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from hoaban.model.types import Direction, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hoaban.model.environment import EnvironmentPlan, Rule
    from hoaban.model.types import Text

DHCP_PORTS: Final = (67, 68, 546, 547)
METADATA: Final = ip_network("169.254.169.254/32")


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One flow with one reason: both families and all networks of it together."""

    direction: Direction
    protocol: Protocol
    ports: str
    reason: Text
    remotes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupRows:
    """Rules of one security group: those that say something, and those that every host needs."""

    name: str
    description: str
    hosts: tuple[str, ...]
    rows: tuple[RuleRow, ...]
    ground: tuple[RuleRow, ...]


def groups(plan: EnvironmentPlan) -> list[GroupRows]:
    """All security groups that have hosts, with their rules in rows."""
    found = []
    for group in plan.security_groups:
        hosts = tuple(host.name for host in plan.hosts if group.name in host.security_groups)
        plain = [rule for rule in group.rules if not is_ground(rule)]
        ground = [rule for rule in group.rules if is_ground(rule)]
        if hosts:
            found.append(GroupRows(group.name, group.description, hosts, rows(plain), rows(ground)))
    return found


def rows(rules: Iterable[Rule]) -> tuple[RuleRow, ...]:
    """Rules that differ in nothing but their remote network, as one row each."""
    merged: dict[tuple[Direction, Protocol, str, str], tuple[Rule, list[str]]] = {}
    for rule in rules:
        key = (rule.direction, rule.protocol, port_words(rule), rule.reason.vi)
        merged.setdefault(key, (rule, []))[1].append(_network(rule))
    return tuple(
        RuleRow(rule.direction, rule.protocol, port_words(rule), rule.reason, tuple(remotes))
        for rule, remotes in merged.values()
    )


def port_words(rule: Rule) -> str:
    """Ports of a rule: ``443``, ``8000-8009``, empty for all."""
    if rule.protocol is Protocol.ICMP or rule.port_min is None:
        return ""
    last = rule.port_max if rule.port_max is not None else rule.port_min
    return str(rule.port_min) if last == rule.port_min else f"{rule.port_min}-{last}"


def flow_words(rules: Sequence[Rule]) -> str:
    """Protocols and ports of several rules: ``TCP 80, 443``."""
    found: dict[str, set[tuple[int, str]]] = {}
    for rule in rules:
        found.setdefault(rule.protocol.upper(), set()).add((rule.port_min or 0, port_words(rule)))
    return "; ".join(
        f"{protocol} {', '.join(words for _, words in sorted(ports))}".rstrip()
        for protocol, ports in sorted(found.items())
    )


def is_ground(rule: Rule) -> bool:
    """Whether a rule is of the kind without which no host gets onto its network."""
    remote = rule.remote
    if remote == METADATA or remote.is_multicast or remote.is_link_local or remote.is_unspecified:
        return True
    return rule.protocol is Protocol.UDP and rule.port_min in DHCP_PORTS


def _network(rule: Rule) -> str:
    text = str(rule.remote)
    return text.removesuffix("/32") if rule.remote.version == 4 else text.removesuffix("/128")  # noqa: PLR2004
