"""A province whose files are valid and whose addresses are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError
from hoaban.model import drills, exchange, planning
from hoaban.model.addresses import AddressPlan
from hoaban.model.centre import centre_link
from hoaban.model.facts import Facts, both
from hoaban.model.ledger import Book, Ledger
from hoaban.model.links import Links
from hoaban.model.outputs import HostSettings
from hoaban.model.problems import listed, near
from hoaban.model.spec import AgencySpec, ProvinceService, ProvinceSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.model.environment import EnvironmentPlan
    from hoaban.model.exchange import Agreement, Interfaces


@dataclass(frozen=True)
class Province:
    """What the inventory says, and the plans that follow from it."""

    spec: ProvinceSpec
    agencies: Mapping[str, AgencySpec]
    """By slug, in alphabetical order."""
    ledger: Ledger
    links: Links = field(default_factory=Links)

    @cached_property
    def addresses(self) -> AddressPlan:
        """Every network and address."""
        return AddressPlan(self.spec.pools, Book.open(self.ledger))

    @cached_property
    def _facts(self) -> Facts:
        return Facts(self.spec, self.agencies, self.addresses, self.links)

    @cached_property
    def parties(self) -> Mapping[str, Interfaces]:
        """What the centre and each agency say of interfaces."""
        agencies = {slug: agency.interfaces for slug, agency in self.agencies.items()}
        return {exchange.CENTRE: self.spec.centre_interfaces, **agencies}

    @cached_property
    def agreements(self) -> list[Agreement]:
        """Who uses which interface of whom; both sides say so."""
        return exchange.agreements(self.spec.slug, self.parties)

    def foundation(self) -> EnvironmentPlan:
        """The province's own environment, on which the agencies' stand."""
        return planning.foundation(self._facts)

    def environment(self, slug: str) -> EnvironmentPlan:
        """The environment of an agency; an error with near names when there is no such agency."""
        return planning.environment(self._facts, self.agency(slug))

    def drill(self, slug: str, host: str) -> EnvironmentPlan:
        """The environment in which a restore of one host is tried, of an agency or the province."""
        plan = self.foundation() if slug == drills.PROVINCE else self.environment(slug)
        return drills.drill(self._facts, plan, host)

    def agency(self, slug: str) -> AgencySpec:
        """The agency of that slug."""
        if slug in self.agencies:
            return self.agencies[slug]
        has = listed(self.agencies) if self.agencies else "no agencies yet"
        raise HoabanError(
            f"there is no agency `{slug}` in {self.spec.name.en}",
            mend=near(slug, self.agencies) or f"the province has {has}; add one: hoaban new {slug}",
        )

    def settings(self) -> HostSettings:
        """What every host is configured with."""
        services = self.spec.services
        return HostSettings(
            domain=self.spec.domain,
            timezone=self.spec.timezone,
            operators=list(self.spec.operators),
            ntp_servers=both(self._facts.serving(ProvinceService.TIME)),
            ntp_upstream=list(services.ntp_upstream),
            dns_servers=list(services.dns),
            mirror=services.mirror,
            centre=centre_link(self._facts),
            sealed_to=list(self.spec.sealed_to),
        )
