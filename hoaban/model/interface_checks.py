"""What must hold between interfaces that are offered and interfaces that are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hoaban.model.exchange import CENTRE, Interfaces, Sharing
from hoaban.model.faults import fault, repeated
from hoaban.model.problems import listed, near

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hoaban.errors import HoabanError
    from hoaban.model.document import Document, KeyPath
    from hoaban.model.exchange import Interface, Use
    from hoaban.model.files import Files

KEY: Final = "interfaces"
CENTRE_KEY: Final = "centre_interfaces"


@dataclass(frozen=True, slots=True)
class Party:
    """An agency or the centre: what it says of interfaces, and where."""

    slug: str
    document: Document
    path: KeyPath
    interfaces: Interfaces
    systems: frozenset[str] | None
    """Its systems; None for the centre, whose systems are not ours to know."""

    @property
    def file(self) -> str:
        """The file where it says so."""
        return self.document.name.rpartition("/")[2]


def parties_of(files: Files) -> dict[str, Party]:
    """The centre and all agencies by slug."""
    province = files.province
    centre = province.value.centre_interfaces
    found = {CENTRE: Party(CENTRE, province.document, (CENTRE_KEY,), centre, None)}
    for slug, source in files.agencies.items():
        systems = frozenset(system.slug for system in source.value.systems)
        found[slug] = Party(slug, source.document, (KEY,), source.value.interfaces, systems)
    return found


def check_interfaces(files: Files) -> Iterator[HoabanError]:
    """Faults of what one side says, and of what the other side doesn't."""
    parties = parties_of(files)
    for party in parties.values():
        yield from _twice(party)
        for position, offer in enumerate(party.interfaces.offers):
            path = (*party.path, "offers", position)
            yield from _system(party, path, offer.system)
            yield from _offered(files, parties, party, path, offer)
        for position, use in enumerate(party.interfaces.uses):
            path = (*party.path, "uses", position)
            yield from _system(party, path, use.system)
            yield from _used(files, parties, party, path, use)


def _twice(party: Party) -> Iterator[HoabanError]:
    offers = [f"{offer.slug} {offer.version}" for offer in party.interfaces.offers]
    for position in repeated(offers):
        yield fault(
            party.document,
            (*party.path, "offers", position),
            f"the interface `{offers[position]}` is offered twice",
            "give each version of an interface one entry",
        )
    uses = [(u.agency, u.interface, u.version, u.system) for u in party.interfaces.uses]
    for position in repeated(uses):
        yield fault(
            party.document,
            (*party.path, "uses", position),
            f"the use of `{uses[position][1]}` by `{uses[position][3]}` is there twice",
            "keep the entry that holds",
        )


def _system(party: Party, path: KeyPath, system: str) -> Iterator[HoabanError]:
    if party.systems is not None and system not in party.systems:
        yield fault(
            party.document,
            (*path, "system"),
            f"`{party.slug}` has no system `{system}`",
            near(system, party.systems) or f"it has {listed(party.systems) or 'none'}",
        )


def _offered(
    files: Files, parties: Mapping[str, Party], party: Party, path: KeyPath, offer: Interface
) -> Iterator[HoabanError]:
    if offer.sharing is Sharing.PRIVATE and offer.to:
        yield fault(
            party.document,
            (*path, "sharing"),
            f"`{offer.slug}` has private data, which are for `{party.slug}` alone, and is offered "
            f"to {listed(offer.to)}",
            "write `sharing: common` if the law lets others have them, or take `to` out",
        )
    for position in repeated(offer.to):
        what = f"`{offer.to[position]}` is there twice"
        yield fault(party.document, (*path, "to", position), what, "delete the line")
    for position, slug in enumerate(offer.to):
        place = (*path, "to", position)
        if slug in files.broken:
            continue
        if slug == party.slug or slug not in parties:
            yield _nobody(parties, party, place, slug)
        elif not any(parties[slug].interfaces.uses_of(party.slug, offer)):
            yield fault(
                party.document,
                place,
                f"`{slug}` is offered `{offer.slug}` {offer.version} and does not say that it "
                "uses it",
                f"add it in {parties[slug].file} under `{parties[slug].path[0]}.uses`, with its "
                "ground and its last day, or take the line out",
            )


def _nobody(parties: Mapping[str, Party], party: Party, path: KeyPath, slug: str) -> HoabanError:
    if slug == party.slug:
        what, mend = f"`{slug}` is the agency itself", "name another one"
    else:
        what = f"unknown agency `{slug}`"
        mend = near(slug, parties) or "add its file under agencies/"
    return fault(party.document, path, what, mend)


def _used(
    files: Files, parties: Mapping[str, Party], party: Party, path: KeyPath, use: Use
) -> Iterator[HoabanError]:
    if use.agency in files.broken:
        return
    if use.agency == party.slug or use.agency not in parties:
        yield _nobody(parties, party, (*path, "agency"), use.agency)
        return
    provider = parties[use.agency]
    offer = provider.interfaces.offer(use.interface, use.version)
    where = f"in {provider.file} under `{provider.path[0]}.offers`"
    if offer is None:
        there = {o.slug: o.version for o in provider.interfaces.offers}
        versions = [o.version for o in provider.interfaces.offers if o.slug == use.interface]
        guess = f"it offers {listed(versions)}" if versions else near(use.interface, there)
        yield fault(
            party.document,
            (*path, "version" if versions else "interface"),
            f"`{use.agency}` offers no interface `{use.interface}` {use.version}",
            guess or f"have it added {where}, or take this out",
        )
    elif offer.sharing is not Sharing.OPEN and party.slug not in offer.to:
        yield fault(
            party.document,
            (*path, "agency"),
            f"`{use.agency}` does not offer `{use.interface}` {use.version} to `{party.slug}`",
            f"have `{party.slug}` added to its `to` {where}, or take this out",
        )
