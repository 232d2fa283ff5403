"""The order of a system's tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model.types import Zone

if TYPE_CHECKING:
    from hoaban.model.spec import System


def first_tier(system: System) -> Zone:
    """The tier that users reach: web if there is one, else app, else data."""
    return next(zone for zone in Zone if zone in system.tiers)


def tier_before(system: System, zone: Zone) -> Zone | None:
    """The tier that may reach a tier; None for the first."""
    before = [other for other in Zone if other in system.tiers]
    position = before.index(zone)
    return before[position - 1] if position else None
