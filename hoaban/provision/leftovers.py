"""What a cloud leaves behind of a project that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.files import write_atomic
from hoaban.openstack.cloud import IDENTITY, NETWORK, Cloud

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hoaban.engine.api import Stack
    from hoaban.engine.embedded.state import Resource
    from hoaban.provision.target import Target

PROJECT = "openstack:identity/project:Project"


def projects_of(resources: Iterable[Resource]) -> set[str]:
    """Identifiers of the projects that a state holds; outputs may not have been exported yet."""
    return {one.id for one in resources if one.type == PROJECT and one.id}


def noted(target: Target) -> set[str]:
    """Projects of the target that are still to be swept."""
    file = _file(target)
    return set(file.read_text(encoding="utf-8").split()) if file.exists() else set()


def note(target: Target, projects: Iterable[str]) -> set[str]:
    """Keep what is to be swept, on top of what is noted: destroying takes it out of the state."""
    every = noted(target) | set(projects)
    if every:
        text = "".join(f"{project}\n" for project in sorted(every))
        target.workspace.ensure_home()
        write_atomic(_file(target), text.encode(), mode=0o600)
    return every


def forget(target: Target) -> None:
    """All that was noted is swept."""
    _file(target).unlink(missing_ok=True)


def _file(target: Target) -> Path:
    return target.workspace.home / "leftovers" / target.project / target.stack_name


def sweep(stack: Stack, project_id: str) -> list[str]:
    """Delete the security group that Neutron made by itself in the project; returns their ids.

    Each project gets a group ``default`` when it is first used. No stack owns it, it can't be
    deleted while the project lives, and Keystone's deletion of the project leaves it in Neutron.
    """
    cloud = Cloud({}, stack.environment)
    if cloud.find(IDENTITY, f"/projects/{project_id}") is not None:
        return []
    params = {"project_id": project_id, "name": "default"}
    groups = [
        one["id"]
        for one in cloud.pages(NETWORK, "/security-groups", "security_groups", params=params)
    ]
    for group in groups:
        cloud.request(NETWORK, "DELETE", f"/security-groups/{group}")
    return groups
