"""Provisioning: an inventory's plans made real by an engine, with checks before and after."""

from hoaban.provision.engines import EngineName, engine_for
from hoaban.provision.guard import Consent, Decline, Loss
from hoaban.provision.operations import Plan, destroy, plan, refresh, up
from hoaban.provision.preflight import preflight
from hoaban.provision.stacks import stack_for
from hoaban.provision.target import Target

__all__ = [
    "Consent",
    "Decline",
    "EngineName",
    "Loss",
    "Plan",
    "Target",
    "destroy",
    "engine_for",
    "plan",
    "preflight",
    "refresh",
    "stack_for",
    "up",
]
