"""A security group that holds the planned rules and no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi import ComponentResource, Input, ResourceOptions
from pulumi_openstack import networking

from hoaban.model.types import Family, Protocol

if TYPE_CHECKING:
    from hoaban.model.environment import Rule, SecurityGroupPlan
    from stacks.components.labels import Labels

ETHERTYPES = {Family.IPV4: "IPv4", Family.IPV6: "IPv6"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroupProps:
    """A planned security group."""

    plan: SecurityGroupPlan
    labels: Labels
    project_id: Input[str]


class SecurityGroupComponent(ComponentResource):
    """A security group and its rules. What no rule allows is dropped, in both directions."""

    def __init__(self, props: SecurityGroupProps, opts: ResourceOptions | None = None) -> None:
        plan = props.plan
        super().__init__("hoaban:components:SecurityGroup", plan.name, {}, opts)
        self.group = networking.SecGroup(
            plan.name,
            name=plan.name,
            description=props.labels.describe(plan.description),
            tenant_id=props.project_id,
            # Neutron gives each new group two rules that let everything out.
            delete_default_rules=True,
            tags=props.labels.tags,
            opts=ResourceOptions(parent=self),
        )
        self.rules = [self._rule(rule, props) for rule in plan.rules]
        self.register_outputs({"group_id": self.group.id})

    def _rule(self, rule: Rule, props: SecurityGroupProps) -> networking.SecGroupRule:
        return networking.SecGroupRule(
            f"{props.plan.name}-{rule.id}",
            security_group_id=self.group.id,
            tenant_id=props.project_id,
            direction=rule.direction.value,
            ethertype=ETHERTYPES[rule.family],
            protocol=protocol_of(rule),
            port_range_min=rule.port_min,
            port_range_max=rule.port_max,
            remote_ip_prefix=str(rule.remote),
            description=props.labels.describe(f"{rule.id}: {rule.reason.en}"),
            # Every change replaces a rule, and Neutron refuses a second one with the same match
            # (409). A description names agencies and systems for people: with a name corrected,
            # rules under live traffic would go and come back in every stack that mentions it.
            opts=ResourceOptions(
                parent=self,
                delete_before_replace=True,
                deleted_with=self.group,
                ignore_changes=["description"],
            ),
        )


def protocol_of(rule: Rule) -> str:
    """Neutron's name of a rule's protocol: ICMP has one of its own for IPv6."""
    if rule.protocol is Protocol.ICMP and rule.family is Family.IPV6:
        return "ipv6-icmp"
    return rule.protocol.value
