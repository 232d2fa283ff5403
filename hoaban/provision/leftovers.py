"""What a cloud leaves behind of a project that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.openstack.cloud import IDENTITY, NETWORK, Cloud

if TYPE_CHECKING:
    from hoaban.engine.api import Stack


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
