"""What follows from the files: every name, address, rule and size, ready to be built.

Stacks, inventory, checks and reports all read these values and work out nothing of their own, so
that a security group, a packet filter and a report can't disagree.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from hoaban.model.spec import Backup, ProvinceService, Size
from hoaban.model.types import Direction, Family, IPNetwork, Model, Protocol, SecurityLevel, Text
from hoaban.model.vpnplan import VpnPlan

FIRST_POOL_OFFSET, LAST_POOL_OFFSET = 55, 62
"""Offsets, in a network of either family, of the cloud's own allocation pool."""


class NetworkPlan(Model):
    """A network with one subnet a family. Gateways are the first address of each."""

    zone: str
    name: str
    ipv4: IPv4Network
    ipv6: IPv6Network
    gateway_ipv4: IPv4Address
    gateway_ipv6: IPv6Address

    @property
    def pool_ipv4(self) -> tuple[IPv4Address, IPv4Address]:
        """First and last address that the cloud may give to ports of its own (DHCP, metadata).

        Hosts have fixed addresses outside of it, so the two never meet.
        """
        start = self.ipv4.network_address
        return start + FIRST_POOL_OFFSET, start + LAST_POOL_OFFSET

    @property
    def pool_ipv6(self) -> tuple[IPv6Address, IPv6Address]:
        """The same offsets of the IPv6 network."""
        start = self.ipv6.network_address
        return start + FIRST_POOL_OFFSET, start + LAST_POOL_OFFSET


class Rule(Model):
    """One allowed flow, seen from a host. What no rule allows is dropped.

    ``id`` is unique within its security group and stable as long as the flow means the same.
    Ports are None for ICMP, which means all types of the family's ICMP.
    """

    id: str
    direction: Direction
    protocol: Protocol
    family: Family
    port_min: int | None = None
    port_max: int | None = None
    remote: IPNetwork
    reason: Text


class ForwardRule(Model):
    """One allowed flow between others, which a gateway passes on."""

    id: str
    protocol: Protocol
    family: Family
    ports: list[int]
    """Of the destination, in order."""
    sources: list[IPNetwork]
    destinations: list[IPNetwork]
    reason: Text


class SecurityGroupPlan(Model):
    """A set of rules that hosts share."""

    name: str
    description: str
    rules: list[Rule]
    transit: list[ForwardRule] = []
    """What the group's hosts pass on between others. ``rules`` are then how the cloud's filter sees
    that: the hosts neither take nor start these flows themselves."""


class VolumePlan(Model):
    """A data volume of one host. ``label`` is the file system's (at most 12 characters: xfs)."""

    name: str
    label: str
    size_gb: int
    mount: str
    filesystem: str


class OfflinePlan(Model):
    """Volumes of a backup host that are attached only while a copy is written to them.

    ``days`` is how old the newest copy may be.
    """

    days: int
    volumes: list[VolumePlan]


class HostPlan(Model):
    """One server, all of it known before it exists."""

    name: str
    """``<agency>-<system>-<tier>-<n>``: unique in the province, also the server's name."""
    fqdn: str
    zone: str
    tier: str | None = None
    system: str | None = None
    services: list[ProvinceService]
    size_name: str
    size: Size
    ipv4: IPv4Address
    ipv6: IPv6Address
    floating_ip: bool
    security_groups: list[str]
    carries: list[IPNetwork] = []
    """Networks that are not its own, from and to which its port carries packets."""
    server_group: str | None = None
    volumes: list[VolumePlan]
    backup: Backup | None = None
    standby_of: str | None = None
    """The backup host whose backups are copied here."""
    offline: OfflinePlan | None = None
    """A third copy of what a backup host keeps."""

    @property
    def every_volume(self) -> list[VolumePlan]:
        """All volumes that are the host's, those included that are seldom attached."""
        return [*self.volumes, *(self.offline.volumes if self.offline else ())]


class ContainerPlan(Model):
    """An object container."""

    name: str
    quota_gb: int


class Quota(Model):
    """What a project may use: what is planned, with the head-room that the province grants."""

    instances: int
    cores: int
    ram_mb: int
    server_groups: int
    server_group_members: int = 10
    """Servers in one group; 10 is nova's own default."""
    volumes: int
    gigabytes: int
    networks: int
    subnets: int
    ports: int
    security_groups: int
    security_group_rules: int
    floating_ips: int


class RoutePlan(Model):
    """A way that the province's router takes through one of its networks."""

    destination: IPNetwork
    next_hop: IPv4Address | IPv6Address
    zone: str
    """The network in which the next hop is."""


class EnvironmentPlan(Model):
    """Everything to be built for one agency, or (``agency`` None) the province's foundation."""

    province: str
    agency: str | None = None
    name: Text
    domain: str
    security_level: SecurityLevel
    project: str
    """Name of the OpenStack project."""
    networks: list[NetworkPlan]
    security_groups: list[SecurityGroupPlan]
    hosts: list[HostPlan]
    server_groups: list[str]
    containers: list[ContainerPlan]
    quota: Quota
    routes: list[RoutePlan] = []
    vpn: VpnPlan | None = None

    def rules_of(self, host: HostPlan) -> list[Rule]:
        """What a host itself takes and starts: rules of its groups, in order of group and rule."""
        groups = self._groups_of(host)
        return [rule for group in groups if not group.transit for rule in group.rules]

    def transit_of(self, host: HostPlan) -> list[ForwardRule]:
        """What a host passes on between others."""
        return [rule for group in self._groups_of(host) for rule in group.transit]

    def _groups_of(self, host: HostPlan) -> list[SecurityGroupPlan]:
        by_name = {group.name: group for group in self.security_groups}
        return [by_name[name] for name in host.security_groups]
