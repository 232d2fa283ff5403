"""Availability zones, which Nova and Cinder tell in the same words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.openstack.lookups import ID, Function
from hoaban.openstack.schema import REGION, strings, text

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call


@dataclass(kw_only=True, eq=False)
class _Zones(Function):
    service: str

    def run(self, call: Call, args: PropertyMap) -> PropertyMap:
        """Answer a call."""
        state = args.get("state", "available")
        found = call.json(self.service, "GET", "/os-availability-zone")["availabilityZoneInfo"]
        names = sorted(
            zone["zoneName"]
            for zone in found
            if zone["zoneState"]["available"] == (state == "available")
        )
        return {
            "id": ",".join(names),
            "names": names,
            "state": state,
            "region": call.region_name,
        }


def zones_lookup(token: str, service: str) -> Function:
    """The function that tells the availability zones of a service."""
    return _Zones(
        token=token,
        service=service,
        inputs=(text("state", choices=("available", "unavailable")), REGION),
        outputs=(ID, strings("names"), text("state"), REGION),
    )
