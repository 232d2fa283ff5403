"""``inventory/links.yml``: the circuits of offices, and tunnels straight from office to office."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from hoaban.model.types import (
    ENDPOINT_PATTERN,
    SITE_PATTERN,
    TUNNEL_PATTERN,
    Model,
    PortNumber,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SiteName = Annotated[str, StringConstraints(pattern=SITE_PATTERN, max_length=65)]
"""An office as ``<agency>/<site>``."""
Mbps = Annotated[int, Field(gt=0, le=100_000)]


class LinkKind(StrEnum):
    """How a site is connected to the centre."""

    TSLCD = "tslcd"
    """The dedicated data-transmission network of Party and State bodies."""
    LEASED_LINE = "leased-line"
    INTERNET = "internet"
    MOBILE = "mobile"


class LinkRole(StrEnum):
    """Which of a site's circuits carries its traffic."""

    PRIMARY = "primary"
    BACKUP = "backup"


class ServiceLevel(Model):
    """What the provider has promised, over a month."""

    availability: Annotated[float, Field(gt=0, le=100)]
    """Share of the time in which the circuit works, in per cent."""
    latency_ms: Annotated[float, Field(gt=0, le=5000)]
    """Longest round trip to the centre, in milliseconds, on average."""
    loss: Annotated[float, Field(ge=0, le=100)]
    """Packets that may be lost, in per cent."""


class Circuit(Model):
    """A circuit of a site, as it was contracted."""

    role: LinkRole = LinkRole.PRIMARY
    provider: str
    circuit: Annotated[str, StringConstraints(min_length=1)] | None = None
    """The provider's own number of it, to be named when it is reported as down."""
    kind: LinkKind
    down_mbps: Mbps
    """Contracted bandwidth towards the site."""
    up_mbps: Mbps
    """Contracted bandwidth from the site."""
    sla: ServiceLevel | None = None
    monitor: IPv4Address | IPv6Address | None = None
    """Address beyond the circuit that answers echo requests; the office's router if absent."""


class DirectEnd(Model):
    """An end of a direct tunnel."""

    endpoint: Annotated[str, StringConstraints(pattern=ENDPOINT_PATTERN)] | None = None
    """Address and UDP port at which the other end finds this one; absent where it can't."""


class DirectFlow(Model):
    """What one end of a direct tunnel may start towards the other; nothing else passes."""

    source: SiteName
    target: SiteName
    protocol: Literal["tcp", "udp", "icmp"] = "tcp"
    ports: list[PortNumber] = []
    """Ports of the target's network; none for ICMP."""


class DirectTunnel(Model):
    """A tunnel between two offices that exchange data, past the centre."""

    name: Annotated[str, StringConstraints(pattern=TUNNEL_PATTERN)]
    """At most 10 characters: the interface is called ``wg-d-<name>``."""
    reason: Text
    ends: Annotated[dict[SiteName, DirectEnd], Field(min_length=2, max_length=2)]
    flows: Annotated[list[DirectFlow], Field(min_length=1)]


class Links(Model):
    """``inventory/links.yml``. A site that is not mentioned has no circuit yet."""

    circuits: dict[SiteName, Annotated[list[Circuit], Field(min_length=1)]] = {}
    direct: list[DirectTunnel] = []

    def primary(self, site: str) -> Circuit | None:
        """The circuit that carries a site's traffic; None where it has none yet."""
        return next((c for c in self.circuits.get(site, ()) if c.role is LinkRole.PRIMARY), None)


def named(site: str, circuits: Iterable[Circuit]) -> Iterator[tuple[str, Circuit]]:
    """Circuits of a site with the names under which they are measured.

    ``<agency>/<site>/<role>``, with a number from the second backup on.
    """
    backups = 0
    for circuit in circuits:
        link = f"{site}/{circuit.role}"
        if circuit.role is LinkRole.BACKUP:
            backups += 1
            link += f"-{backups}" if backups > 1 else ""
        yield link, circuit


def site_name(agency: str, site: str) -> str:
    """The name of an office in these files and on the command line."""
    return f"{agency}/{site}"
