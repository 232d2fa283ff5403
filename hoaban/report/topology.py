"""Works out the topology drawing: boxes and arrows with their places, for an SVG template.

From left to right: who may come from outside, the router, then one column a zone. A row is an
information system; its tiers are boxes with their hosts, addresses and volumes. Below: what the
environment uses of the province's foundation. Lengths are in SVG user units.
"""

from __future__ import annotations

import textwrap
from ipaddress import IPv4Network
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from hoaban.model.spec import ProvinceService
from hoaban.model.types import Direction, Protocol, Text
from hoaban.report.rules import flow_words, is_ground
from hoaban.report.shapes import (
    GAP,
    TIER_HEAD,
    WIDTH,
    Arrow,
    HostBox,
    Line,
    Row,
    Services,
    SharedBox,
    SourceBox,
    TierBox,
    Topology,
    ZoneColumn,
)
from hoaban.verify.model import worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.model.environment import EnvironmentPlan, HostPlan, Rule
    from hoaban.report.handover import Handover, Shared

SOURCES: Final = 250
ZONES_X: Final = 424
ZONE_HEAD: Final = 76
ROW_HEAD: Final = 34
ROW_GAP: Final = 26
TITLE_LINE, TITLE_LETTER = 19, 8.6
HOST_HEIGHT: Final = 50
VOLUME_HEIGHT: Final = 19
SOURCE_LINE: Final = 17
MOST_SOURCES: Final = 6
WRAP: Final = 28
MOST_LETTERS: Final = 12
SHARED_HEIGHT: Final = 96
BASE: Final = "-base"
"""End of the name of the group that all hosts of an environment are in."""
SERVICES: Final = {
    ProvinceService.BASTION: Text(vi="máy chủ trung gian", en="bastion"),
    ProvinceService.TIME: Text(vi="máy chủ thời gian", en="time"),
    ProvinceService.BACKUP_HOST: Text(vi="máy chủ sao lưu", en="backup host"),
    ProvinceService.LOG_HOST: Text(vi="máy chủ nhật ký", en="log host"),
    ProvinceService.VPN_HUB: Text(vi="cổng VPN", en="VPN hub"),
    ProvinceService.IPSEC_GATEWAY: Text(vi="cổng IPsec", en="IPsec gateway"),
    ProvinceService.PKI: Text(vi="chứng thực số", en="certification authority"),
    ProvinceService.EXCHANGE_GATEWAY: Text(vi="cổng trao đổi dữ liệu", en="exchange gateway"),
}
ZONE_ORDER: Final = ("web", "app", "data")


def draw(handover: Handover) -> Topology:
    """The drawing of an environment."""
    plan = handover.environment
    drawing = Topology()
    zones = _zone_columns(plan)
    drawing.zones = list(zones.values())
    drawing.frame_end = max((zone.x + zone.width for zone in drawing.zones), default=ZONES_X) + 26
    y = float(ZONE_HEAD)
    for key in dict.fromkeys(map(_row_key, plan.hosts)):
        hosts = [host for host in plan.hosts if _row_key(host) == key]
        system = hosts[0].system
        name = None if system is None else Text(vi=system, en=system)
        name = handover.party.systems.get(system or "", name)
        y = _add_row(drawing, handover, zones, hosts, name, y) + ROW_GAP
    drawing.frame_height = y
    drawing.width, drawing.height = drawing.frame_end + 4, y + 12
    if handover.shared:
        _add_shared(drawing, handover.shared, y + 44)
    return drawing


def _row_key(host: HostPlan) -> tuple[str | None, str]:
    """Hosts of one system share a row; those of none share one with their zone."""
    return host.system, "" if host.system else host.zone


def _zone_columns(plan: EnvironmentPlan) -> dict[str, ZoneColumn]:
    used = {host.zone for host in plan.hosts}
    networks = [network for network in plan.networks if network.zone in used]
    order = {zone: number for number, zone in enumerate(ZONE_ORDER)}
    networks.sort(key=lambda network: order.get(network.zone, len(order)))
    count = max(len(networks), 1)
    width = min((WIDTH - 30 - ZONES_X - GAP * (count - 1)) / count, 420)
    return {
        network.zone: ZoneColumn(network, ZONES_X + number * (width + GAP), width)
        for number, network in enumerate(networks)
    }


def _add_row(
    drawing: Topology,
    handover: Handover,
    zones: dict[str, ZoneColumn],
    hosts: Sequence[HostPlan],
    name: Text | None,
    y: float,
) -> float:
    """Add a system with its tiers; returns where the row ends."""
    plan = handover.environment
    title = _title(name, drawing.frame_end - ZONES_X)
    lines = max((len(words) for words in title.values()), default=0)
    top = y + (ROW_HEAD + TITLE_LINE * (lines - 1) if lines else 8)
    boxes: list[tuple[TierBox, Sequence[HostPlan]]] = []
    bottom = top
    for zone, column in zones.items():
        tier = [host for host in hosts if host.zone == zone]
        if not tier:
            continue
        box = _tier_box(handover, tier, column, top)
        boxes.append((box, tier))
        bottom = max(bottom, box.y + box.height)
    for box, members in boxes:
        bottom = max(bottom, _add_sources(drawing, plan, box, members[0]))
    for (left, callers), (right, called) in pairwise(boxes):
        label = _flow_between(plan, callers, called)
        if label:
            arrow = Arrow(left.x + left.width, right.x, left.middle, right.middle, label)
            drawing.arrows.append(arrow)
    drawing.tiers += [box for box, _ in boxes]
    drawing.rows.append(Row(title, y, bottom - y))
    return bottom


def _tier_box(
    handover: Handover, members: Sequence[HostPlan], column: ZoneColumn, top: float
) -> TierBox:
    y = top + TIER_HEAD
    hosts = []
    for plan in members:
        label = plan.name
        if plan.system is not None and plan.tier is not None:
            label = f"{plan.tier}-{plan.name.rsplit('-', 1)[-1]}"
        floating = handover.hosts[plan.name].floating_ip if plan.name in handover.hosts else None
        hosts.append(HostBox(label, plan, floating, _state(handover, plan.name), y))
        y += HOST_HEIGHT + VOLUME_HEIGHT * (len(plan.volumes) + (floating is not None))
    serving = own_rules(handover.environment, members[0])
    title = members[0].tier or members[0].zone
    return TierBox(
        title, flow_words(serving), column.x, top, column.width, y - top + 4, tuple(hosts)
    )


def _state(handover: Handover, host: str) -> str:
    seen = {
        finding.status
        for check in handover.verification.checks
        for finding in check.findings
        if finding.host == host
    }
    return str(worst(seen))


def _add_sources(drawing: Topology, plan: EnvironmentPlan, box: TierBox, member: HostPlan) -> float:
    """Add who may come to a tier from outside its system; returns where the box ends."""
    rules = [rule for rule in own_rules(plan, member) if not _is_inner(plan, rule)]
    reasons = list({rule.reason.vi: rule.reason for rule in rules}.values())
    if not reasons:
        return box.y
    lines = {
        "vi": _wrapped([reason.vi for reason in reasons], "và {} nguồn khác"),
        "en": _wrapped([reason.en for reason in reasons], "and {} more"),
    }
    height = 14 + SOURCE_LINE * max(map(len, lines.values()))
    y = max([box.y, *(source.y + source.height + 10 for source in drawing.sources)])
    drawing.sources.append(SourceBox(10, y, SOURCES - 20, height, lines))
    label = flow_words(rules)
    if len(label) > MOST_LETTERS:
        label = ""  # the tier's own box says it
    drawing.arrows.append(Arrow(SOURCES - 10, box.x, y + height / 2, box.middle, label))
    return y + height


def own_rules(plan: EnvironmentPlan, host: HostPlan) -> list[Rule]:
    """What a host serves beyond what all hosts of the environment serve alike.

    What a gateway passes on between others is not served by it.
    """
    own = [
        group
        for group in plan.security_groups
        if group.name in host.security_groups
        and not group.name.endswith(BASE)
        and not group.transit
    ]
    return [
        rule
        for group in own
        for rule in group.rules
        if rule.direction is Direction.INGRESS
        and rule.protocol is not Protocol.ICMP
        and not is_ground(rule)
    ]


def _is_inner(plan: EnvironmentPlan, rule: Rule) -> bool:
    """Whether a rule's remote side is a tier: a part of one network of the environment."""
    for network in plan.networks:
        if isinstance(rule.remote, IPv4Network):
            if rule.remote.subnet_of(network.ipv4):
                return True
        elif rule.remote.subnet_of(network.ipv6):
            return True
    return False


def _flow_between(
    plan: EnvironmentPlan, callers: Sequence[HostPlan], called: Sequence[HostPlan]
) -> str:
    """What one tier may call of another, in words; empty when nothing."""
    return flow_words(
        [
            rule
            for rule in own_rules(plan, called[0])
            if any(host.ipv4 in rule.remote for host in callers) and _is_inner(plan, rule)
        ]
    )


def _add_shared(drawing: Topology, hosts: Sequence[Shared], y: float) -> None:
    width = min((WIDTH - ZONES_X - 10 - GAP * (len(hosts) - 1)) / len(hosts), 360)
    for number, host in enumerate(hosts):
        words = [SERVICES[service] for service in host.services if service in SERVICES]
        services = Services(tuple(w.vi for w in words), tuple(w.en for w in words))
        drawing.shared.append(SharedBox(host, services, ZONES_X + number * (width + GAP), y, width))
    drawing.width = max(drawing.width, max(box.x + box.width for box in drawing.shared) + 10)
    drawing.height = y + SHARED_HEIGHT + 12


def _title(name: Text | None, width: float) -> dict[str, list[str]]:
    if name is None:
        return {}
    letters = int(width / TITLE_LETTER)
    return {"vi": textwrap.wrap(name.vi, letters), "en": textwrap.wrap(name.en, letters)}


def _wrapped(items: Sequence[str], more: str) -> list[Line]:
    """Items in lines that fit a box; of many, some and how many more there are."""
    shown = list(items[:MOST_SOURCES])
    if len(items) > MOST_SOURCES:
        shown.append(more.format(len(items) - MOST_SOURCES))
    return [
        Line(words, number == 0)
        for item in shown
        for number, words in enumerate(textwrap.wrap(item, WRAP))
    ]
