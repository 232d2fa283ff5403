"""Listeners of load balancers, and the rules that lead their requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.loadbalancer.base import (
    ADMIN_STATE_UP,
    DESCRIPTION,
    NAME,
    TAGS,
    NestedPart,
    Part,
)
from hoaban.openstack.schema import (
    REGION,
    boolean,
    integer,
    mapping,
    project,
    string_set,
    strings,
    text,
)

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


def _client_authentication(value: Any) -> Any:
    """None at all is how Octavia tells that it was not asked for."""
    return None if value == "NONE" else value


@dataclass(kw_only=True, eq=False)
class _Listener(Part):
    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        for one in found.get("loadbalancers") or []:
            outputs["loadbalancerId"] = one["id"]


LISTENER = _Listener(
    token="openstack:loadbalancer/listener:Listener",
    label="listener",
    path="/lbaas/listeners",
    noun="listener",
    alone=True,
    fields=(
        NAME,
        DESCRIPTION,
        ADMIN_STATE_UP,
        strings("allowedCidrs"),
        string_set("alpnProtocols", computed=True),
        text(
            "clientAuthentication",
            reset="NONE",
            choices=("NONE", "OPTIONAL", "MANDATORY"),
            same=_client_authentication,
        ),
        text("clientCaTlsContainerRef"),
        text("clientCrlContainerRef"),
        integer("connectionLimit", computed=True),
        text("defaultPoolId", computed=True),
        text("defaultTlsContainerRef"),
        boolean("hstsIncludeSubdomains", reset=False),
        integer("hstsMaxAge"),
        boolean("hstsPreload", reset=False),
        mapping("insertHeaders"),
        text("loadbalancerId", required=True, replaces=True),
        text(
            "protocol",
            required=True,
            replaces=True,
            choices=("TCP", "UDP", "SCTP", "HTTP", "HTTPS", "TERMINATED_HTTPS", "PROMETHEUS"),
        ),
        integer("protocolPort", required=True, replaces=True),
        strings("sniContainerRefs"),
        TAGS,
        integer("timeoutClientData", computed=True),
        integer("timeoutMemberConnect", computed=True),
        integer("timeoutMemberData", computed=True),
        integer("timeoutTcpInspect", computed=True),
        text("tlsCiphers", computed=True),
        string_set("tlsVersions", computed=True),
        project(),
        REGION,
    ),
)

L7_POLICY = Part(
    token="openstack:loadbalancer/l7PolicyV2:L7PolicyV2",
    label="L7 policy",
    path="/lbaas/l7policies",
    noun="l7policy",
    collection="l7policies",
    fields=(
        NAME,
        DESCRIPTION,
        ADMIN_STATE_UP,
        text(
            "action",
            required=True,
            choices=("REDIRECT_TO_POOL", "REDIRECT_TO_URL", "REDIRECT_PREFIX", "REJECT"),
        ),
        text("listenerId", required=True, replaces=True),
        integer("position", computed=True),
        integer("redirectHttpCode", computed=True),
        text("redirectPoolId"),
        text("redirectPrefix"),
        text("redirectUrl"),
        project(),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _L7Rule(NestedPart):
    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        policy = L7_POLICY.look_up(call, self.owner)
        outputs["listenerId"] = (policy or {}).get("listener_id") or ""


L7_RULE = _L7Rule(
    token="openstack:loadbalancer/l7RuleV2:L7RuleV2",
    label="L7 rule",
    path="/lbaas/l7policies/{parent}/rules",
    noun="rule",
    parent="l7policyId",
    above="l7policy_id",
    fields=(
        ADMIN_STATE_UP,
        text(
            "compareType",
            required=True,
            choices=("CONTAINS", "STARTS_WITH", "ENDS_WITH", "EQUAL_TO", "REGEX"),
        ),
        boolean("invert", reset=False),
        text("key"),
        text("l7policyId", api=None, required=True, replaces=True),
        text("listenerId", api=None, output=True, computed=True),
        text(
            "type",
            required=True,
            choices=(
                "COOKIE",
                "FILE_TYPE",
                "HEADER",
                "HOST_NAME",
                "PATH",
                "SSL_CONN_HAS_CERT",
                "SSL_VERIFY_RESULT",
                "SSL_DN_FIELD",
            ),
        ),
        text("value", required=True),
        project(),
        REGION,
    ),
)
