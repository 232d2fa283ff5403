"""Which of Neutron's extensions the cloud has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.openstack.cloud import NETWORK as SERVICE

if TYPE_CHECKING:
    from hoaban.openstack.call import Call


class Extensions:
    """The aliases of a cloud's extensions; asked for once."""

    def __init__(self) -> None:
        self._aliases: frozenset[str] | None = None

    def has(self, call: Call, alias: str) -> bool:
        """Whether Neutron offers an extension."""
        with call.shared.lock("network extensions", call.region):
            if self._aliases is None:
                found = call.json(SERVICE, "GET", "/extensions", params={"fields": "alias"})
                self._aliases = frozenset(item["alias"] for item in found["extensions"])
            return alias in self._aliases


def has_extension(call: Call, alias: str) -> bool:
    """Whether Neutron offers an extension."""
    return call.shared.keep(("network extensions", call.region), Extensions).has(call, alias)
