"""Configurations of offices' routers, as a technician types them in."""

from __future__ import annotations

import io
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hoaban.vpn.office import KEEPALIVE, MTU
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from hoaban.vpn.office import DirectTunnelEnd, Flow, HubTunnel, Office


class Format(StrEnum):
    """What kind of router it is."""

    WG_QUICK = "wg-quick"
    ROUTEROS = "routeros"
    OPENWRT = "openwrt"

    @property
    def speaks_bgp(self) -> bool:
        """Whether the router learns from which hub to expect traffic, and tells both."""
        return self is not Format.WG_QUICK


@dataclass(frozen=True, slots=True)
class File:
    """One file for the router."""

    name: str
    text: str


def render(office: Office, kind: Format) -> list[File]:
    """The files of an office's router. wg-quick has one for each tunnel, that of hub 1 first."""
    stem = office.site.name.replace("/", "-")
    match kind:
        case Format.ROUTEROS:
            return [File(f"{stem}.rsc", _text("routeros.rsc.j2", office=office))]
        case Format.OPENWRT:
            name = f"{stem}.sh"
            return [File(name, _text("openwrt.sh.j2", office=office, file=name))]
        case Format.WG_QUICK:
            return [*(_hub(office, one) for one in office.hubs), *_direct(office)]


def qr_code(text: str) -> str:
    """A QR code in half blocks, as a phone reads it from a terminal."""
    out = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out, compact=True, border=2)
    return out.getvalue()


def _hub(office: Office, tunnel: HubTunnel) -> File:
    address = f"[{tunnel.endpoint}]" if ":" in tunnel.endpoint else tunnel.endpoint
    text = _text(
        "wg-quick.conf.j2",
        office=office,
        tunnel=tunnel,
        about=f"tunnel to {tunnel.hub.name}",
        peer=tunnel.hub.name,
        endpoint=f"{address}:{office.plan.port}",
    )
    return File(f"{tunnel.interface}.conf", text)


def _direct(office: Office) -> list[File]:
    return [_direct_file(office, tunnel) for tunnel in office.direct]


def _direct_file(office: Office, tunnel: DirectTunnelEnd) -> File:
    text = _text(
        "wg-quick.conf.j2",
        office=office,
        tunnel=tunnel,
        about=f"direct tunnel {tunnel.name}",
        peer=f"{tunnel.peer.title.en} ({tunnel.peer.name})",
        endpoint=":".join(tunnel.endpoint) if tunnel.endpoint else None,
    )
    return File(f"{tunnel.interface}.conf", text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(toolkit_root() / "templates" / "sites"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configurations of routers, of values that were checked
    )
    environment.filters |= {"nft": _nft, "routeros": _routeros, "bare": _bare}
    return environment


def _text(template: str, **values: object) -> str:
    return _environment().get_template(template).render(keepalive=KEEPALIVE, mtu=MTU, **values)


def _bare(address: str) -> str:
    """An address without the brackets that set IPv6 apart from a port."""
    return address.strip("[]")


def _nft(flow: Flow) -> str:
    layer = "ip" if flow.family == "ipv4" else "ip6"
    ends = f"{layer} saddr {flow.source} {layer} daddr {flow.target}"
    if not flow.ports:
        return f"{ends} meta l4proto {'icmp' if layer == 'ip' else 'ipv6-icmp'}"
    return f"{ends} {flow.protocol} dport {{ {', '.join(map(str, flow.ports))} }}"


def _routeros(flow: Flow) -> str:
    if not flow.ports:
        return f"protocol={'icmp' if flow.family == 'ipv4' else 'icmpv6'}"
    return f"protocol={flow.protocol} dst-port={','.join(map(str, flow.ports))}"
