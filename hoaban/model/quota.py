"""Quotas of a project: what is planned, and head-room for replacing servers and for growth.

Head-room is a fifth, rounded up, and at least what the largest server takes, so that any one
server can be replaced by making the new one first, and its backup restored beside it. Networks,
ports and rules cost next to nothing and get as much again. What is not planned at all is not
granted: nothing stays nothing.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from hoaban.model.environment import Quota

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.model.environment import HostPlan, NetworkPlan, SecurityGroupPlan

HEAD_ROOM = 0.2
PORTS_OF_NETWORK = 1
"""The cloud's own port for DHCP and metadata."""
PORTS_OF_ROUTER = 2
"""A router's interfaces in one network, one a family; they belong to the router's project."""
RULES_OF_NEW_GROUP = 2
"""Neutron lets everything out of a new group, until the two rules for that are deleted."""
RULES_OF_DEFAULT_GROUP = 4
"""Neutron gives each project a group ``default`` with egress and ingress of both families."""


def with_head_room(planned: int, at_least: int = 1) -> int:
    """A limit: what is planned, a fifth more, and at least ``at_least`` more; 0 stays 0."""
    if planned == 0:
        return 0
    return planned + max(ceil(planned * HEAD_ROOM), at_least)


def twice(planned: int) -> int:
    """A limit in Neutron, which counts a thing as reserved and as made at once, for a moment.

    With many made side by side, anything less is exceeded now and then.
    """
    return 2 * planned


def quota_of(
    hosts: Sequence[HostPlan],
    networks: Sequence[NetworkPlan],
    groups: Sequence[SecurityGroupPlan],
    server_groups: Sequence[str],
    routed_networks: int = 0,
) -> Quota:
    """The quota for what is planned. RAM in MiB, volumes in GiB.

    ``routed_networks`` is how many networks the project's own router is in.
    """
    sizes = [host.size for host in hosts]
    volumes = [volume.size_gb for host in hosts for volume in host.every_volume]
    members = max((_members(hosts, name) for name in server_groups), default=0)
    most_volumes = max((len(host.every_volume) for host in hosts), default=0)
    return Quota(
        instances=with_head_room(len(hosts)),
        cores=with_head_room(
            sum(size.vcpus for size in sizes), max((size.vcpus for size in sizes), default=0)
        ),
        ram_mb=with_head_room(
            sum(size.ram_mb for size in sizes), max((size.ram_mb for size in sizes), default=0)
        ),
        server_groups=with_head_room(len(server_groups)),
        server_group_members=with_head_room(members),
        volumes=with_head_room(len(volumes), most_volumes),
        gigabytes=with_head_room(sum(volumes), max(map(_gigabytes, hosts), default=0)),
        networks=twice(len(networks)),
        subnets=twice(2 * len(networks)),
        ports=twice(
            len(hosts) + PORTS_OF_NETWORK * len(networks) + PORTS_OF_ROUTER * routed_networks
        ),
        security_groups=twice(len(groups) + 1),
        security_group_rules=twice(
            sum(len(group.rules) for group in groups)
            + RULES_OF_NEW_GROUP * len(groups)
            + RULES_OF_DEFAULT_GROUP
        ),
        floating_ips=with_head_room(sum(host.floating_ip for host in hosts)),
    )


def _gigabytes(host: HostPlan) -> int:
    return sum(volume.size_gb for volume in host.every_volume)


def _members(hosts: Sequence[HostPlan], server_group: str) -> int:
    return sum(host.server_group == server_group for host in hosts)
