"""What the stacks export: the plan as it was built, with the identifiers that the cloud gave.

The inventory and the reports read these from the state and need no call to the cloud.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hoaban.model.centre import CentreLink
from hoaban.model.environment import EnvironmentPlan
from hoaban.model.spec import Operator
from hoaban.model.types import Model

SCHEMA_VERSION = 1


class NetworkOutput(Model):
    """Identifiers of a network and its two subnets."""

    network_id: str
    subnet_ipv4_id: str
    subnet_ipv6_id: str


class HostOutput(Model):
    """Identifiers of a host. ``volume_ids`` by the volume's name in the plan.

    ``offline_ids`` are of the volumes that are attached only while a copy is written to them.
    """

    server_id: str
    port_id: str
    floating_ip: str | None = None
    volume_ids: dict[str, str]
    offline_ids: dict[str, str] = {}


class HostSettings(Model):
    """What every host of the province is configured with."""

    domain: str
    timezone: str
    operators: list[Operator]
    ntp_servers: list[IPv4Address | IPv6Address]
    ntp_upstream: list[str]
    dns_servers: list[IPv4Address | IPv6Address]
    mirror: str | None = None
    centre: CentreLink | None = None
    """Tunnels to the central Government's networks."""
    sealed_to: list[str] = []
    """age recipients of what is sealed; with none, the workspace's own."""


class ProvinceResources(Model):
    """What the province's stack makes for all agencies."""

    router_id: str
    key_pair: str
    image_id: str
    image_name: str
    flavor_ids: dict[str, str]
    bastion: str
    """Name of the host through which operators and Ansible reach all others."""
    router_addresses: list[IPv4Address | IPv6Address] = []
    """The router's addresses on the external network."""


class StackOutputs(Model):
    """Outputs of a province's or an agency's stack, under the same names."""

    schema_version: int = SCHEMA_VERSION
    environment: EnvironmentPlan
    project_id: str
    networks: dict[str, NetworkOutput]
    hosts: dict[str, HostOutput]
    container_names: list[str] = []
    unavailable_containers: list[str] = []
    """Planned containers that were not made, since the cloud has no object storage."""
    province: ProvinceResources | None = None
    settings: HostSettings | None = None
