"""A network segment with one subnet a family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi import ComponentResource, ResourceOptions
from pulumi_openstack import networking

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    from hoaban.model.environment import NetworkPlan
    from stacks.components.labels import Labels

    Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkProps:
    """A planned network, and the resolvers that its hosts are told."""

    plan: NetworkPlan
    labels: Labels
    project_id: pulumi.Input[str]
    dns_servers: Sequence[Address] = ()


class NetworkComponent(ComponentResource):
    """A dual-stack network.

    Addresses of hosts are explicit; the allocation pools hold only what the cloud takes for its
    own ports (DHCP, metadata), so that it never takes one that the plan has given to a host.
    """

    def __init__(self, props: NetworkProps, opts: ResourceOptions | None = None) -> None:
        plan = props.plan
        super().__init__("hoaban:components:Network", plan.name, {}, opts)
        self.plan = plan
        self._props = props
        self.network = networking.Network(
            plan.name,
            name=plan.name,
            description=props.labels.describe(f"{plan.zone}: {plan.ipv4}, {plan.ipv6}"),
            tenant_id=props.project_id,
            tags=props.labels.tags,
            opts=ResourceOptions(parent=self),
        )
        self.subnet_ipv4 = self._subnet(plan.ipv4, plan.gateway_ipv4, plan.pool_ipv4)
        self.subnet_ipv6 = self._subnet(plan.ipv6, plan.gateway_ipv6, plan.pool_ipv6)
        self.register_outputs(
            {
                "network_id": self.network.id,
                "subnet_ipv4_id": self.subnet_ipv4.id,
                "subnet_ipv6_id": self.subnet_ipv6.id,
            }
        )

    def _subnet(
        self, cidr: IPv4Network | IPv6Network, gateway: Address, pool: tuple[Address, Address]
    ) -> networking.Subnet:
        props, version = self._props, cidr.version
        name = f"{props.plan.name}-ipv{version}"
        # Hosts get their IPv6 address from DHCP as well: only so is it the one of the plan.
        mode = "dhcpv6-stateful" if version == 6 else None  # noqa: PLR2004
        return networking.Subnet(
            name,
            name=name,
            description=props.labels.describe(props.plan.zone),
            network_id=self.network.id,
            tenant_id=props.project_id,
            cidr=str(cidr),
            ip_version=version,
            ipv6_address_mode=mode,
            ipv6_ra_mode=mode,
            gateway_ip=str(gateway),
            enable_dhcp=True,
            allocation_pools=[
                networking.SubnetAllocationPoolArgs(start=str(pool[0]), end=str(pool[1]))
            ],
            dns_nameservers=[str(dns) for dns in props.dns_servers if dns.version == version],
            tags=props.labels.tags,
            opts=ResourceOptions(parent=self),
        )

    @property
    def identifiers(self) -> dict[str, pulumi.Output[str]]:
        """Fields of :class:`hoaban.model.outputs.NetworkOutput`."""
        return {
            "network_id": self.network.id,
            "subnet_ipv4_id": self.subnet_ipv4.id,
            "subnet_ipv6_id": self.subnet_ipv6.id,
        }
