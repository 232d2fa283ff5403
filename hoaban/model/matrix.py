"""The segmentation matrix: who may start flows to which system, written once.

Security groups, packet filters, the forward chain of VPN hubs and WireGuard's AllowedIPs are all
worked out from these lines, so that none of them can know of a flow that the others don't.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from hoaban.model.systems import first_tier
from hoaban.model.types import Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.model.spec import AgencySpec, System
    from hoaban.model.types import Zone


class Users(NamedTuple):
    """Who: everybody, the networks of the central Government, or an agency."""

    kind: Literal["everybody", "centre", "agency"]
    agency: str = ""


EVERYBODY = Users("everybody")
CENTRE = Users("centre")


@dataclass(frozen=True, slots=True)
class Service:
    """What users reach of a system: the ports of its first tier."""

    owner: str
    """Slug of the agency that has the system."""
    system: System

    @property
    def key(self) -> tuple[str, str]:
        """Owner and system."""
        return self.owner, self.system.slug

    @property
    def zone(self) -> Zone:
        """The tier that is reached."""
        return first_tier(self.system)

    @property
    def ports(self) -> Mapping[Protocol, list[int]]:
        """Ports by protocol, in order."""
        found: dict[Protocol, set[int]] = defaultdict(set)
        for port in self.system.tiers[self.zone].ports:
            found[port.protocol].add(port.port)
        return {protocol: sorted(found[protocol]) for protocol in Protocol if found[protocol]}


class Line(NamedTuple):
    """Some users may start flows to a service."""

    users: Users
    service: Service


@dataclass(frozen=True)
class Matrix:
    """All lines, by owner and system in the order of the files."""

    lines: Sequence[Line]

    @classmethod
    def of(cls, agencies: Mapping[str, AgencySpec]) -> Matrix:
        """The matrix that the agencies' files come to."""
        services = [
            Service(slug, system) for slug in sorted(agencies) for system in agencies[slug].systems
        ]
        return cls([Line(users, service) for service in services for users in _users(service)])

    @cached_property
    def services(self) -> Mapping[tuple[str, str], tuple[Service, list[Users]]]:
        """Services that anybody may use, by owner and system, with all their users."""
        found: dict[tuple[str, str], tuple[Service, list[Users]]] = {}
        for users, service in self.lines:
            found.setdefault(service.key, (service, []))[1].append(users)
        return found

    @cached_property
    def _by_user(self) -> Mapping[Users, list[Service]]:
        found: dict[Users, list[Service]] = defaultdict(list)
        for users, service in self.lines:
            found[users].append(service)
        return found

    def users_of(self, owner: str, system: str) -> list[Users]:
        """Who may use a system; everybody alone where that is so, since it includes all others."""
        _, users = self.services.get((owner, system), (None, []))
        return [EVERYBODY] if EVERYBODY in users else users

    def named(self, users: Users) -> list[Service]:
        """Services that name these users, not those for everybody; an agency's own ones first."""
        found = self._by_user.get(users, [])
        return sorted(found, key=lambda service: service.owner != users.agency)

    def open_to(self, agency: str) -> list[Service]:
        """What people in an agency's offices may use: what names the agency, and what is public."""
        found = [*self.named(Users("agency", agency)), *self.named(EVERYBODY)]
        return list({service.key: service for service in found}.values())


def _users(service: Service) -> list[Users]:
    exposure, owner = service.system.exposure, service.owner
    agencies = [owner] if exposure.own_agency else []
    agencies += [slug for slug in dict.fromkeys(exposure.agencies) if slug != owner]
    return [
        *([EVERYBODY] if exposure.public else ()),
        *(Users("agency", slug) for slug in agencies),
        *([CENTRE] if exposure.centre else ()),
    ]
