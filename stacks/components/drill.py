"""The scratch server of a restore drill, in network and project of the host that is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi_openstack as openstack
from pulumi import ComponentResource, InvokeOutputOptions, Output, ResourceOptions
from pulumi_openstack import identity

from stacks.components.host import HostComponent, HostDefaults, HostProps
from stacks.components.project import require_scope
from stacks.components.security_group import SecurityGroupComponent, SecurityGroupProps

if TYPE_CHECKING:
    from hoaban.model.environment import EnvironmentPlan
    from stacks.components.labels import Labels
    from stacks.components.lent import LentToGuest


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillProps:
    """A drill's plan, what its host lends it (project, network), and the province's defaults."""

    plan: EnvironmentPlan
    labels: Labels
    host: LentToGuest
    defaults: HostDefaults
    region: str | None = None


class DrillComponent(ComponentResource):
    """One server with its rules and volumes; nothing that is there already is changed."""

    def __init__(self, props: DrillProps, opts: ResourceOptions | None = None) -> None:
        plan = props.plan
        (host,) = plan.hosts
        super().__init__("hoaban:drill:Drill", host.name, {}, opts)
        provider = openstack.Provider(
            host.name,
            tenant_id=props.host.project_id,
            region=props.region,
            opts=ResourceOptions(parent=self),
        )
        scope = identity.get_auth_scope_output(
            name=plan.project, opts=InvokeOutputOptions(parent=self, provider=provider)
        )
        self.project_id: Output[str] = Output.all(props.host.project_id, scope.project_id).apply(
            lambda known: require_scope(known[0], known[1])
        )
        """The project, once it is sure that the provider works inside it."""
        inside = ResourceOptions(parent=self, provider=provider)
        groups = [
            SecurityGroupComponent(
                SecurityGroupProps(plan=group, labels=props.labels, project_id=self.project_id),
                inside,
            )
            for group in plan.security_groups
        ]
        self.networks = {one.zone: props.host.network(one.zone) for one in plan.networks}
        self.host_name = host.name
        self.host = HostComponent(
            HostProps(
                plan=host,
                labels=props.labels,
                project_id=self.project_id,
                defaults=props.defaults,
                network=self.networks[host.zone],
                security_groups=groups,
                server_group_id=None,
                routed=[],
            ),
            inside,
        )
        self.register_outputs({"project_id": self.project_id})
