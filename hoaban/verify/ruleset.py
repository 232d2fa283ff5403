"""Listings of ``nft -j``, read with distrust: they come from hosts that others may have changed.

Every rule of the table is one of three things: it lets through one flow of the plan's kind, it is
one that every host needs or that lets nothing through, or it is strange. Whatever has a shape that
is not known here is strange, so that no way to open a filter passes for want of a word for it.
Shapes: libnftables-json(5).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hoaban.model.types import Direction, Family, Protocol
from hoaban.verify.passages import Passage, passage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hoaban.model.environment import Rule

FAMILY: Final = "inet"
TABLE: Final = "hoaban"
CHAINS: Final = {"input": Direction.INGRESS, "output": Direction.EGRESS}
HOOKS: Final = ("input", "forward", "output")
HARMLESS: Final = frozenset({"match", "counter", "limit", "log"})
"""Statements that come to no verdict."""
LINK: Final = frozenset({
    "nd-neighbor-solicit", "nd-neighbor-advert", "nd-router-advert", "nd-router-solicit",
    "mld-listener-query", "mld-listener-report", "mld-listener-done", "mld-listener-reduction",
    "mld2-listener-report",
})  # fmt: skip
"""Messages of ICMPv6 that a link needs (RFC 4890, 4.4.1); redirects are not among them."""
LEASES: Final = {
    Direction.INGRESS: ((67, 68), (547, 546)),
    Direction.EGRESS: ((68, 67), (546, 547)),
}
"""Source and destination ports of DHCP and DHCPv6, as a client sees them."""
METADATA: Final = ("169.254.169.254", "fe80::a9fe:a9fe")
PROTOCOLS: Final[dict[str | int, Protocol]] = {
    "tcp": Protocol.TCP,
    "udp": Protocol.UDP,
    "icmp": Protocol.ICMP,
    "ipv6-icmp": Protocol.ICMP,
    # A host without /etc/protocols has numbers for what nft itself has no name for.
    "esp": Protocol.ESP,
    50: Protocol.ESP,
    "vrrp": Protocol.VRRP,
    112: Protocol.VRRP,
}
ICMP: Final[dict[str | int, int]] = {"icmp": 4, "ipv6-icmp": 6}
"""Versions of IP by the name of their ICMP."""
EVERYWHERE: Final = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
MOST_WORDS: Final = 160
LAST_PORT: Final = 65535


class Match(NamedTuple):
    """What one accepting rule lets through. Ports None: all."""

    direction: Direction
    protocol: Protocol
    family: Family
    first: int | None
    last: int | None
    remote: IPv4Network | IPv6Network

    def __str__(self) -> str:
        ports = "" if self.first is None else f" {self.first}"
        ports += f"-{self.last}" if self.last != self.first else ""
        return f"{self.direction} {self.protocol}{ports} {self.remote}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a listing comes to."""

    loaded: set[Match] = field(default_factory=set)
    """Flows that it lets through."""
    passed: set[Passage] = field(default_factory=set)
    """Flows between others that it passes on."""
    open_hooks: list[str] = field(default_factory=list)
    """Hooks at which what no rule speaks of is not dropped."""
    strange: list[str] = field(default_factory=list)
    """Rules and other objects of unknown meaning, as JSON."""
    objects: list[Any] = field(default_factory=list)
    """All of the table, without handles and counters' values: two listings can be compared."""


def match_of(rule: Rule) -> Match:
    """What a rule of the plan lets through."""
    last = rule.port_max if rule.port_max is not None else rule.port_min
    return Match(rule.direction, rule.protocol, rule.family, rule.port_min, last, rule.remote)


def read(listing: Any) -> Reading:
    """Read the output of ``nft -j list ruleset``; of anything else, that all is open."""
    items = listing.get("nftables") if isinstance(listing, dict) else None
    reading = Reading()
    dropping: list[str] = []
    for item in items if isinstance(items, list) else []:
        kind, inner = _only(item)
        if not _is_ours(kind, inner):
            continue
        reading.objects.append(_bare(item))
        match kind:
            case "table" if inner.get("family") == FAMILY and not inner.get("flags"):
                pass
            case "chain" if _is_closed_chain(inner):
                dropping.append(inner["name"])
            case "chain" if inner.get("name") in HOOKS and inner.get("hook") == inner["name"]:
                pass  # told as an open hook
            case "rule" if inner.get("family") == FAMILY:
                _read_rule(inner, reading)
            case _:
                reading.strange.append(_words(item))
    reading.open_hooks.extend(hook for hook in HOOKS if dropping.count(hook) != 1)
    return reading


def _only(item: Any) -> tuple[str, dict[str, Any]]:
    """Kind and value of an object of the listing."""
    if isinstance(item, dict) and len(item) == 1:
        ((kind, inner),) = item.items()
        if isinstance(inner, dict):
            return kind, inner
    return "", {}


def _is_ours(kind: str, inner: dict[str, Any]) -> bool:
    """Whether an object is of our table, in whatever family.

    What other tables accept, ours may still drop; so they cannot open anything (nft(8), VERDICT
    STATEMENTS).
    """
    return (inner.get("name") if kind == "table" else inner.get("table")) == TABLE


def _is_closed_chain(chain: dict[str, Any]) -> bool:
    return (
        chain.get("family") == FAMILY
        and chain.get("type") == "filter"
        and chain.get("name") in HOOKS
        and chain.get("hook") == chain["name"]
        and chain.get("policy") == "drop"
    )


def _read_rule(rule: dict[str, Any], reading: Reading) -> None:
    """Sort a rule: into what is let through, into what is strange, or nowhere."""
    chain, statements = rule.get("chain"), rule.get("expr")
    if chain not in HOOKS or not isinstance(statements, list):
        reading.strange.append(_words(rule))
        return
    kinds = [next(iter(one)) for one in statements if isinstance(one, dict) and len(one) == 1]
    conditions = [one["match"] for one in statements if isinstance(one, dict) and "match" in one]
    if len(kinds) == len(statements) and set(kinds) <= HARMLESS:
        return
    if chain == "forward" and len(kinds) == len(statements):
        _read_passage(kinds, conditions, statements, reading)
        return
    flows: set[Match] | None = None
    direction = CHAINS.get(chain)
    if direction is not None and len(kinds) == len(statements):
        verdict = kinds[-1]
        if verdict == "accept" and set(kinds) <= {"match", "counter", "accept"}:
            ground = any(_is_ground(direction, one) for one in conditions)
            flows = set() if ground or _is_lease(direction, conditions) else None
            flows = _flows(direction, conditions) if flows is None else flows
        elif verdict == "drop" and set(kinds) <= {"match", "counter", "drop"}:
            flows = set() if _is_usual_drop(direction, conditions) else None
    if flows is None:
        reading.strange.append(_words({"chain": chain, "expr": statements}))
    else:
        reading.loaded.update(flows)


def _read_passage(
    kinds: Sequence[str], conditions: Sequence[Any], statements: Sequence[Any], reading: Reading
) -> None:
    """Sort a rule of the forward chain."""
    verdict, others = kinds[-1], set(kinds[:-1])
    if verdict == "accept" and others <= {"match", "counter"}:
        if conditions and all(_is_known_state(one) for one in conditions):
            return
        found = passage(conditions)
        if found is not None:
            reading.passed.add(found)
            return
    dropped = verdict == "drop" and others <= {"match", "counter"}
    if not (dropped and _is_invalid_state(conditions)):
        reading.strange.append(_words({"chain": "forward", "expr": list(statements)}))


def _is_known_state(condition: Any) -> bool:
    """Whether a condition is that a connection is known already."""
    match condition:
        case {"op": "==" | "in", "left": {"ct": {"key": "state"}}, "right": right}:
            return _all_of(right, frozenset({"established", "related"}))
    return False


def _is_invalid_state(conditions: Sequence[Any]) -> bool:
    match conditions:
        case [{"op": "==" | "in", "left": {"ct": {"key": "state"}}, "right": "invalid"}]:
            return True
    return False


def _is_ground(direction: Direction, condition: Any) -> bool:
    """Whether a rule with this condition accepts but what every host needs to be on a network.

    Further conditions can only narrow it.
    """
    loop = ("iif", "iifname") if direction is Direction.INGRESS else ("oif", "oifname")
    if _is_known_state(condition):
        return True
    match condition:
        case {"op": "==", "left": {"meta": {"key": key}}, "right": "lo"}:
            return key in loop
        case {
            "op": "==" | "in",
            "left": {"payload": {"protocol": "icmpv6", "field": "type"}},
            "right": right,
        }:
            return _all_of(right, LINK)
    return False


def _is_lease(direction: Direction, conditions: Sequence[Any]) -> bool:
    """Whether a rule accepts answers of DHCP, or asks for them, and no more."""
    ports: dict[str, Any] = {}
    for condition in conditions:
        match condition:
            case {
                "op": "==",
                "left": {"payload": {"protocol": "udp", "field": "sport" | "dport" as end}},
                "right": int(port),
            } if end not in ports:
                ports[end] = port
    return (ports.get("sport"), ports.get("dport")) in LEASES[direction]


def _is_usual_drop(direction: Direction, conditions: Sequence[Any]) -> bool:
    """Whether a rule drops but what every host may: any other may cut off a flow of the plan."""
    if _is_invalid_state(conditions):
        return True
    match conditions:
        case [
            {"op": "==", "left": {"payload": {"field": "daddr"}}, "right": str(address)},
            {"op": "!=", "left": {"meta": {"key": "skuid"}}, "right": 0},
        ]:
            return direction is Direction.EGRESS and address in METADATA
    return False


def _flows(direction: Direction, conditions: Sequence[Any]) -> set[Match] | None:
    """What a rule of the plan's kind lets through; None when it is of another kind.

    A rule that names no remote side lets all through, in both families.
    """
    side = "saddr" if direction is Direction.INGRESS else "daddr"
    remotes: list[IPv4Network | IPv6Network] = []
    what: tuple[str | int, int | None, int | None] | None = None
    for condition in conditions:
        remote: IPv4Network | IPv6Network | None = None
        told: tuple[str | int, int | None, int | None] | None = None
        match condition:
            case {"op": "==", "left": {"payload": payload}, "right": right}:
                remote, told = _remote(payload, side, right), _ports(payload, right)
            case {"op": "==", "left": {"meta": {"key": "nfproto"}}, "right": "ipv4" | "ipv6" as v}:
                remote = EVERYWHERE[v == "ipv6"]
            case {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": str() | int() as name}:
                told = (name, None, None) if name in PROTOCOLS else None
        if remote is not None and not remotes:
            remotes = [remote]
        elif told is not None and what is None:
            what = told
        else:
            return None
    if what is None:
        return None
    name, first, last = what
    found = [one for one in remotes or EVERYWHERE if ICMP.get(name, one.version) == one.version]
    return {
        Match(direction, PROTOCOLS[name], Family(f"ipv{one.version}"), first, last, one)
        for one in found
    } or None


def _remote(payload: Any, side: str, right: Any) -> IPv4Network | IPv6Network | None:
    """The network that a condition on an address names."""
    match payload, right:
        case {"protocol": "ip" | "ip6", "field": found}, str(address) if found == side:
            return _network(address)
        case {"protocol": "ip" | "ip6", "field": found}, {
            "prefix": {"addr": str(address), "len": int(length)}
        } if found == side:
            return _network(f"{address}/{length}")
    return None


def _network(words: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(words)
    except ValueError:
        return None


def _ports(payload: Any, right: Any) -> tuple[str, int, int] | None:
    """Protocol and ports that a condition on the destination's port names."""
    match payload, right:
        case {"protocol": "tcp" | "udp" as name, "field": "dport"}, int(port):
            first, last = port, port
        case {"protocol": "tcp" | "udp" as name, "field": "dport"}, {
            "range": [int(first), int(last)]
        }:
            pass
        case _:
            return None
    return (str(name), first, last) if 0 <= first <= last <= LAST_PORT else None


def _all_of(right: Any, known: frozenset[str]) -> bool:
    """Whether a condition's right side names some of ``known`` and nothing else."""
    values = right.get("set") if isinstance(right, dict) else right
    values = values if isinstance(values, list) else [values]
    return bool(values) and all(isinstance(one, str) and one in known for one in values)


def _bare(value: Any) -> Any:
    """A part of a listing without what differs between two loadings of the same rules."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in ("handle", "index")}
        return {k: {} if k == "counter" else _bare(v) for k, v in kept.items()}
    return [_bare(one) for one in value] if isinstance(value, list) else value


def _words(item: Any) -> str:
    """A short rendering that holds no control characters, whatever the host wrote."""
    words = json.dumps(_bare(item))
    return words if len(words) <= MOST_WORDS else f"{words[: MOST_WORDS - 1]}…"


def difference(one: Iterable[Any], other: Iterable[Any]) -> list[str]:
    """Objects that only one of two listings has; nothing when both are the same."""
    first, second = list(one), list(other)
    lone = [x for x in first if x not in second] + [x for x in second if x not in first]
    if not lone and first != second:
        return ["order"]
    return [_words(item) for item in lone]
