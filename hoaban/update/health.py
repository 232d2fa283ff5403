"""Whether hosts are well: a cheap part of what ``hoaban verify`` checks, about these hosts alone.

They answer and are what was promised, no unit has failed, their clocks and packet filters are
right, and every allowed flow between them and the hosts of their own environment and of the
province gets through. What is forbidden is left to ``verify``: its silence has to be waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.verify import gather
from hoaban.verify.checks.answers import Answers
from hoaban.verify.checks.flows_inside import FlowsInside
from hoaban.verify.checks.packet_filter import PacketFilter
from hoaban.verify.checks.time_sync import TimeSync
from hoaban.verify.checks.units import Units
from hoaban.verify.model import Status
from hoaban.verify.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.inventory.fleet import Fleet, ManagedHost
    from hoaban.remote import Remote
    from hoaban.verify.flows import Flow

CHECKS: Final = (Answers, Units, TimeSync, PacketFilter, FlowsInside)


def problems(fleet: Fleet, remote: Remote, hosts: Sequence[ManagedHost]) -> list[str]:
    """What is wrong with hosts, a line each; none when they are well."""
    settings = fleet.settings_of(hosts[0].state)
    facts, silent, clocks = gather.facts(remote, hosts, settings)
    routes = flows(fleet, [host for host in hosts if host.name in facts])
    inside, mute = gather.inside(remote, routes)
    scene = Scene(
        fleet=fleet,
        agency=hosts[0].environment.agency,
        hosts=hosts,
        unbuilt=[],
        settings=settings,
        facts=facts,
        silent=silent,
        inside=inside,
        mute=mute,
        outside=[],
        attempts={},
        clock=clocks,
    )
    return [
        f"{finding.host or 'all'}: {check.title.en}: {finding.evidence.en}"
        for check in CHECKS
        for finding in check().report(scene).findings
        if finding.status is Status.FAIL
    ]


def flows(fleet: Fleet, hosts: Sequence[ManagedHost]) -> dict[str, list[Flow]]:
    """Allowed flows to try by source: of hosts to their neighbours, and of these to them."""
    neighbours = {host.name: host for one in hosts for host in _around(fleet, one)}
    routes = gather.routes_between(hosts, neighbours.values())
    others = [host for name, host in neighbours.items() if name not in routes]
    routes |= gather.routes_between(others, hosts)
    allowed = {name: [flow for flow in found if flow.allowed] for name, found in routes.items()}
    return {name: found for name, found in allowed.items() if found}


def _around(fleet: Fleet, host: ManagedHost) -> list[ManagedHost]:
    """The hosts of a host's own environment and of the province."""
    own = fleet.hosts_of(host.environment.agency)
    return own + (fleet.hosts_of(None) if fleet.province and own[0].environment.agency else [])
