"""Agreements whose last day is over: nobody may have the data any more."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hoaban.model.exchange import State
from hoaban.model.faults import fault
from hoaban.model.interface_checks import parties_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.errors import HoabanError
    from hoaban.model.files import Files
    from hoaban.model.province import Province


def today_in(province: Province) -> date:
    """The date in the province now."""
    return datetime.now(UTC).astimezone(ZoneInfo(province.spec.timezone)).date()


def check_ended(files: Files, province: Province, today: date) -> Iterator[HoabanError]:
    """A fault for each use of an interface whose last day is over."""
    parties = parties_of(files)
    for one in province.agreements:
        if one.state(today) is not State.ENDED:
            continue
        party = parties[one.consumer]
        position = party.interfaces.uses.index(one.use)
        yield fault(
            party.document,
            (*party.path, "uses", position, "until"),
            f"the ground on which `{one.consumer}` uses `{one.offer.slug}` {one.offer.version} of "
            f"`{one.provider}` ended on {one.use.until}",
            "write the new ground and its last day, or take the use out, and `to` at the other "
            "side",
        )
