"""Ports of a floating IP, each led to a port of a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.engine.provider import CheckFailure
from hoaban.openstack import addresses
from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.nested import Nested
from hoaban.openstack.networking.networks import DESCRIPTION
from hoaban.openstack.schema import REGION, integer, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap

_MAX_PORT = 65_535


@dataclass(kw_only=True, eq=False)
class _PortForwarding(Nested):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        wrong = [
            CheckFailure(name, f"{inputs[name]} is not a port: 1 to {_MAX_PORT}")
            for name in ("externalPort", "internalPort")
            if isinstance(inputs.get(name), int) and not 1 <= inputs[name] <= _MAX_PORT
        ]
        address = inputs.get("internalIpAddress")
        return [*wrong, *addresses.check_address("internalIpAddress", address)]


PORT_FORWARDING = _PortForwarding(
    token="openstack:networking/portForwardingV2:PortForwardingV2",
    label="port forwarding",
    service=SERVICE,
    path="/floatingips/{parent}/port_forwardings",
    noun="port_forwarding",
    parent="floatingipId",
    compound=False,
    alone=True,
    natural=("externalPort", "protocol"),
    fields=(
        DESCRIPTION,
        integer("externalPort", required=True),
        text("floatingipId", api=None, required=True, replaces=True),
        text("internalIpAddress", required=True, same=addresses.address),
        integer("internalPort", required=True),
        text("internalPortId", required=True),
        text("protocol", required=True, same=addresses.lower),
        REGION,
    ),
)
