"""What must hold between ``links.yml`` and the agencies' files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model.faults import fault, repeated, unique
from hoaban.model.links import LinkRole, site_name
from hoaban.model.problems import listed, near

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.errors import HoabanError
    from hoaban.model.document import Document, KeyPath
    from hoaban.model.files import Files
    from hoaban.model.links import DirectTunnel, Links


def check_links(files: Files) -> Iterator[HoabanError]:
    """Faults of circuits and of direct tunnels."""
    if files.links is None:
        return
    document, links = files.links.document, files.links.value
    sites = {
        site_name(slug, site.slug)
        for slug, agency in files.specs().items()
        for site in agency.sites
    }
    for site in links.circuits:
        yield from _known(files, sites, site, ("circuits", site))
        yield from _primary(document, links, site)
    yield from _numbers(document, links)
    names = [tunnel.name for tunnel in links.direct]
    yield from unique(document, ("direct",), names, "name", "tunnel")
    for position, tunnel in enumerate(links.direct):
        path = ("direct", position)
        for site in tunnel.ends:
            yield from _known(files, sites, site, (*path, "ends", site))
        yield from _tunnel(document, tunnel, path)


def _known(files: Files, sites: set[str], site: str, path: KeyPath) -> Iterator[HoabanError]:
    agency = site.partition("/")[0]
    if site in sites or agency in files.broken or files.links is None:
        return
    own = [one for one in sites if one.startswith(f"{agency}/")]
    yield fault(
        files.links.document,
        path,
        f"there is no site `{site}`",
        near(site, sites)
        or (f"sites of that agency: {listed(own)}" if own else "")
        or f"delete it here, or add the site to {agency}'s file",
    )


def _primary(document: Document, links: Links, site: str) -> Iterator[HoabanError]:
    roles = [circuit.role for circuit in links.circuits[site]]
    count = roles.count(LinkRole.PRIMARY)
    if count != 1:
        yield fault(
            document,
            ("circuits", site),
            f"{count} circuits of {site} are `primary`, but one carries its traffic",
            "write `role: primary` at one of them and `role: backup` at the others",
        )


def _numbers(document: Document, links: Links) -> Iterator[HoabanError]:
    places: list[KeyPath] = []
    numbers: list[tuple[str, str]] = []
    for site, circuits in links.circuits.items():
        for position, circuit in enumerate(circuits):
            if circuit.circuit is not None:
                places.append(("circuits", site, position, "circuit"))
                numbers.append((circuit.provider, circuit.circuit))
    for again, first in repeated(numbers).items():
        provider, number = numbers[again]
        yield fault(
            document,
            places[again],
            f"{provider}'s circuit {number} is that of {places[first][1]} already",
            "take each circuit's number from its contract",
        )


def _tunnel(document: Document, tunnel: DirectTunnel, path: KeyPath) -> Iterator[HoabanError]:
    if not any(end.endpoint for end in tunnel.ends.values()):
        yield fault(
            document,
            (*path, "ends"),
            f"neither end of the tunnel `{tunnel.name}` can be found by the other",
            "give one of them an endpoint, such as {endpoint: '203.0.113.7:51830'}",
        )
    for position, flow in enumerate(tunnel.flows):
        here = (*path, "flows", position)
        for key, site in (("source", flow.source), ("target", flow.target)):
            if site not in tunnel.ends:
                yield fault(
                    document,
                    (*here, key),
                    f"`{site}` is no end of the tunnel `{tunnel.name}`",
                    f"its ends are {listed(tunnel.ends)}",
                )
        if flow.source == flow.target:
            yield fault(
                document, (*here, "target"), "source and target are one", "name the other end"
            )
        if flow.protocol == "icmp" and flow.ports:
            yield fault(document, (*here, "ports"), "icmp has no ports", "delete them")
        if flow.protocol != "icmp" and not flow.ports:
            yield fault(
                document,
                (*here, "ports"),
                f"{flow.protocol} without ports would be all ports",
                "list the ports that are needed",
            )
