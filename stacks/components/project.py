"""An OpenStack project with its quotas, and the way into it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi_openstack as openstack
from pulumi import (
    ComponentResource,
    InvokeOptions,
    InvokeOutputOptions,
    Output,
    ResourceOptions,
    RunError,
)
from pulumi_openstack import blockstorage, compute, identity, networking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.model.environment import EnvironmentPlan, Quota
    from stacks.components.labels import Labels

DEPLOYER_ROLE = "member"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectProps:
    """The project of a plan. ``user_id`` is who deploys; ``region`` None means the cloud's own.

    ``quota_floor`` are limits, by the properties' names, under which quotas may not fall yet.
    """

    plan: EnvironmentPlan
    labels: Labels
    user_id: str
    region: str | None = None
    quota_floor: Mapping[str, int] = field(default_factory=dict)


class ProjectComponent(ComponentResource):
    """A project, its quotas, and a provider that works inside it.

    The deploying user is given the least role that can make things in the project. The provider
    waits for that and for the quotas, and everything in the project waits for the provider.
    """

    def __init__(self, props: ProjectProps, opts: ResourceOptions | None = None) -> None:
        plan, name = props.plan, props.plan.project
        super().__init__("hoaban:components:Project", name, {}, opts)
        child = ResourceOptions(parent=self)
        self.project = identity.Project(
            name,
            name=name,
            description=plan.name.vi,
            tags=sorted([*props.labels.tags, f"level:{plan.security_level}"]),
            opts=child,
        )
        role = identity.get_role(name=DEPLOYER_ROLE, opts=InvokeOptions(parent=self))
        self.access = identity.RoleAssignment(
            f"{name}-deployer",
            project_id=self.project.id,
            user_id=props.user_id,
            role_id=role.id,
            opts=child,
        )
        self._floor = props.quota_floor
        self.quotas = self._quotas(name, plan.quota)
        self.provider = openstack.Provider(
            name,
            tenant_id=self.project.id,
            region=props.region,
            opts=ResourceOptions(parent=self, depends_on=[self.access, *self.quotas]),
        )
        scope = identity.get_auth_scope_output(
            name=name, opts=InvokeOutputOptions(parent=self, provider=self.provider)
        )
        # Neutron makes a project's group `default` when it is first asked for anything there, and
        # fails (500) where two requests come at once: so one comes first, alone.
        default_group = networking.get_sec_group_output(
            name="default",
            tenant_id=self.project.id,
            opts=InvokeOutputOptions(parent=self, provider=self.provider),
        )
        self.project_id: Output[str] = Output.all(
            self.project.id, scope.project_id, default_group.id
        ).apply(lambda known: require_scope(known[0], known[1]))
        """The project's identifier, once it is sure that the provider works inside it."""
        self.register_outputs({"project_id": self.project.id})

    def _limit(self, name: str, planned: int) -> int:
        return max(planned, self._floor.get(name, planned))

    def _quotas(
        self, name: str, quota: Quota
    ) -> tuple[compute.QuotaSetV2, blockstorage.QuoteSetV3, networking.QuotaV2]:
        child = ResourceOptions(parent=self)
        return (
            compute.QuotaSetV2(
                name,
                project_id=self.project.id,
                instances=self._limit("instances", quota.instances),
                cores=self._limit("cores", quota.cores),
                ram=self._limit("ram", quota.ram_mb),
                server_groups=self._limit("serverGroups", quota.server_groups),
                server_group_members=self._limit("serverGroupMembers", quota.server_group_members),
                opts=child,
            ),
            blockstorage.QuoteSetV3(
                name,
                project_id=self.project.id,
                volumes=self._limit("volumes", quota.volumes),
                gigabytes=self._limit("gigabytes", quota.gigabytes),
                opts=child,
            ),
            networking.QuotaV2(
                name,
                project_id=self.project.id,
                network=quota.networks,
                subnet=quota.subnets,
                port=quota.ports,
                security_group=quota.security_groups,
                security_group_rule=quota.security_group_rules,
                floatingip=quota.floating_ips,
                opts=child,
            ),
        )


def require_scope(project_id: str, scope_id: str) -> str:
    """The project's identifier when the provider is in that project; an error when it is not.

    The official plugin ignores a provider's ``tenant_id`` when a ``clouds.yaml`` entry is named
    (gophercloud/utils, terraform/auth): it would make everything in the deployer's own project.
    """
    if project_id != scope_id:
        raise RunError(
            f"the provider works in project {scope_id}, not in {project_id}; name the cloud by "
            f"OS_AUTH_URL, OS_USERNAME … and not by OS_CLOUD={os.environ.get('OS_CLOUD', '')}: "
            "see docs/stacks.md"
        )
    return project_id
