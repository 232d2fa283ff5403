"""The same environment by plain calls of openstacksdk: what the engine is measured against.

It makes the objects of ``stacks/agency`` with the same names, descriptions, tags, metadata and user
data, and waits for the same states: a script as an engineer would write who knows the SDK and the
order of things. What it leaves out is what an engine is for: checks and a plan before, a state, a
way back after a crash.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stacks.components.labels import Labels
from stacks.components.project import DEPLOYER_ROLE
from tests.bench.tenant import Tenant, finish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hoaban.model.environment import EnvironmentPlan
    from tests.bench.tenant import Lent

THREADS = 16  # as many as the provider has requests under way


@dataclass(slots=True)
class Straight:
    """Makes one environment, and removes it.

    ``bulk``: lists of rules and of ports go as one call, which Neutron and the SDK offer; else
    every object is a call of its own, and its tags another.
    """

    cloud: Any  # a Connection of openstacksdk
    plan: EnvironmentPlan
    lent: Lent
    bulk: bool
    undo: list[Callable[[], Any]] = field(default_factory=list)

    def up(self) -> None:
        """Make everything of the plan; returns when servers run and volumes are in use."""
        with ThreadPoolExecutor(THREADS) as pool:
            inside = self._project(pool)
            Tenant(self.cloud, inside, self.plan, self.lent, pool, self.undo, self.bulk).make()

    def down(self) -> None:
        """Remove all that :meth:`up` made, last first."""
        while self.undo:
            self.undo.pop()()

    def _project(self, pool: ThreadPoolExecutor) -> Any:
        """Project, access to it, its quotas; returns a connection inside it."""
        identity = self.cloud.identity
        project = identity.create_project(
            name=self.plan.project,
            description=self.plan.name.vi,
            tags=Labels.of(self.plan).tags,
        )
        self.undo.append(lambda: self._remove_project(project.id))
        role = identity.find_role(DEPLOYER_ROLE, ignore_missing=False)
        user = self.cloud.current_user_id
        finish(
            pool.submit(identity.assign_project_role_to_user, project, user, role),
            *(pool.submit(set_) for set_ in self._quotas(project.id)),
        )
        inside = self.cloud.connect_as(project_id=project.id, project_name=None)
        # Neutron makes the project's default group at its first request, and fails where two come.
        list(inside.network.security_groups(name="default"))
        return inside

    def _quotas(self, project_id: str) -> Iterable[Callable[[], Any]]:
        quota, cloud = self.plan.quota, self.cloud
        yield lambda: cloud.compute.update_quota_set(
            project_id,
            instances=quota.instances,
            cores=quota.cores,
            ram=quota.ram_mb,
            server_groups=quota.server_groups,
            server_group_members=quota.server_group_members,
        )
        yield lambda: cloud.block_storage.update_quota_set(
            project_id, volumes=quota.volumes, gigabytes=quota.gigabytes
        )
        yield lambda: cloud.network.update_quota(
            project_id,
            networks=quota.networks,
            subnets=quota.subnets,
            ports=quota.ports,
            security_groups=quota.security_groups,
            security_group_rules=quota.security_group_rules,
            floating_ips=quota.floating_ips,
        )

    def _remove_project(self, project_id: str) -> None:
        self.cloud.identity.delete_project(project_id)
        # Keystone's deletion leaves the group that Neutron made by itself.
        for group in self.cloud.network.security_groups(project_id=project_id):
            self.cloud.network.delete_security_group(group)
