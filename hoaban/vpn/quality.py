"""What circuits were like in a month, against what was promised: from the hubs' own probes.

A minute counts as up when any hub had an answer in it. A promise is judged by what was measured
alone; how much of the month that is stands beside it, and where nothing was measured nothing is
judged.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hoaban.errors import UsageError
from hoaban.model.links import named, site_name
from hoaban.model.types import Model, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hoaban.model import Province
    from hoaban.model.links import Circuit, ServiceLevel

FOLDER = "/var/lib/hoaban/links"
"""Where hubs keep results, a file a month (role wireguard)."""
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class Tally(Model):
    """What one hub has measured of one circuit (:mod:`hoaban.vpn.tally`)."""

    measured: str
    up: str
    sent: int
    received: int
    milliseconds: float


class Quality(Model):
    """A circuit in a month. Shares in per cent, times in milliseconds; None: not measured."""

    link: str
    site: str
    title: Text
    circuit: dict[str, Any]
    """As in links.yml."""
    minutes: int
    """Minutes of the month in which it was probed."""
    covered: float
    """Share of the month so far in which it was probed."""
    availability: float | None = None
    loss: float | None = None
    latency_ms: float | None = None
    kept: bool | None = None
    """Whether all that was promised was kept; None without a promise or a measurement."""
    broken: list[str]
    """What was not: ``availability``, ``latency_ms``, ``loss``."""


def month_of(text: str) -> str:
    """A month as YYYY-MM; an error for anything else."""
    if not _MONTH.fullmatch(text):
        raise UsageError(f"{text!r} is no month", mend="write it as 2026-11")
    return text


def judge(
    province: Province, month: str, hubs: Iterable[Mapping[str, Tally]], now: datetime
) -> list[Quality]:
    """All circuits of links.yml, in its order, with what each hub has measured of them."""
    told: dict[str, list[Tally]] = defaultdict(list)
    for hub in hubs:
        for link, tally in hub.items():
            told[link].append(tally)
    possible = minutes_so_far(month, now)
    return [
        _quality(province, site, link, circuit, told[link], possible)
        for site, circuits in province.links.circuits.items()
        for link, circuit in named(site, circuits)
    ]


def minutes_so_far(month: str, now: datetime) -> int:
    """Minutes of a month that have passed, in UTC, by which hubs count."""
    year, number = map(int, month.split("-"))
    start = datetime(year, number, 1, tzinfo=UTC)
    whole = monthrange(year, number)[1] * 24 * 60
    return max(0, min(whole, int((now - start).total_seconds() // 60)))


def _quality(
    province: Province,
    site: str,
    link: str,
    circuit: Circuit,
    tallies: Sequence[Tally],
    possible: int,
) -> Quality:
    minutes = _count(one.measured for one in tallies)
    sent, received = (sum(one.sent for one in tallies), sum(one.received for one in tallies))
    values: dict[str, float | None] = {"availability": None, "loss": None, "latency_ms": None}
    if sent and minutes:
        values["availability"] = round(100 * _count(one.up for one in tallies) / minutes, 3)
        values["loss"] = round(100 * (1 - received / sent), 3)
    if received:
        milliseconds = sum(one.milliseconds for one in tallies)
        values["latency_ms"] = round(milliseconds / received, 1)
    broken = _broken(circuit.sla, values) if sent else []
    return Quality(
        link=link,
        site=site,
        title=_title(province, site),
        circuit=circuit.model_dump(mode="json"),
        minutes=minutes,
        covered=round(min(100.0, 100 * minutes / possible), 1) if possible else 0.0,
        kept=not broken if circuit.sla and sent else None,
        broken=broken,
        **values,
    )


def _count(bits: Iterable[str]) -> int:
    """Minutes that any of several hubs has noted."""
    either = 0
    for one in bits:
        either |= int(one or "0", 16)
    return either.bit_count()


def _broken(sla: ServiceLevel | None, values: Mapping[str, float | None]) -> list[str]:
    if sla is None:
        return []
    availability, loss, latency = (values[one] for one in ("availability", "loss", "latency_ms"))
    return [
        name
        for name, wrong in (
            ("availability", availability is not None and availability < sla.availability),
            ("latency_ms", latency is not None and latency > sla.latency_ms),
            ("loss", loss is not None and loss > sla.loss),
        )
        if wrong
    ]


def _title(province: Province, name: str) -> Text:
    for slug, agency in province.agencies.items():
        for site in agency.sites:
            if site_name(slug, site.slug) == name:
                return Text(
                    vi=f"{agency.name.vi}: {site.name.vi}", en=f"{agency.name.en}: {site.name.en}"
                )
    raise AssertionError(f"links.yml was checked, and {name} is no site")
