"""What the cloud tells about itself and about who deploys."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi_openstack import identity

OBJECT_STORAGE = "object-store"


@dataclass(frozen=True, slots=True)
class Cloud:
    """The deploying user, and the optional services that the catalog lists."""

    user_id: str
    object_storage: bool

    @classmethod
    def ask(cls) -> Cloud:
        """One call: a token carries its user and the catalog."""
        scope = identity.get_auth_scope(name="deployer")
        services = {service.type for service in scope.service_catalogs}
        return cls(user_id=scope.user_id, object_storage=OBJECT_STORAGE in services)
