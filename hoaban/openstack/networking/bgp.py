"""BGP: speakers that tell peers the way to the cloud's networks (neutron-dynamic-routing)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure
from hoaban.openstack import addresses
from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.convert import object_from_api
from hoaban.openstack.networking.networks import NAME, Neutron
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.schema import (
    REGION,
    boolean,
    integer,
    objects,
    project,
    string_set,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_ROUTE = (text("destination"), text("nextHop"))
_PARTS = {
    "networks": ("gateway_network", "network_id"),
    "peers": ("bgp_peer", "bgp_peer_id"),
}
"""What is added to a speaker in calls of its own: name in the call, attribute."""
_MAX_AS = 65_535


@dataclass(kw_only=True, eq=False)
class _Peer(Neutron):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        failures = list(addresses.check_address("peerIp", inputs.get("peerIp")))
        if inputs.get("authType") == "md5" and inputs.get("password") is None:
            failures.append(CheckFailure("password", "authType md5 needs a password"))
        return failures


BGP_PEER = _Peer(
    token="openstack:networking/bgpPeerV2:BgpPeerV2",
    label="BGP peer",
    path="/bgp-peers",
    noun="bgp_peer",
    fields=(
        NAME,
        text("authType", default="none", replaces=True, choices=("none", "md5")),
        text("password", stored=True, secret=True),
        text("peerIp", required=True, replaces=True, same=addresses.address),
        integer("remoteAs", required=True, replaces=True),
        project(),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _Speaker(Neutron):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        local = inputs.get("localAs")
        if isinstance(local, int) and not 1 <= local <= _MAX_AS:
            return [CheckFailure("localAs", f"{local} is not an AS number: 1 to {_MAX_AS}")]
        return ()

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        return {name: value for name, value in body.items() if name not in _PARTS}

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        self._apply(call, self.id_of(made), {}, inputs)
        return self.need(call, self.id_of(made))

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        return super().change_body(call, state, news, changed - _PARTS.keys())

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        if not changed:  # a create that was cut short, perhaps
            self._apply(call, id_, self.state(call, self.need(call, id_), {}).outputs, news)
        elif changed & _PARTS.keys():
            self._apply(call, id_, state.outputs, news)
        return None

    def _apply(self, call: Call, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        for name, (part, attribute) in _PARTS.items():
            before, after = set(old.get(name, [])), set(new.get(name, []))
            for one in sorted(before - after):
                with unless_gone():
                    self._act(call, id_, f"remove_{part}", {attribute: one})
            for one in sorted(after - before):
                self._act(call, id_, f"add_{part}", {attribute: one})

    def _act(self, call: Call, id_: str, verb: str, body: Json) -> None:
        call.json(SERVICE, "PUT", f"{self.path}/{id_}/{verb}", body)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        found = self.find_object(call, inputs)
        if found is None:
            return None
        held = {name: found.get(name, []) for name in _PARTS}
        self._apply(call, self.id_of(found), held, inputs)
        return self.state(call, self.need(call, self.id_of(found)), inputs)

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        path = f"{self.path}/{self.id_of(found)}/get_advertised_routes"
        routes = (call.find(SERVICE, path) or {}).get("advertised_routes", [])
        outputs["advertisedRoutes"] = [object_from_api(_ROUTE, item) for item in routes]


BGP_SPEAKER = _Speaker(
    token="openstack:networking/bgpSpeakerV2:BgpSpeakerV2",
    label="BGP speaker",
    path="/bgp-speakers",
    noun="bgp_speaker",
    fields=(
        NAME,
        integer("ipVersion", default=4, replaces=True),
        boolean("advertiseFloatingIpHostRoutes", computed=True),
        boolean("advertiseTenantNetworks", computed=True),
        integer("localAs", required=True, replaces=True),
        string_set("networks"),
        string_set("peers"),
        objects("advertisedRoutes", *_ROUTE, output=True, computed=True, api=None),
        project(),
        REGION,
    ),
)

RESOURCES = (BGP_PEER, BGP_SPEAKER)
