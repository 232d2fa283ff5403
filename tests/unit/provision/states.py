"""Checkpoints and journals as an engine leaves them, without an engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoaban.engine.embedded.backend import Backend, StackName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.provision import Target

ROOT, PROVIDER = "pulumi:pulumi:Stack", "pulumi:providers:openstack"
SERVER = "openstack:compute/instance:Instance"
PROJECT = "openstack:identity/project:Project"


def resource(type_: str, id_: str = "", **more: Any) -> dict[str, Any]:
    """A resource in the checkpoint's words; with an id it is one of a provider."""
    body = {"urn": f"urn:pulumi:a::agency::{type_}::it", "type": type_, "custom": bool(id_)}
    return {**body, **({"id": id_} if id_ else {}), **more}


def write_state(
    target: Target, *resources: dict[str, Any], pending: Sequence[dict[str, Any]] = ()
) -> Path:
    """Write a checkpoint of a target's stack."""
    backend, name = Backend(target.workspace.backend), StackName(target.project, target.stack_name)
    backend.ensure()
    file = Path(backend.where(name))
    file.parent.mkdir(parents=True, exist_ok=True)
    latest = {"resources": resources, "pending_operations": pending}
    file.write_text(
        json.dumps({"version": 3, "checkpoint": {"stack": str(name), "latest": latest}})
    )
    return file


def write_journal(target: Target, base: str, *changes: dict[str, Any]) -> Path:
    """Write what an interrupted operation leaves."""
    backend, name = Backend(target.workspace.backend), StackName(target.project, target.stack_name)
    file = backend.storage.path(backend.journal_key(name))
    file.parent.mkdir(parents=True, exist_ok=True)
    head = {"begin": {"stack": str(name), "base": base, "registered": 0}}
    file.write_text("".join(json.dumps(line) + "\n" for line in (head, *changes)))
    return file
