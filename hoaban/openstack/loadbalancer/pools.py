"""Pools: the servers that share the requests, and how their health is watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure, ResourceState
from hoaban.openstack import addresses
from hoaban.openstack.cloud import LOAD_BALANCER as SERVICE
from hoaban.openstack.convert import object_from_api, object_to_api
from hoaban.openstack.errors import CloudError
from hoaban.openstack.loadbalancer.base import (
    ADMIN_STATE_UP,
    DESCRIPTION,
    NAME,
    TAGS,
    NestedPart,
    Part,
    balancer_of,
    in_turn,
)
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.resource import Resource
from hoaban.openstack.schema import (
    REGION,
    block,
    boolean,
    integer,
    object_set,
    project,
    string_set,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_COOKIE = "APP_COOKIE"


@dataclass(kw_only=True, eq=False)
class _Pool(Part):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        if inputs.get("listenerId") is None and inputs.get("loadbalancerId") is None:
            return [
                CheckFailure("loadbalancerId", "one of loadbalancerId and listenerId is required")
            ]
        persistence = inputs.get("persistence")
        if isinstance(persistence, dict) and isinstance(persistence.get("type"), str):
            named = persistence.get("cookieName") is not None
            if named != (persistence["type"] == _COOKIE):
                return [CheckFailure("persistence.cookieName", f"goes with {_COOKIE}, and only so")]
        return ()

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        if not prior.get("listenerId") and not prior.get("loadbalancerId"):  # an import
            for one in found.get("loadbalancers") or []:
                outputs["loadbalancerId"] = one["id"]


POOL = _Pool(
    token="openstack:loadbalancer/pool:Pool",
    label="pool",
    path="/lbaas/pools",
    noun="pool",
    fields=(
        NAME,
        DESCRIPTION,
        ADMIN_STATE_UP,
        string_set("alpnProtocols", computed=True),
        text("caTlsContainerRef"),
        text("crlContainerRef"),
        text(
            "lbMethod",
            api="lb_algorithm",
            required=True,
            choices=("ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP", "SOURCE_IP_PORT"),
        ),
        text("listenerId", stored=True, replaces=True, conflicts=("loadbalancerId",)),
        text("loadbalancerId", stored=True, replaces=True),
        block(
            "persistence",
            text("type", required=True, choices=("SOURCE_IP", "HTTP_COOKIE", _COOKIE)),
            text("cookieName"),
            api="session_persistence",
        ),
        text(
            "protocol",
            required=True,
            replaces=True,
            choices=("TCP", "UDP", "SCTP", "HTTP", "HTTPS", "PROXY", "PROXYV2"),
        ),
        TAGS,
        text("tlsCiphers", computed=True),
        text("tlsContainerRef"),
        boolean("tlsEnabled", reset=False),
        string_set("tlsVersions", computed=True),
        project(),
        REGION,
    ),
)

MEMBER = NestedPart(
    token="openstack:loadbalancer/member:Member",
    label="member",
    path="/lbaas/pools/{parent}/members",
    noun="member",
    parent="poolId",
    above="pool_id",
    alone=True,
    fields=(
        NAME,
        ADMIN_STATE_UP,
        text("address", required=True, replaces=True, same=addresses.address),
        boolean("backup", reset=False),
        text("monitorAddress", same=addresses.address),
        integer("monitorPort"),
        text("poolId", api=None, required=True, replaces=True),
        integer("protocolPort", required=True, replaces=True),
        text("subnetId", replaces=True),
        TAGS,
        integer("weight", computed=True),
        project(),
        REGION,
    ),
)

_MEMBER = (
    text("id", output=True),
    text("name"),
    text("address", required=True, same=addresses.address),
    integer("protocolPort", required=True),
    integer("weight", default=1),
    integer("monitorPort"),
    text("monitorAddress", same=addresses.address),
    text("subnetId"),
    boolean("backup"),
    boolean("adminStateUp", default=True),
)


@dataclass(kw_only=True, eq=False)
class _Members(Resource):
    """All members of a pool, set in one call; its id is the pool's."""

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        return self._set(call, inputs["poolId"], inputs)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        if POOL.look_up(call, id_) is None:
            return None
        return self.seen(id_, self._outputs(call, id_), state)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        """Nothing to adopt: setting a pool's members again does no harm."""
        return None

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        return self._set(call, id_, news)

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        with unless_gone():
            self._set(call, id_, {})

    def _set(self, call: Call, pool: str, inputs: PropertyMap) -> ResourceState:
        members = [object_to_api(_MEMBER, one) for one in inputs.get("members", [])]
        path, body = f"/lbaas/pools/{pool}/members", {"members": members}
        balancer = balancer_of(call, {"pool_id": pool})
        in_turn(call, balancer, lambda: call.request(SERVICE, "PUT", path, body))
        return ResourceState(pool, self._outputs(call, pool))

    def _outputs(self, call: Call, pool: str) -> PropertyMap:
        path = f"/lbaas/pools/{pool}/members"
        found = [object_from_api(_MEMBER, one) for one in call.pages(SERVICE, path, "members")]
        outputs: PropertyMap = {"poolId": pool, "region": call.region_name}
        return {**outputs, "members": found} if found else outputs


MEMBERS = _Members(
    token="openstack:loadbalancer/members:Members",
    label="members",
    alone=True,
    fields=(
        object_set("members", *_MEMBER),
        text("poolId", required=True, replaces=True),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _Monitor(Part):
    def wrap(self, body: Json) -> Json:
        """The version of HTTP is a number to Octavia, and text to programs."""
        if body.get("http_version"):
            try:
                body = {**body, "http_version": float(body["http_version"])}
            except ValueError:
                raise CloudError(f"{body['http_version']} is no version of HTTP") from None
        return super().wrap(body)

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        for one in found.get("pools") or []:
            outputs["poolId"] = one["id"]


MONITOR = _Monitor(
    token="openstack:loadbalancer/monitor:Monitor",
    label="health monitor",
    path="/lbaas/healthmonitors",
    noun="healthmonitor",
    alone=True,
    fields=(
        NAME,
        ADMIN_STATE_UP,
        integer("delay", required=True),
        text("domainName"),
        text("expectedCodes", computed=True),
        text("httpMethod", computed=True),
        text("httpVersion", choices=("1.0", "1.1")),
        integer("maxRetries", required=True),
        integer("maxRetriesDown", computed=True),
        text("poolId", required=True, replaces=True),
        integer("timeout", required=True),
        text(
            "type",
            required=True,
            replaces=True,
            choices=("HTTP", "HTTPS", "PING", "SCTP", "TCP", "TLS-HELLO", "UDP-CONNECT"),
        ),
        text("urlPath", computed=True),
        project(),
        REGION,
    ),
)
