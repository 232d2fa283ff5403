"""Security groups, their rules, and groups of addresses that rules name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure, ResourceState
from hoaban.engine.values import Unknown
from hoaban.openstack import addresses
from hoaban.openstack.cloud import NETWORK as SERVICE
from hoaban.openstack.networking.networks import ALL_TAGS, DESCRIPTION, NAME, TAGS, Neutron
from hoaban.openstack.schema import (
    REGION,
    boolean,
    integer,
    is_zero,
    project,
    string_set,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_MAX_PORT = 65_535


@dataclass(kw_only=True, eq=False)
class _SecGroup(Neutron):
    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        """Take away the rules that Neutron gives each new group, when that is asked."""
        if inputs.get("deleteDefaultRules"):
            for rule in made.get("security_group_rules", []):
                SEC_GROUP_RULE.delete(call, rule["id"], ResourceState(rule["id"], {}))
        return super().settle(call, made, inputs)

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        """Finish a create that was cut short before the default rules were gone."""
        if changed or not news.get("deleteDefaultRules"):
            return None
        found = self.need(call, id_)
        for rule in found.get("security_group_rules", []):
            if _is_default(rule):
                SEC_GROUP_RULE.delete(call, rule["id"], ResourceState(rule["id"], {}))
        return found


def _is_default(rule: Json) -> bool:
    """One of the two rules of a new group: everything may go out."""
    return rule.get("direction") == "egress" and not any(
        rule.get(part) for part in _RULE_PARTS.values() if part not in ("direction", "ethertype")
    )


SEC_GROUP = _SecGroup(
    token="openstack:networking/secGroup:SecGroup",
    telling=("description",),
    label="security group",
    path="/security-groups",
    noun="security_group",
    tags_after=True,
    bulk=True,
    fields=(
        NAME,
        text("description", computed=True, reset=""),
        boolean("stateful", computed=True),
        boolean("deleteDefaultRules", api=None, stored=True, replaces=True),
        TAGS,
        ALL_TAGS,
        project(),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _SecGroupRule(Neutron):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        failures = list(addresses.check_network("remoteIpPrefix", inputs.get("remoteIpPrefix")))
        low, high = inputs.get("portRangeMin"), inputs.get("portRangeMax")
        if (low is None) != (high is None):
            missing = "portRangeMin" if low is None else "portRangeMax"
            failures.append(CheckFailure(missing, "a range of ports needs both its ends"))
        for name, value in (("portRangeMin", low), ("portRangeMax", high)):
            if isinstance(value, int) and not 0 <= value <= _MAX_PORT:
                failures.append(CheckFailure(name, f"{value} is not a port: 0 to {_MAX_PORT}"))
        if low is not None and is_zero(inputs.get("protocol")):
            failures.append(CheckFailure("protocol", "a range of ports needs a protocol"))
        typed = str(inputs.get("protocol")) in ("icmp", "icmpv6", "ipv6-icmp")  # type and code
        if isinstance(low, int) and isinstance(high, int) and low > high and not typed:
            failures.append(CheckFailure("portRangeMax", f"{high} is below {low}"))
        return failures

    def find_object(self, call: Call, inputs: PropertyMap) -> Json | None:
        params = {"security_group_id": inputs["securityGroupId"]}
        for rule in self.listing(call, params):
            if self.same_object(rule, inputs) and not self._wider(rule, inputs):
                return rule
        return None

    def same_object(self, item: Json, inputs: PropertyMap) -> bool:
        return all(
            _normal_rule(name, item.get(attribute)) == _normal_rule(name, inputs.get(name))
            for name, attribute in _RULE_PARTS.items()
        )

    def _wider(self, rule: Json, inputs: PropertyMap) -> bool:
        return bool(rule.get("description")) and rule["description"] != inputs.get("description")

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        if prior.get("protocol") and _protocol(prior["protocol"]) == _protocol(
            found.get("protocol")
        ):
            outputs["protocol"] = prior["protocol"]  # Neutron may say tcp to a 6


_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "ipv6-icmp", "icmpv6": "ipv6-icmp"}


def _protocol(value: Any) -> Any:
    text_ = str(value or "").lower()
    return _PROTOCOLS.get(text_, text_)


def _normal_rule(name: str, value: Any) -> Any:
    if isinstance(value, Unknown) or value is None or value == "":
        return None
    if name == "remoteIpPrefix":
        return addresses.network(value)
    if name == "protocol":
        return _protocol(value)
    return str(value).lower()


_RULE_PARTS = {
    "direction": "direction",
    "ethertype": "ethertype",
    "protocol": "protocol",
    "portRangeMin": "port_range_min",
    "portRangeMax": "port_range_max",
    "remoteIpPrefix": "remote_ip_prefix",
    "remoteGroupId": "remote_group_id",
    "remoteAddressGroupId": "remote_address_group_id",
}

SEC_GROUP_RULE = _SecGroupRule(
    token="openstack:networking/secGroupRule:SecGroupRule",
    telling=("remoteAddressGroupId", "remoteGroupId", "remoteIpPrefix"),
    label="security group rule",
    path="/security-group-rules",
    noun="security_group_rule",
    bulk=True,
    bulk_group=("security_group_id", "project_id"),
    alone=True,
    fields=(
        text("description", replaces=True),
        text("direction", required=True, replaces=True, choices=("ingress", "egress")),
        text("ethertype", required=True, replaces=True, choices=("IPv4", "IPv6")),
        text("protocol", replaces=True, same=_protocol),
        integer("portRangeMin", replaces=True),
        integer("portRangeMax", replaces=True),
        text("remoteIpPrefix", computed=True, replaces=True, same=addresses.network),
        text("remoteGroupId", computed=True, replaces=True),
        text("remoteAddressGroupId", computed=True, replaces=True),
        text("securityGroupId", required=True, replaces=True),
        project(),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _AddressGroup(Neutron):
    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        if "addresses" not in changed:
            return None
        old = {addresses.network(item) for item in state.outputs.get("addresses", [])}
        new = {addresses.network(item) for item in news["addresses"]}
        found = None
        for verb, items in (("add_addresses", new - old), ("remove_addresses", old - new)):
            if items:
                body = {"addresses": sorted(map(str, items))}  # not wrapped, unlike all else
                found = call.json(SERVICE, "PUT", f"{self.path}/{id_}/{verb}", body)
        return self.unwrap(found) if found else None

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        return super().change_body(call, state, news, changed - {"addresses"})


ADDRESS_GROUP = _AddressGroup(
    token="openstack:networking/addressGroupV2:AddressGroupV2",
    label="address group",
    path="/address-groups",
    noun="address_group",
    fields=(
        NAME,
        DESCRIPTION,
        string_set("addresses", required=True, same=addresses.network),
        project("projectId"),
        REGION,
    ),
)
