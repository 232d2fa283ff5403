"""The environment of one agency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi import ComponentResource, Input, ResourceOptions

from stacks.components.labels import Labels
from stacks.components.project import ProjectComponent, ProjectProps
from stacks.components.tenant import TenantComponent, TenantProps

if TYPE_CHECKING:
    from hoaban.model.environment import EnvironmentPlan
    from hoaban.model.spec import ProvinceSpec
    from stacks.components.cloud import Cloud
    from stacks.components.host import HostDefaults


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyProps:
    """An agency's plan, and what the province's foundation lends it."""

    plan: EnvironmentPlan
    province: ProvinceSpec
    cloud: Cloud
    router_id: Input[str]
    defaults: HostDefaults


class AgencyComponent(ComponentResource):
    """A project of the agency's own, and in it all that its plan says."""

    def __init__(self, props: AgencyProps, opts: ResourceOptions | None = None) -> None:
        plan = props.plan
        super().__init__("hoaban:agency:Agency", plan.project, {}, opts)
        child = ResourceOptions(parent=self)
        labels = Labels.of(plan)
        self.project = ProjectComponent(
            ProjectProps(
                plan=plan,
                labels=labels,
                user_id=props.cloud.user_id,
                region=props.province.cloud.region,
                quota_floor=props.cloud.quota_floor,
            ),
            child,
        )
        self.tenant = TenantComponent(
            TenantProps(
                plan=plan,
                labels=labels,
                project=self.project,
                router_id=props.router_id,
                defaults=props.defaults,
                dns_servers=props.province.services.dns,
                object_storage=props.cloud.object_storage,
            ),
            child,
        )
        self.register_outputs({"project_id": self.project.project.id})
