"""What the cloud tells about itself and about who deploys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pulumi_openstack import identity

if TYPE_CHECKING:
    from collections.abc import Mapping

OBJECT_STORAGE = "object-store"


@dataclass(frozen=True, slots=True)
class Cloud:
    """The deploying user, and the optional services that the catalog lists.

    ``quota_floor``: Nova and Cinder refuse a quota below what is in use, and engines change things
    before they delete any. So an update that deletes servers or volumes is run with the old quotas
    as a floor, and once more without.
    """

    user_id: str
    object_storage: bool
    quota_floor: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def ask(cls, quota_floor: Mapping[str, int] | None = None) -> Cloud:
        """One call: a token carries its user and the catalog."""
        scope = identity.get_auth_scope(name="deployer")
        services = {service.type for service in scope.service_catalogs}
        return cls(scope.user_id, OBJECT_STORAGE in services, quota_floor or {})
