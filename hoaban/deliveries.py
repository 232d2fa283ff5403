"""``up`` for many: the foundation first, then agencies side by side; one's failure stops no other.

Provisioning computes and waits, so each agency has a process. Converging is one run of Ansible.
Verifying waits for hosts, in threads. Each phase takes the agencies that the one before left whole.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.console import Steps
from hoaban.converge.console import CloudConsole
from hoaban.converge.many import converge_stacks
from hoaban.delivery import Delivery, provision
from hoaban.errors import HoabanError
from hoaban.provision.engines import engine_for
from hoaban.provision.fleet import Action
from hoaban.report.write import write as write_report
from hoaban.sidebyside import each, error_of, operate, tell_of_foundation
from hoaban.verify.run import verify
from hoaban.verify.show import in_short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.api import Options
    from hoaban.provision.engines import EngineName
    from hoaban.provision.guard import Consent
    from hoaban.provision.target import Target


@dataclass(frozen=True, slots=True)
class How:
    """How ``up`` is done. ``consent`` asks for the foundation only: the pool has no one to ask."""

    engine: EngineName
    consent: Consent
    options: Options
    parallel: int | None = None
    provision_only: bool = False
    quiet: bool = False


def deliver_many(targets: Sequence[Target], how: How) -> list[Delivery]:
    """Bring targets from their files to handover reports, in the order given.

    The error of an agency is in its delivery. What the foundation fails with is raised: all stand
    on it.
    """
    deliveries = [Delivery(target) for target in targets]
    foundations = [one for one in deliveries if one.target.agency is None]
    agencies = [one for one in deliveries if one.target.agency is not None]
    for delivery in foundations:
        started = time.monotonic()
        result = provision(
            delivery.target, engine_for(how.engine), how.consent, how.options, quiet=how.quiet
        )
        delivery.take(result, how.options)
        delivery.seconds["provision"] = time.monotonic() - started
    tell_of_foundation(targets)
    stopped = _provision(agencies, how)
    if how.provision_only or stopped:
        return deliveries
    with Steps(quiet=how.quiet) as steps:
        _converge(deliveries, steps)
    _verify(deliveries, how)
    _report(deliveries)
    return deliveries


def _provision(deliveries: Sequence[Delivery], how: How) -> bool:
    """Provision all; returns whether the person asked to stop."""
    outcomes = operate(
        [one.target for one in deliveries],
        Action.UP,
        parallel=how.parallel,
        quiet=how.quiet,
        engine=how.engine,
        delete_data=how.consent.delete_data,
        allow_replace=how.consent.allow_replace,
        options=how.options,
    )
    for delivery in deliveries:
        outcome = outcomes[delivery.target.stack_name]
        delivery.resources, delivery.drift = outcome.changes, outcome.result.get("drift", {})
        delivery.seconds["provision"] = outcome.seconds
        error = error_of(outcome)
        if error is not None:
            delivery.fail("provisioned", error)
    return any(outcome.stopped for outcome in outcomes.values())


def _converge(deliveries: Sequence[Delivery], steps: Steps) -> None:
    whole = {one.target.agency: one for one in deliveries if one.error is None}
    if not whole:
        return
    target = deliveries[0].target
    console = CloudConsole(target.province.spec.cloud, target.workspace.inventory)
    results = converge_stacks(target.workspace, list(whole), console, steps)
    for stack, result in results.items():
        if isinstance(result, HoabanError):
            whole[stack].fail("converged", result)
        else:
            whole[stack].changed_tasks = result.changed
            whole[stack].seconds["converge"] = result.seconds


def _verify(deliveries: Sequence[Delivery], how: How) -> None:
    whole = {one.target.stack_name: one for one in deliveries if one.error is None}
    if not whole:
        return
    target = deliveries[0].target
    console = CloudConsole(target.province.spec.cloud, target.workspace.inventory)
    results = each(
        "Verifying",
        list(whole),
        lambda name: verify(
            target.workspace, whole[name].target.agency, console, Steps(quiet=True)
        ),
        lambda report: (report.ok, in_short(report)),
        parallel=how.parallel,
        quiet=how.quiet,
    )
    for name, result in results.items():
        if isinstance(result, HoabanError):
            whole[name].fail("verified", result)
        else:
            whole[name].verified = result
            whole[name].seconds["verify"] = result.seconds


def _report(deliveries: Sequence[Delivery]) -> None:
    for delivery in deliveries:
        if delivery.error is not None:
            continue
        target, started = delivery.target, time.monotonic()
        try:
            written = write_report(target.workspace, target.province, target.agency)
        except HoabanError as error:
            delivery.fail("reported", error)
        else:
            delivery.report = written.page
        delivery.seconds["report"] = time.monotonic() - started
