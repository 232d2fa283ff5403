"""The policy pack: serves its rules until it is ended."""

from __future__ import annotations

from pulumi_policy import EnforcementLevel, PolicyPack

from stacks.policy.pack import policy_of
from stacks.policy.rules import RULES

PolicyPack(
    name="hoaban",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[policy_of(rule) for rule in RULES],
)
