"""Rules as policies of ``pulumi-policy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from stacks.policy.rule import ResourceRule, Seen, StackRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from stacks.policy.rule import Rule


def policy_of(rule: Rule) -> Policy:
    """The policy that checks a rule."""
    told: dict[str, Any] = {
        "name": rule.id,
        "description": rule.title.en,
        "enforcement_level": EnforcementLevel(rule.level.value),
        "remediation_steps": rule.mend,
    }
    if isinstance(rule, StackRule):
        return StackValidationPolicy(validate=_of_stack(rule), **told)
    if isinstance(rule, ResourceRule):
        return ResourceValidationPolicy(validate=_of_resource(rule), **told)
    raise TypeError(f"{rule.id} is a rule that checks nothing")


def _of_resource(rule: ResourceRule) -> Callable[[Any, Any], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        seen = Seen(args.resource_type, args.urn, args.name, args.props, bool(args.opts.protect))
        for wrong in rule.check(seen):
            report(wrong, None)

    return validate


def _of_stack(rule: StackRule) -> Callable[[Any, Any], None]:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        everything = [
            Seen(one.resource_type, one.urn, one.name, one.props, bool(one.opts.protect))
            for one in args.resources
        ]
        for seen, wrong in rule.check(everything):
            report(wrong, seen.urn)

    return validate
