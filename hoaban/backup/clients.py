"""Whose backups were promised, and by which policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError
from hoaban.model.drills import PROVINCE
from hoaban.model.spec import ProvinceService

if TYPE_CHECKING:
    from hoaban.inventory.fleet import Fleet, ManagedHost
    from hoaban.model.spec import Backup


@dataclass(frozen=True, slots=True)
class Client:
    """A host whose data the province keeps, and the policy for it."""

    host: ManagedHost
    policy: Backup

    @property
    def name(self) -> str:
        """Name of the host."""
        return self.host.name

    @property
    def agency(self) -> str:
        """Slug of the host's agency; ``province`` for a host of the province's own."""
        return self.host.environment.agency or PROVINCE

    @property
    def rpo(self) -> timedelta:
        """How old the newest snapshot may be."""
        return timedelta(hours=self.policy.rpo_hours)

    @property
    def rto(self) -> timedelta:
        """How long a restore may take."""
        return timedelta(hours=self.policy.rto_hours)

    @property
    def interval(self) -> timedelta:
        """How old the last proven drill may be."""
        return timedelta(days=self.policy.drill_days)


def client_of(host: ManagedHost) -> Client | None:
    """A host as a client; None when no backup of it was promised, as of the backup host itself."""
    if host.plan.backup is None or ProvinceService.BACKUP_HOST in host.plan.services:
        return None
    return Client(host, host.plan.backup)


def clients(fleet: Fleet, name: str | None = None) -> list[Client]:
    """The clients of an agency, one host as a client, or all of them; an error when there is none.

    ``name`` is an agency's slug, ``province`` or a host's name.
    """
    if name is None:
        hosts = list(fleet.hosts.values())
    elif name == PROVINCE:
        hosts = fleet.hosts_of(None)
    elif any(state.outputs.environment.agency == name for state in fleet.states):
        hosts = fleet.hosts_of(name)
    else:
        hosts = [fleet.host(name)]
    found = [client for host in hosts if (client := client_of(host)) is not None]
    if not found:
        whose = name or "any agency that is provisioned"
        raise HoabanError(
            f"no backup was promised of {whose}",
            mend="say `backup:` of a system in the agency's file, with rpo_hours and rto_hours; "
            "then hoaban up",
        )
    return found
