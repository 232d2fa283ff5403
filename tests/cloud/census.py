"""What a cloud holds of one province: others may use the same cloud at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openstack.connection import Connection


class Census:
    """Counts the objects of the province ``slug``, whose name must be no other's.

    An object is the province's by its project (also one that is gone by now), name or tag.
    """

    def __init__(self, cloud: Connection, slug: str) -> None:
        self._cloud = cloud
        self._slug = slug
        self._projects: set[str] = set()

    def take(self) -> dict[str, set[str]]:
        """Ids by kind; kinds of which there is none are left out."""
        known = everything(self._cloud)
        projects = list(known.pop("projects"))
        ours = {one.id for one in projects if one.name.startswith(self._slug)}
        self._projects |= ours
        found = {kind: {one.id for one in all_ if self._ours(one)} for kind, all_ in known.items()}
        found |= {"projects": ours, "containers": self._containers()}
        return {kind: ids for kind, ids in found.items() if ids}

    def _containers(self) -> set[str]:
        """Object containers, which are listed a project at a time."""
        store = self._cloud.object_store
        anyones = store.get_endpoint().removesuffix(self._cloud.current_project_id)
        return {
            f"{project}/{container['name']}"
            for project in self._projects
            for container in store.get(f"{anyones}{project}?format=json").json()
        }

    def _ours(self, one: Any) -> bool:
        tags = getattr(one, "tags", None) or ()
        return (
            getattr(one, "project_id", None) in self._projects
            or self._slug in (getattr(one, "name", None) or "")
            or f"province:{self._slug}" in tags
        )


def everything(cloud: Any) -> dict[str, Any]:
    """Every object of the cloud that a stack could have made, by kind."""
    return {
        "projects": cloud.identity.projects(),
        "networks": cloud.network.networks(),
        "subnets": cloud.network.subnets(),
        "routers": cloud.network.routers(),
        "ports": cloud.network.ports(),
        "security groups": cloud.network.security_groups(),
        "security group rules": cloud.network.security_group_rules(),
        "floating IPs": cloud.network.ips(),
        "servers": cloud.compute.servers(all_projects=True),
        "server groups": cloud.compute.server_groups(all_projects=True),
        "flavors": cloud.compute.flavors(is_public=None),
        "key pairs": cloud.compute.keypairs(),
        "volumes": cloud.block_storage.volumes(all_projects=True),
        "images": cloud.image.images(),
    }
