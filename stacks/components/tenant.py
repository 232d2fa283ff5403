"""All that stands inside a project: networks, rules, server groups, hosts, containers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi import ComponentResource, Input, ResourceOptions
from pulumi_openstack import compute, networking

from stacks.components.containers import ContainersComponent, ContainersProps
from stacks.components.host import HostComponent, HostDefaults, HostProps
from stacks.components.network import NetworkComponent, NetworkProps
from stacks.components.security_group import SecurityGroupComponent, SecurityGroupProps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address, IPv6Address

    from hoaban.model.environment import EnvironmentPlan
    from stacks.components.labels import Labels
    from stacks.components.project import ProjectComponent


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantProps:
    """A plan, the project it is built in and the router that connects it."""

    plan: EnvironmentPlan
    labels: Labels
    project: ProjectComponent
    router_id: Input[str]
    defaults: HostDefaults
    dns_servers: Sequence[IPv4Address | IPv6Address] = ()
    object_storage: bool = False


class TenantComponent(ComponentResource):
    """The content of a project, made by the project's own provider.

    Only the interfaces on the province's router are made by the stack's default provider: the
    router belongs to the foundation's project.
    """

    def __init__(self, props: TenantProps, opts: ResourceOptions | None = None) -> None:
        plan = props.plan
        super().__init__("hoaban:components:Tenant", plan.project, {}, opts)
        self._props = props
        self._inside = ResourceOptions(parent=self, provider=props.project.provider)
        project_id = props.project.project_id
        self.networks = {
            network.zone: NetworkComponent(
                NetworkProps(
                    plan=network,
                    labels=props.labels,
                    project_id=project_id,
                    dns_servers=props.dns_servers,
                ),
                self._inside,
            )
            for network in plan.networks
        }
        self.interfaces = {
            zone: self._connect(network, props.router_id) for zone, network in self.networks.items()
        }
        self.security_groups = {
            group.name: SecurityGroupComponent(
                SecurityGroupProps(plan=group, labels=props.labels, project_id=project_id),
                self._inside,
            )
            for group in plan.security_groups
        }
        self.server_groups = {
            name: compute.ServerGroup(
                name,
                name=name,
                # Apart where the cloud has the machines for it; a small one still starts them.
                policies="soft-anti-affinity",
                opts=self._inside,
            )
            for name in plan.server_groups
        }
        self.hosts = {
            host.name: HostComponent(self._host(host.name), self._inside) for host in plan.hosts
        }
        self.containers = ContainersComponent(
            ContainersProps(
                plans=plan.containers,
                labels=props.labels,
                name=plan.project,
                available=props.object_storage,
            ),
            self._inside,
        )
        self.register_outputs({})

    def _connect(
        self, network: NetworkComponent, router_id: Input[str]
    ) -> list[networking.RouterInterface]:
        return [
            networking.RouterInterface(
                f"{network.plan.name}-{family}",
                router_id=router_id,
                subnet_id=subnet.id,
                opts=ResourceOptions(parent=self),
            )
            for family, subnet in (("ipv4", network.subnet_ipv4), ("ipv6", network.subnet_ipv6))
        ]

    def _host(self, name: str) -> HostProps:
        props = self._props
        host = next(host for host in props.plan.hosts if host.name == name)
        group = self.server_groups[host.server_group] if host.server_group else None
        return HostProps(
            plan=host,
            labels=props.labels,
            project_id=props.project.project_id,
            defaults=props.defaults,
            network=self.networks[host.zone],
            security_groups=[self.security_groups[name] for name in host.security_groups],
            server_group_id=group.id if group else None,
            routed=self.interfaces[host.zone],
        )
