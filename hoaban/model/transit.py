"""What the province's gateways pass on between others: for their forward chain, and for the cloud.

A VPN hub passes flows from offices to systems in the centre, an IPsec gateway those from the
central Government's networks. Nothing is ever started towards an office through a hub. Both say
what the segmentation matrix says: the forward chain rule by rule, with source and destination; the
cloud's security group, which sees but one side of a packet that belongs to neither, once by where
it goes and once by where it comes from.
"""

from __future__ import annotations

from collections import defaultdict
from ipaddress import IPv4Network, collapse_addresses
from typing import TYPE_CHECKING

from hoaban.model.environment import ForwardRule, SecurityGroupPlan
from hoaban.model.matrix import CENTRE, EVERYBODY
from hoaban.model.rules import EGRESS, INGRESS, Flow, RuleBook
from hoaban.model.types import Family, IPNetwork, Protocol, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hoaban.model.facts import Facts
    from hoaban.model.matrix import Service, Users


def office_transit(facts: Facts) -> list[ForwardRule]:
    """What a VPN hub passes on: one rule for each system, protocol and family."""
    found: list[ForwardRule] = []
    for service, _ in facts.matrix.services.values():
        system = service.system
        users = facts.matrix.users_of(service.owner, system.slug)
        networks = [one for user in users if user != CENTRE for one in office_networks(facts, user)]
        reason = Text(vi=f"Các trụ sở sử dụng {system.name.vi}", en=f"Offices use {system.name.en}")
        found += _rules(facts, "office", service, collapsed(networks), reason)
    return found


def centre_transit(facts: Facts) -> list[ForwardRule]:
    """What an IPsec gateway passes on."""
    sources = collapsed(facts.spec.services.centre_networks)
    found: list[ForwardRule] = []
    for service in facts.matrix.named(CENTRE):
        name = service.system.name
        reason = Text(
            vi=f"Trung ương sử dụng {name.vi}", en=f"The central Government uses {name.en}"
        )
        found += _rules(facts, "centre", service, sources, reason)
    return found


def office_networks(facts: Facts, users: Users) -> list[IPNetwork]:
    """Networks of the offices of some users; everybody's are the whole pool."""
    if users == EVERYBODY:
        pool = facts.spec.pools.sites
        return [pool.ipv4, pool.ipv6]
    sites = facts.agencies[users.agency].sites
    pairs = [facts.addresses.site(users.agency, site.slug) for site in sites]
    return [network for pair in pairs for network in pair]


def collapsed(networks: Iterable[IPNetwork]) -> list[IPNetwork]:
    """The fewest networks that hold the same addresses, IPv4 first."""
    known = list(networks)
    ipv4 = [one for one in known if isinstance(one, IPv4Network)]
    ipv6 = [one for one in known if not isinstance(one, IPv4Network)]
    return [*collapse_addresses(ipv4), *collapse_addresses(ipv6)]


def transit_group(name: str, description: str, passed: Sequence[ForwardRule]) -> SecurityGroupPlan:
    """The security group of gateways that pass these flows on.

    Ingress is what the other gateway of a pair hands over, when only it can reach the office.
    """
    towards: dict[tuple[Protocol, int], list[IPNetwork]] = defaultdict(list)
    origins: dict[tuple[Protocol, int], list[IPNetwork]] = defaultdict(list)
    for rule in passed:
        for port in rule.ports:
            towards[rule.protocol, port] += rule.destinations
            origins[rule.protocol, port] += rule.sources
    book = RuleBook()
    for (protocol, port), networks in sorted(towards.items()):
        flow = Flow("pass", protocol, port)
        out = Text(vi="Chuyển tiếp tới máy chủ", en="Passed on to servers")
        back = Text(vi="Chuyển tiếp từ máy chủ VPN kia", en="Passed on by the other gateway")
        book.allow(EGRESS, flow, collapsed(networks), out)
        book.allow(INGRESS, flow, collapsed(origins[protocol, port]), back)
    group = book.group(name, description)
    return group.model_copy(update={"transit": list(passed)})


def _rules(
    facts: Facts, prefix: str, service: Service, sources: list[IPNetwork], reason: Text
) -> Iterator[ForwardRule]:
    targets = facts.targets[service.key]
    for protocol, ports in service.ports.items():
        for family in Family:
            here = [one for one in sources if f"ipv{one.version}" == family]
            there = [one for one in targets if f"ipv{one.version}" == family]
            if here and there:
                yield ForwardRule(
                    id=f"{prefix}-{service.owner}-{service.system.slug}-{protocol}-{family}",
                    protocol=protocol,
                    family=family,
                    ports=ports,
                    sources=here,
                    destinations=there,
                    reason=reason,
                )
