"""What a stack would export once it is built, and the state file that holds it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from hoaban.model.outputs import (
    HostOutput,
    HostSettings,
    NetworkOutput,
    ProvinceResources,
    StackOutputs,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.model.environment import EnvironmentPlan

FLOATING_IP = "203.0.113.10"


def export(
    plan: EnvironmentPlan,
    *,
    settings: HostSettings | None = None,
    province: ProvinceResources | None = None,
) -> StackOutputs:
    """What a stack would export once everything of a plan is built."""
    return StackOutputs(
        environment=plan,
        project_id=identifier(plan.project),
        networks={
            net.name: NetworkOutput(
                network_id=identifier(net.name),
                subnet_ipv4_id=identifier(net.name, "4"),
                subnet_ipv6_id=identifier(net.name, "6"),
            )
            for net in plan.networks
        },
        hosts={
            host.name: HostOutput(
                server_id=identifier(host.name),
                port_id=identifier(host.name, "port"),
                floating_ip=FLOATING_IP if host.floating_ip else None,
                volume_ids={volume.name: identifier(volume.name) for volume in host.volumes},
                offline_ids={
                    volume.name: identifier(volume.name)
                    for volume in (host.offline.volumes if host.offline else ())
                },
            )
            for host in plan.hosts
        },
        province=province,
        settings=settings,
    )


def identifier(*parts: str) -> str:
    """An identifier as a cloud gives them, the same for the same parts."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, ".".join(parts)))


def write_checkpoint(backend: Path, project: str, stack: str, outputs: StackOutputs) -> Path:
    """A checkpoint of the file backend that holds a stack with these outputs."""
    urn = f"urn:pulumi:{stack}::{project}::pulumi:pulumi:Stack::{project}-{stack}"
    body = {
        "stack": f"organization/{project}/{stack}",
        "latest": {
            "manifest": {"time": "2026-11-22T10:00:00Z", "magic": "", "version": "v3.259.0"},
            "resources": [
                {
                    "urn": urn,
                    "custom": False,
                    "type": "pulumi:pulumi:Stack",
                    "outputs": outputs.model_dump(mode="json"),
                }
            ],
            "metadata": {},
        },
    }
    file = backend / ".pulumi" / "stacks" / project / f"{stack}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": 3, "checkpoint": body}, ensure_ascii=False))
    history = backend / ".pulumi" / "history" / project / stack
    history.mkdir(parents=True, exist_ok=True)
    (history / f"{stack}-{len(list(history.iterdir())) + 1}.history.json").write_text("{}")
    return file
