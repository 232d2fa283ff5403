"""What both programs do: read the inventory, tell errors plainly, export the outputs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pulumi

from hoaban.errors import HoabanError
from hoaban.model.outputs import SCHEMA_VERSION, StackOutputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hoaban.model.environment import EnvironmentPlan
    from hoaban.model.province import Province
    from hoaban.workspace import Workspace
    from stacks.components.project import ProjectComponent
    from stacks.components.tenant import TenantComponent

DEPLOY_KEY = "deploy.pub"


@contextmanager
def plain_errors() -> Iterator[None]:
    """Let the engine show what is wrong and how to mend it, without a traceback."""
    try:
        yield
    except HoabanError as error:
        raise pulumi.RunError(str(error)) from error


def deploy_key(workspace: Workspace) -> str:
    """Public half of the key by which Ansible logs in."""
    path = workspace.keys / DEPLOY_KEY
    if not path.is_file():
        raise HoabanError(
            f"there is no deploy key at {path}",
            mend=f"make one: ssh-keygen -t ed25519 -N '' -f {path.with_suffix('')}",
        )
    return path.read_text(encoding="utf-8").strip()


def outputs_of(
    plan: EnvironmentPlan,
    province: Province,
    project: ProjectComponent,
    tenant: TenantComponent,
    resources: Mapping[str, pulumi.Input[object]] | None = None,
) -> dict[str, pulumi.Input[object]]:
    """Every field of :class:`~hoaban.model.outputs.StackOutputs`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "environment": plan.model_dump(mode="json"),
        "project_id": project.project_id,
        "networks": {zone: network.identifiers for zone, network in tenant.networks.items()},
        "hosts": {name: host.identifiers for name, host in tenant.hosts.items()},
        "container_names": [container.name for container in tenant.containers.containers],
        "unavailable_containers": tenant.containers.unavailable,
        "province": resources,
        "settings": province.settings().model_dump(mode="json"),
    }


def export(outputs: Mapping[str, pulumi.Input[object]]) -> None:
    """Export outputs; the two sides of the contract must name the same fields."""
    if set(outputs) != set(StackOutputs.model_fields):
        raise AssertionError(f"not the fields of StackOutputs: {sorted(outputs)}")
    for name, value in outputs.items():
        pulumi.export(name, value)
