"""Interfaces between agencies, as data: who offers which, who uses it, on what ground, how long.

Both sides say it, each in its own file. Names follow X-Road (PR-REST): a client and a service are
``INSTANCE/CLASS/MEMBER/SUBSYSTEM`` and the same with the service's code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import StringConstraints

from hoaban.model.types import DOCUMENT_PATTERN, VERSION_PATTERN, Model, Slug, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CENTRE: Final = "centre"
"""What files call the systems of the Government and the ministries."""
MEMBER_CLASS: Final = "GOV"
SOON: Final = timedelta(days=60)
"""An agreement that ends within this time is told."""

Version = Annotated[str, StringConstraints(pattern=VERSION_PATTERN)]


class Sharing(StrEnum):
    """Kinds of data by who may have them (Law on Data 60/2024/QH15, article 3)."""

    OPEN = "open"
    """dữ liệu mở: whoever needs them."""
    COMMON = "common"
    """dữ liệu dùng chung: agencies of the state."""
    PRIVATE = "private"
    """dữ liệu dùng riêng: nobody but the agency itself."""


class Interface(Model):
    """An interface that an agency offers."""

    slug: Slug
    version: Version
    name: Text
    system: Slug
    """The agency's system that answers, in its first tier."""
    document: Annotated[str, StringConstraints(pattern=DOCUMENT_PATTERN)]
    """The OpenAPI document, a path below ``inventory/``."""
    sharing: Sharing = Sharing.COMMON
    to: list[Slug] = []
    """Agencies that may use it, or ``centre``. Open data are for all that say they use them."""


class Use(Model):
    """An interface of somebody else that an agency uses."""

    agency: Slug
    """Who offers it; ``centre`` for the Government and the ministries."""
    interface: Slug
    version: Version
    system: Slug
    """The agency's own system that asks."""
    ground: Text
    """The provision or decision by which the data may be had."""
    until: date
    """Last day on which they may."""


class Interfaces(Model):
    """What an agency offers to others, and uses of them."""

    offers: list[Interface] = []
    uses: list[Use] = []

    def offer(self, slug: str, version: str) -> Interface | None:
        """The interface of this name and version, if it is offered."""
        return next((o for o in self.offers if (o.slug, o.version) == (slug, version)), None)

    def uses_of(self, agency: str, offer: Interface) -> Iterator[Use]:
        """What is used of an agency's interface, by whichever systems."""
        wanted = (agency, offer.slug, offer.version)
        for use in self.uses:
            if (use.agency, use.interface, use.version) == wanted:
                yield use


class State(StrEnum):
    """How an agreement stands on a day."""

    VALID = "valid"
    ENDS_SOON = "ends soon"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Agreement:
    """One interface in use: the offer and the use that agree."""

    instance: str
    """Slug of the province, X-Road's instance."""
    provider: str
    consumer: str
    offer: Interface
    use: Use

    @property
    def service_id(self) -> str:
        """X-Road's identifier of the service; REST has no place for a version but its code."""
        code = f"{self.offer.slug}-{self.offer.version}"
        return f"{self.instance}/{MEMBER_CLASS}/{self.provider}/{self.offer.system}/{code}"

    @property
    def client_id(self) -> str:
        """X-Road's identifier of who asks."""
        return f"{self.instance}/{MEMBER_CLASS}/{self.consumer}/{self.use.system}"

    def state(self, today: date) -> State:
        """How it stands."""
        if today > self.use.until:
            return State.ENDED
        return State.ENDS_SOON if today + SOON >= self.use.until else State.VALID


def agreements(instance: str, parties: Mapping[str, Interfaces]) -> list[Agreement]:
    """All interfaces in use, by provider, interface, version and consumer."""
    return [
        Agreement(instance, provider, consumer, offer, use)
        for provider, theirs in sorted(parties.items())
        for offer in sorted(theirs.offers, key=lambda one: (one.slug, one.version))
        for consumer, ours in sorted(parties.items())
        for use in ours.uses_of(provider, offer)
    ]
