"""Renders a handover as one self-contained HTML page."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup

from hoaban.report.rules import groups
from hoaban.report.topology import draw
from hoaban.verify.model import Status
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from hoaban.report.handover import Handover

TITLES = ("Tỉnh ", "Thành phố ")


@cache
def environment() -> jinja2.Environment:
    """Templates of pages: what is put in is escaped, what is missing is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(toolkit_root() / "templates/report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["short"] = _short
    return made


def render(handover: Handover) -> str:
    """The page. Everything that comes from files or hosts is escaped; nothing is loaded."""
    plan = handover.environment
    templates = environment()
    style, _, _ = templates.loader.get_source(templates, "style.css")  # type: ignore[union-attr]
    zone = ZoneInfo(handover.timezone)
    verification = handover.verification
    return templates.get_template("handover.html.j2").render(
        handover=handover,
        style=Markup(style),  # noqa: S704 - our own file
        prefix=f"{plan.agency}-" if plan.agency else "",
        drawing=draw(handover),
        groups=groups(plan),
        place=_place(handover.province.vi),
        province=_lowered(handover.province.vi),
        party=_lowered(handover.party.name.vi),
        made=handover.made.astimezone(zone),
        checked=verification.started.astimezone(zone),
        updated=handover.stack.updated.astimezone(zone),
        passed=verification.count(Status.PASS),
        failed=verification.count(Status.FAIL),
        unproved=verification.unproved,
        empty=verification.count(Status.NONE),
        cpus=sum(host.size.vcpus for host in plan.hosts),
        ram_gib=sum(host.size.ram_mb for host in plan.hosts) / 1024,
        volume_gib=sum(volume.size_gb for host in plan.hosts for volume in host.every_volume),
    )


@jinja2.pass_context
def _short(context: jinja2.runtime.Context, name: str) -> str:
    """A name without the agency that all names of its environment begin with."""
    return name.removeprefix(context["prefix"])


def _place(province: str) -> str:
    """Where the record is made: the province without its title."""
    for title in TITLES:
        if province.startswith(title):
            return province.removeprefix(title)
    return province


def _lowered(province: str) -> str:
    """The province's name within a sentence: its title is no part of the name."""
    return province[0].lower() + province[1:] if province.startswith(TITLES) else province
