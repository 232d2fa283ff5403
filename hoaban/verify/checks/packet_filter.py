"""The packet filter that is loaded on a host is the one that its rules make."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hoaban.model.types import Direction, Family, Protocol
from hoaban.verify.checks.base import Check, both, judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.environment import Rule
    from hoaban.model.types import Text
    from hoaban.verify.facts import Facts
    from hoaban.verify.model import Finding
    from hoaban.verify.scene import Scene

TABLE: Final = "hoaban"
CHAINS: Final = {"input": Direction.INGRESS, "output": Direction.EGRESS}
MOST_NAMED: Final = 6


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


class PacketFilter(Check):
    """Reads the kernel's rules and compares them, one by one, with those of the plan."""

    id = "packet-filter"
    title = both("Tường lửa trên máy chủ", "Packet filter")
    proves = both(
        "Tường lửa đang chạy trên mỗi máy chủ cho qua đúng các luồng trong quy tắc, chặn mọi thứ "
        "khác, và được nạp lại khi khởi động.",
        "The packet filter that runs on each host lets through exactly the flows of the rules, "
        "drops all else, and is loaded again at boot.",
    )
    how = both(
        "Đọc bộ quy tắc từ nhân (nft list ruleset) và so từng quy tắc với quy hoạch; xem tệp và "
        "dịch vụ nạp lúc khởi động.",
        "The rule set is read from the kernel (nft list ruleset) and compared rule by rule with "
        "the plan; the file and unit of the next boot are looked at.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a host."""
        return scene.each(lambda host, facts: [self._judge(host, facts)])

    def _judge(self, host: ManagedHost, facts: Facts) -> Finding:
        planned = {match_of(rule) for rule in host.rules}
        objects = list(_objects(facts.filter))
        loaded, strange = accepted(objects)
        problems = [
            both(f"chuỗi {name} không chặn mặc định", f"chain {name} does not drop by default")
            for name in ("input", "forward", "output")
            if not _drops(objects, name)
        ]
        problems += _some(planned - loaded, "thiếu quy tắc", "missing rule")
        problems += _some(loaded - planned, "quy tắc ngoài quy hoạch", "rule outside the plan")
        problems += [
            both(f"quy tắc lạ: {words}", f"rule of unknown meaning: {words}") for words in strange
        ]
        unsaved = {rule.id for rule in host.rules} - set(facts.filter_file.comments)
        if unsaved or facts.filter_unit.get("UnitFileState") != "enabled":
            problems.append(
                both("không được nạp lại khi khởi động", "would not be loaded again at boot")
            )
        digest = facts.filter_file.sha256[:12]
        measured = both(
            f"{len(loaded & planned)} trên {len(planned)} quy tắc đã nạp, tệp {digest}",
            f"{len(loaded & planned)} of {len(planned)} rules loaded, file {digest}",
        )
        return judged(host.name, problems, measured)


def match_of(rule: Rule) -> Match:
    """What a rule of the plan lets through."""
    last = rule.port_max if rule.port_max is not None else rule.port_min
    return Match(rule.direction, rule.protocol, rule.family, rule.port_min, last, rule.remote)


def accepted(objects: Iterable[Mapping[str, Any]]) -> tuple[set[Match], list[str]]:
    """Flows that the table's rules let through, and rules that could not be understood.

    What every host needs to be on a network at all (established connections, loopback, neighbour
    discovery, DHCP) is neither.
    """
    found: set[Match] = set()
    strange: list[str] = []
    for rule in (item["rule"] for item in objects if "rule" in item):
        expressions = rule.get("expr", [])
        if rule.get("chain") not in CHAINS or not any("accept" in one for one in expressions):
            continue
        conditions = [one["match"] for one in expressions if "match" in one]
        if _is_ground(conditions):
            continue
        matches = _matches(CHAINS[rule["chain"]], conditions)
        found |= matches
        if not matches:
            strange.append(str(rule.get("comment") or conditions)[:120])
    return found, strange


def _objects(ruleset: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    for item in (ruleset or {}).get("nftables", []):
        inner = next(iter(item.values())) if isinstance(item, dict) and item else {}
        if isinstance(inner, dict) and inner.get("table") == TABLE:
            yield item


def _drops(objects: Iterable[Mapping[str, Any]], name: str) -> bool:
    chains = [item["chain"] for item in objects if "chain" in item]
    return any(
        chain.get("name") == name and chain.get("hook") == name and chain.get("policy") == "drop"
        for chain in chains
    )


def _is_ground(conditions: list[Mapping[str, Any]]) -> bool:
    """Whether a rule is one of those that every host needs."""
    for condition in conditions:
        left, right = condition.get("left", {}), condition.get("right")
        if left.get("ct", {}).get("key") == "state":
            return set(_values(right)) <= {"established", "related"}
        if left.get("meta", {}).get("key") in ("iif", "oif", "iifname", "oifname"):
            return right == "lo"
        payload = left.get("payload", {})
        if payload.get("protocol") == "icmpv6" and payload.get("field") == "type":
            return all(str(value).startswith(("nd-", "mld")) for value in _values(right))
        if payload.get("protocol") == "udp" and payload.get("field") == "sport":
            ports = {c["right"] for c in conditions if _field(c) in ("sport", "dport")}
            return ports in ({67, 68}, {546, 547})
    return False


def _field(condition: Mapping[str, Any]) -> str | None:
    field: str | None = condition.get("left", {}).get("payload", {}).get("field")
    return field


def _matches(direction: Direction, conditions: list[Mapping[str, Any]]) -> set[Match]:
    """What a rule of the plan's kind lets through; nothing when it has another condition.

    A rule that names no remote side lets all through, in both families.
    """
    protocol: Protocol | None = None
    remotes = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    first = last = None
    side = "saddr" if direction is Direction.INGRESS else "daddr"
    for condition in conditions:
        left, right = condition.get("left", {}), condition.get("right")
        payload, key = left.get("payload", {}), left.get("meta", {}).get("key")
        if condition.get("op") != "==":
            return set()
        if payload.get("field") == side:
            remotes = [_network(right)]
        elif payload.get("field") == "dport" and payload.get("protocol") in ("tcp", "udp"):
            protocol = Protocol(payload["protocol"])
            first, last = right["range"] if isinstance(right, dict) else (right, right)
        elif key == "nfproto":
            remotes = remotes[:1] if right == "ipv4" else remotes[1:]
        elif key == "l4proto":
            protocol = Protocol.ICMP if "icmp" in str(right) else Protocol(str(right))
        else:
            return set()
    if protocol is None:
        return set()
    return {
        Match(direction, protocol, Family(f"ipv{remote.version}"), first, last, remote)
        for remote in remotes
    }


def _network(right: Any) -> IPv4Network | IPv6Network:
    if isinstance(right, dict):
        prefix = right["prefix"]
        return ip_network(f"{prefix['addr']}/{prefix['len']}")
    return ip_network(str(right))


def _values(right: Any) -> list[Any]:
    if isinstance(right, dict) and "set" in right:
        return list(right["set"])
    return list(right) if isinstance(right, list) else [right]


def _some(matches: set[Match], vi: str, en: str) -> list[Text]:
    texts = [both(f"{vi}: {one}", f"{en}: {one}") for one in sorted(map(str, matches))]
    if len(texts) <= MOST_NAMED:
        return texts
    more = len(texts) - MOST_NAMED
    return [*texts[:MOST_NAMED], both(f"và {more} nữa", f"and {more} more")]
