"""The address plan as lists for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hoaban.model.allocation import label, retired
from hoaban.model.links import Circuit, site_name

if TYPE_CHECKING:
    from hoaban.model.addresses import Segment
    from hoaban.model.province import Province


def given_networks(province: Province, agency: str | None = None) -> list[Segment]:
    """All networks of the plan in order of address, or those of one agency."""
    if agency is not None:
        province.agency(agency)  # an error with near names when there is none
    segments = [one for one in province.addresses.segments() if agency in {None, one.owner}]
    return sorted(segments, key=lambda segment: segment.networks.ipv4)


def retired_entries(province: Province, agency: str | None = None) -> list[str]:
    """Names, as ``hoaban address release`` takes them, of what has left the inventory."""
    gone = retired(province.addresses.book, province.spec, province.agencies)
    return [label(key) for key in gone if agency in {None, key.owner}]


def circuits(province: Province, agency: str | None = None) -> list[dict[str, Any]]:
    """All circuits by site, as plain values; a site without one has one entry of blanks."""
    chosen = province.agencies if agency is None else {agency: province.agency(agency)}
    blank = dict.fromkeys(Circuit.model_fields)
    return [
        {"site": name, **(circuit.model_dump(mode="json") if circuit else blank)}
        for slug, spec in chosen.items()
        for name in (site_name(slug, site.slug) for site in spec.sites)
        for circuit in (*province.links.circuits.get(name, ()), None)
        if circuit or name not in province.links.circuits
    ]
