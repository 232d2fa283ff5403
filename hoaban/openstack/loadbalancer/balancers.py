"""Load balancers, and the flavors that they come in."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure
from hoaban.openstack import addresses
from hoaban.openstack.cloud import LOAD_BALANCER as SERVICE
from hoaban.openstack.loadbalancer.base import (
    ADMIN_STATE_UP,
    DESCRIPTION,
    NAME,
    TAGS,
    Octavia,
)
from hoaban.openstack.networking.ports import PORT
from hoaban.openstack.patience import when_mutable
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import REGION, boolean, project, string_set, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.provider import ResourceState
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_PLACES = ("vipSubnetId", "vipNetworkId", "vipPortId")


@dataclass(kw_only=True, eq=False)
class _LoadBalancer(Octavia):
    """A load balancer; its security groups are those of the port that Octavia makes for it."""

    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        failures = list(addresses.check_address("vipAddress", inputs.get("vipAddress")))
        if all(inputs.get(name) is None for name in _PLACES):
            failures.append(CheckFailure(_PLACES[0], f"one of {', '.join(_PLACES)} is required"))
        return failures

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        made = super().settle(call, made, inputs)
        if inputs.get("securityGroupIds"):
            self._set_groups(call, made, inputs)
        return made

    def put(self, call: Call, id_: str, body: Json) -> Json:
        put = super().put
        with call.shared.lock("load balancer", id_):
            return self.await_ready(call, when_mutable(call, lambda: put(call, id_, body)))

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        found = super().after_update(call, id_, state, news, changed)
        if found and "securityGroupIds" in changed:
            self._set_groups(call, found, news)
        return found

    def _set_groups(self, call: Call, found: Json, inputs: PropertyMap) -> None:
        groups = sorted(inputs.get("securityGroupIds", []))
        PORT.put(call, found["vip_port_id"], {"security_groups": groups})
        PORT.changed(call)

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        remove = super().remove
        when_mutable(call, lambda: remove(call, id_, state))

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        port = PORT.look_up(call, found["vip_port_id"]) if found.get("vip_port_id") else None
        outputs["securityGroupIds"] = sorted((port or {}).get("security_groups") or [])


LOAD_BALANCER = _LoadBalancer(
    token="openstack:loadbalancer/loadBalancer:LoadBalancer",
    label="load balancer",
    path="/lbaas/loadbalancers",
    noun="loadbalancer",
    timeout=1200.0,
    fields=(
        NAME,
        DESCRIPTION,
        ADMIN_STATE_UP,
        text("availabilityZone", replaces=True),
        text("flavorId", computed=True, replaces=True),
        text("loadbalancerProvider", api="provider", computed=True, replaces=True),
        string_set("securityGroupIds", api=None, computed=True),
        TAGS,
        text("vipAddress", computed=True, replaces=True, same=addresses.address),
        text("vipNetworkId", computed=True, replaces=True),
        text("vipPortId", computed=True, replaces=True),
        text("vipQosPolicyId"),
        text("vipSubnetId", computed=True, replaces=True),
        project(),
        REGION,
    ),
)


def _data(value: Any) -> Any:
    """A flavor's data (JSON text) in a form in which spacing and order do not count."""
    try:
        return json.dumps(json.loads(value), sort_keys=True)
    except (TypeError, ValueError):
        return value


@dataclass(kw_only=True, eq=False)
class _FlavorProfile(Rest):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        data = inputs.get("flavorData")
        try:
            json.loads(data if isinstance(data, str) else "{}")
        except ValueError as error:
            return [CheckFailure("flavorData", f"is not JSON: {error}")]
        return ()


FLAVOR_PROFILE = _FlavorProfile(
    token="openstack:loadbalancer/flavorprofileV2:FlavorprofileV2",
    label="load balancer flavor profile",
    service=SERVICE,
    path="/lbaas/flavorprofiles",
    noun="flavorprofile",
    fields=(
        NAME,
        text("flavorData", required=True, same=_data),
        text("providerName", required=True),
        REGION,
    ),
)

FLAVOR = Rest(
    token="openstack:loadbalancer/flavorV2:FlavorV2",
    label="load balancer flavor",
    service=SERVICE,
    path="/lbaas/flavors",
    noun="flavor",
    fields=(
        NAME,
        DESCRIPTION,
        boolean("enabled", computed=True),
        text("flavorProfileId", required=True, replaces=True),
        REGION,
    ),
)

OLD_LOAD_BALANCER = replace(
    LOAD_BALANCER, token="openstack:index/lbLoadbalancerV2:LbLoadbalancerV2"
)
OLD_FLAVOR_PROFILE = replace(
    FLAVOR_PROFILE, token="openstack:index/lbFlavorprofileV2:LbFlavorprofileV2"
)
"""The same under their older names."""
