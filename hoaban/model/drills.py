"""The scratch server on which a drill restores a host's backup: all of it, known beforehand.

It stands in the network of the host that it is restored from, at the last of the offsets that are
kept for a network's own devices, so that no host ever has its address; one at a time in an agency,
and in the province's foundation. It has the host's size, and its volumes below :data:`RESTORED`, so
that what is restored meets the same room. It may do what every managed host may towards the
province, and nothing towards its own agency: nobody but the bastion reaches it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.errors import HoabanError
from hoaban.model.baseline import baseline
from hoaban.model.environment import EnvironmentPlan, HostPlan
from hoaban.model.problems import listed, near
from hoaban.model.rules import RuleBook

if TYPE_CHECKING:
    from hoaban.model.facts import Facts

DRILL_OFFSET: Final = 9
"""Offset of the scratch server in its network, in both families."""
RESTORED: Final = "/srv/drill"
"""Folder on the scratch server under which a snapshot's paths are restored."""


PROVINCE: Final = "province"
"""What the foundation is called where others have an agency; no agency may have this slug."""


def owner_of(agency: str) -> str:
    """What a drill's environment is called where others have an agency: no slug looks so."""
    return f"drill--{agency}"


def scratch_name(agency: str) -> str:
    """Name of the scratch server of an agency, or of :data:`PROVINCE`."""
    return f"{agency}-drill"


def drill(facts: Facts, plan: EnvironmentPlan, name: str) -> EnvironmentPlan:
    """The environment of a drill of one host of an agency's plan, or of the foundation's.

    Project, network and quota are those of the plan, which are there already.
    """
    agency = plan.agency or PROVINCE
    hosts = {host.name: host for host in plan.hosts}
    if name not in hosts:
        raise HoabanError(
            f"{agency if plan.agency else 'the foundation'} has no host `{name}`",
            mend=near(name, hosts) or f"it has {listed(hosts) if hosts else 'none'}",
        )
    source = hosts[name]
    network = next(one for one in plan.networks if one.zone == source.zone)
    book = RuleBook()
    baseline(facts, book, [], [network.gateway_ipv4])
    scratch = scratch_name(agency)
    group = book.group(scratch, f"{plan.name.en}: scratch server of a restore drill")
    return EnvironmentPlan(
        province=plan.province,
        agency=owner_of(agency),
        name=plan.name,
        domain=plan.domain,
        security_level=plan.security_level,
        project=plan.project,
        networks=[network],
        security_groups=[group],
        hosts=[
            HostPlan(
                name=scratch,
                fqdn=f"{scratch}.{plan.domain}",
                zone=source.zone,
                services=[],
                size_name=source.size_name,
                size=source.size,
                ipv4=network.ipv4.network_address + DRILL_OFFSET,
                ipv6=network.ipv6.network_address + DRILL_OFFSET,
                floating_ip=False,
                security_groups=[scratch],
                volumes=[
                    volume.model_copy(
                        update={
                            "name": f"{scratch}-{volume.name.removeprefix(f'{source.name}-')}",
                            "mount": f"{RESTORED}{volume.mount}",
                        }
                    )
                    for volume in source.volumes
                ],
            )
        ],
        server_groups=[],
        containers=[],
        quota=plan.quota,
    )
