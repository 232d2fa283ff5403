"""Every rule has cases that violate and cases that keep it; the sample inventory keeps all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pulumi_policy import ResourceValidationPolicy, StackValidationPolicy

from stacks.policy.kinds import CONTAINER, FLOATING_IP, PROJECT, RULE, VOLUME
from stacks.policy.pack import policy_of
from stacks.policy.pages import FOLDER, pages
from stacks.policy.rule import ResourceRule, Seen, StackRule
from stacks.policy.rules import RULES
from stacks.policy.rules.owner_told import PLACES

if TYPE_CHECKING:
    from collections.abc import Sequence

BY_ID = {rule.id: rule for rule in RULES}
ANYWHERE, IPV6 = "0.0.0.0/0", "::/0"


def seen(type_: str, project: str = "agency", protect: bool = False, **inputs: Any) -> Seen:
    stack = "son-la" if project == "province" else "xa-a"
    return Seen(type_, f"urn:pulumi:{stack}::{project}::{type_}::it", "it", inputs, protect)


def ingress(port: int | None, remote: str | None, **more: Any) -> Seen:
    inputs = {"direction": "ingress", "protocol": "tcp", "remoteIpPrefix": remote}
    return seen(RULE, **{**inputs, "portRangeMin": port, "portRangeMax": port, **more})


def project(level: int) -> Seen:
    return seen(PROJECT, tags=["agency:xa-a", f"level:{level}"])


def volume(backup: str | None = None, **more: Any) -> Seen:
    return seen(
        VOLUME, metadata={"agency": "xa-a", **({"backup": backup} if backup else {})}, **more
    )


VIOLATES: dict[str, Sequence[Seen | list[Seen]]] = {
    "ssh-not-open": [
        ingress(22, ANYWHERE),
        ingress(22, IPV6),
        ingress(22, "0.0.0.0/1"),
        ingress(22, None),
        ingress(None, ANYWHERE),
        ingress(None, ANYWHERE, protocol=None),
        ingress(20, ANYWHERE, portRangeMax=30),
    ],
    "databases-not-open": [ingress(5432, ANYWHERE), ingress(3306, IPV6), ingress(27017, None)],
    "volumes-backed-up": [volume(), seen(VOLUME)],
    "data-protected": [volume(), seen(CONTAINER, metadata={})],
    "owner-told": [
        *(seen(type_) for type_ in PLACES),
        seen("openstack:networking/port:Port", tags=["agency:xa-b", "hoaban"]),
        seen(VOLUME, metadata={"agency": "xa-b"}),
        seen(RULE, description="ssh [agency:xa-b]"),
        seen(VOLUME, "province", metadata={"agency": "son-la"}),
    ],
    "administration-through-bastion": [
        [project(3), ingress(22, "10.0.0.0/24")],
        [project(5), ingress(22, None, remoteGroupId="g")],
    ],
    "no-public-servers": [[project(3), seen(FLOATING_IP)]],
    "backups-by-level": [[project(3), volume("rpo 25 h, kept 7/4/12")]],
}
KEEPS: dict[str, Sequence[Seen | list[Seen]]] = {
    "ssh-not-open": [
        ingress(22, "10.0.0.5/32"),
        ingress(22, "203.0.113.0/24"),
        ingress(22, "fd00::/8"),
        ingress(22, None, remoteGroupId="g"),
        ingress(443, ANYWHERE),
        ingress(22, ANYWHERE, protocol="udp"),
        ingress(22, ANYWHERE, direction="egress"),
        ingress(None, ANYWHERE, protocol="icmp"),
    ],
    "databases-not-open": [ingress(5432, "10.0.0.0/8"), ingress(443, ANYWHERE)],
    "volumes-backed-up": [volume("rpo 24 h, kept 7/4/12"), seen(FLOATING_IP)],
    "data-protected": [volume(protect=True), seen(CONTAINER, protect=True), seen(FLOATING_IP)],
    "owner-told": [
        seen("openstack:networking/port:Port", tags=["agency:xa-a", "hoaban"]),
        seen("openstack:networking/port:Port", "province", tags=["province:son-la"]),
        seen(VOLUME, metadata={"agency": "xa-a"}),
        seen(VOLUME, "province", metadata={"hoaban": "son-la"}),
        seen(RULE, description="ssh [agency:xa-a]"),
        seen("openstack:compute/keypair:Keypair"),
    ],
    "administration-through-bastion": [
        [project(3), ingress(22, "10.0.0.5/32"), ingress(22, "fd00::5/128")],
        [project(2), ingress(22, "10.0.0.0/24")],
        [project(3), ingress(443, ANYWHERE)],
        [ingress(22, "10.0.0.0/24")],
    ],
    "no-public-servers": [[project(2), seen(FLOATING_IP)], [seen(FLOATING_IP, "province")]],
    "backups-by-level": [
        [project(3), volume("rpo 24 h, kept 7/4/12")],
        [project(2), volume("rpo 168 h, kept 7/4/12")],
    ],
}


def said(rule_id: str, case: Seen | list[Seen]) -> list[str]:
    rule = BY_ID[rule_id]
    if isinstance(rule, StackRule):
        assert isinstance(case, list)
        return [wrong for _, wrong in rule.check(case)]
    assert isinstance(rule, ResourceRule)
    assert isinstance(case, Seen)
    return list(rule.check(case))


def test_every_rule_has_cases_of_both_kinds() -> None:
    assert set(VIOLATES) == set(KEEPS) == set(BY_ID)
    assert list(BY_ID) == sorted(BY_ID)
    assert len(BY_ID) == len(RULES)


@pytest.mark.parametrize("rule_id", VIOLATES)
def test_what_violates_a_rule(rule_id: str) -> None:
    for case in VIOLATES[rule_id]:
        assert len(said(rule_id, case)) == 1, case


@pytest.mark.parametrize("rule_id", KEEPS)
def test_what_keeps_a_rule(rule_id: str) -> None:
    for case in KEEPS[rule_id]:
        assert said(rule_id, case) == [], case


def test_rules_are_policies_of_their_kind() -> None:
    for rule in RULES:
        policy = policy_of(rule)
        kind = StackValidationPolicy if isinstance(rule, StackRule) else ResourceValidationPolicy
        assert isinstance(policy, kind)
        assert (policy.name, policy.enforcement_level.value) == (rule.id, rule.level)


def test_the_pages_are_up_to_date() -> None:
    found = {file.name: file.read_text("utf-8") for file in FOLDER.glob("*.md")}
    assert found == pages(), "python -m stacks.policy.pages"
