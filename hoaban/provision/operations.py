"""Plan, up, refresh, destroy: an engine's operations with the toolkit's care around them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from hoaban.engine.api import Options, ProtectedError
from hoaban.engine.embedded.choice import destroyed
from hoaban.engine.embedded.store import open_stack
from hoaban.errors import HoabanError, ManyErrors
from hoaban.provision.approval import require_approval
from hoaban.provision.drift import drift_json, unlooked
from hoaban.provision.guard import (
    DELETES,
    SERVER,
    VOLUME,
    Consent,
    Loss,
    losses_of_state,
    losses_of_steps,
)
from hoaban.provision.leftovers import forget, note, noted, projects_of, sweep
from hoaban.provision.policies import advised, located, policy_packs
from hoaban.provision.preflight import preflight, reach
from hoaban.provision.savedplan import Phase, SavedPlan, require_same
from hoaban.provision.stacks import stack_for
from hoaban.provision.target import DrillTarget

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pulumi.automation.events import EngineEvent

    from hoaban.engine.api import Engine, EventHandler, PlannedStep, Stack, UpdateResult
    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.updateplan import UpdatePlan
    from hoaban.provision.target import Target


QUOTAS = ("openstack:compute/quotaSetV2:QuotaSetV2", "openstack:blockstorage/quoteSetV3:QuoteSetV3")


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``up`` would do."""

    result: UpdateResult
    losses: list[Loss]
    unchecked: list[str]
    protected: list[str] = field(default_factory=list)
    """URNs that the plan deletes or replaces although they are protected."""
    violations: list[str] = field(default_factory=list)
    """What policies advise against, each with its line of the inventory."""
    drift: Mapping[str, Any] = field(default_factory=unlooked)
    """What was changed by hand, as :func:`hoaban.provision.drift.drift_json` tells it."""
    saved: SavedPlan | None = None
    """The plan as a file would hold it, where it was to be recorded."""


def plan(
    target: Target,
    engine: Engine,
    on_event: EventHandler,
    *,
    options: Options | None = None,
    config: Mapping[str, str] | None = None,
) -> Plan:
    """Check the cloud, and tell what ``up`` would do and what it would lose."""
    stack = stack_for(target, config)
    options = options or Options()
    options = _able(replace(options, policy_packs=policy_packs()), engine)
    unchecked = preflight(target, stack, refresh=_mends(options))
    planned = _rehearse(target, engine, stack, options, on_event, unchecked)
    if not options.record:
        return planned
    return replace(planned, saved=_save(target, engine, stack, options, planned))


def up(
    target: Target,
    engine: Engine,
    on_event: EventHandler,
    *,
    consent: Consent,
    options: Options | None = None,
    config: Mapping[str, str] | None = None,
    saved: SavedPlan | None = None,
) -> UpdateResult:
    """Make the cloud as the inventory says; asks before data is lost.

    With a ``saved`` plan that and nothing else is done, with the plan's own options.
    """
    require_approval(target, saved)
    stack = stack_for(target, config)
    options = replace(options or Options(), policy_packs=policy_packs())
    phases: Sequence[Phase] = ()
    if saved is not None:
        saved.require_fit(target, engine, stack)
        phases = saved.phases(stack.passphrase_of(target.project, target.stack_name))
        same = saved.options
        options = replace(options, **same.choices(), record=True)
    options = _able(options, engine)
    preflight(target, stack, refresh=_mends(options))
    planned = _rehearse(target, engine, stack, options, _ignore, [])
    for phase in phases[-1:]:
        require_same(phase.plan, planned.result.plan)
    consent.require(planned.losses)
    consent.require_revert(planned.drift)
    changed = bool(planned.drift["changed"])  # else there is nothing that a second look would find
    options = replace(
        options, rehearsed=True, record=False, released=planned.protected, look=changed
    )
    updates: list[tuple[Mapping[str, str], UpdatePlan | None]]
    updates = [(phase.config, phase.plan) for phase in phases]
    updates = updates or [(config, None) for config in _configs(target, planned.result.steps)]
    results = []
    for more, held in updates:
        configured = replace(stack, config={**stack.config, **more})
        with located(target):
            results.append(engine.up(configured, replace(options, plan=held), on_event))
        # Once is what was asked for.
        options = replace(options, released=(), replace=(), look=False)
    return replace(reduce(_joined, results), sight=planned.result.sight)


def _able(options: Options, engine: Engine) -> Options:
    """Without a look where the engine takes none."""
    return options if engine.looks else replace(options, look=False)


def _mends(options: Options) -> bool:
    """Whether the operation sees by itself what was changed by hand, and mends it."""
    part = options.targets or options.excludes
    return options.refresh or (options.look and not part)


def _configs(target: Target, steps: Iterable[PlannedStep]) -> list[dict[str, str]]:
    """What each of the updates is configured with that the steps take; see :func:`quota_floor`."""
    floor = quota_floor(steps)
    return [{f"{target.project}:quotaFloor": json.dumps(floor)}, {}] if floor else [{}]


def _save(
    target: Target, engine: Engine, stack: Stack, options: Options, planned: Plan
) -> SavedPlan:
    """A plan with all the updates that it takes; each but the last is previewed as well."""
    options = replace(options, released=planned.protected)
    phases = []
    for config in _configs(target, planned.result.steps):
        result = planned.result
        if config:
            held = replace(stack, config={**stack.config, **config})
            result = engine.preview(held, options, _ignore)
        if result.plan is None:
            raise HoabanError(
                f"the engine {engine.name} does not record plans", mend="use --engine embedded"
            )
        phases.append(Phase(config, result.plan))
    crypter = open_stack(stack, create=False).store.crypter
    losses = [str(loss) for loss in planned.losses]
    return SavedPlan.make(target, engine, crypter, phases, options, losses)


def quota_floor(steps: Iterable[PlannedStep]) -> dict[str, float]:
    """Quotas that may fall only when what uses them is gone, by property; none if nothing goes.

    Nova and Cinder refuse a quota below what is in use, and an engine deletes last.
    """
    told = list(steps)
    if not any(step.op in DELETES and step.type in (SERVER, VOLUME) for step in told):
        return {}
    olds = [step.old for step in told if step.type in QUOTAS and step.op == "update"]
    return {
        name: value
        for old in olds
        for name, value in old.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _joined(first: UpdateResult, second: UpdateResult) -> UpdateResult:
    """Two updates that were one to the person: what stayed in both is unchanged."""
    done = [step for step in first.steps if step.op not in ("same", "read")]
    changes = Counter(second.changes)
    changes.update({op: n for op, n in first.changes.items() if op not in ("same", "read")})
    return replace(
        second,
        changes=dict(changes),
        steps=[*done, *second.steps],
        duration_seconds=first.duration_seconds + second.duration_seconds,
    )


def refresh(
    target: Target, engine: Engine, on_event: EventHandler, *, options: Options | None = None
) -> UpdateResult:
    """Read the cloud into the state; the result's steps tell what was changed by hand."""
    stack = stack_for(target)
    if resources_of(stack):
        reach(stack)
    return engine.refresh(stack, options or Options(), on_event)


def destroy(
    target: Target,
    engine: Engine,
    on_event: EventHandler,
    *,
    consent: Consent,
    options: Options | None = None,
) -> UpdateResult:
    """Delete all that the stack made, or what is chosen; asks first when that takes data along."""
    options = options or Options()
    dependents = target.dependents()
    drill = next((one for one in dependents if isinstance(one, DrillTarget)), None)
    if drill is not None:
        whose = target.agency or "the foundation"
        raise HoabanError(
            f"the scratch server of a restore drill stands in the networks of {whose}",
            mend=f"if no drill is under way: hoaban backup drill {drill.stack_name} --clean",
        )
    standing = [dependent.stack_name for dependent in dependents]
    if standing:
        raise HoabanError(
            f"{len(standing)} agencies stand on this foundation: {', '.join(standing)}",
            mend="remove them first: hoaban destroy AGENCY",
        )
    stack = stack_for(target)
    resources = resources_of(stack)
    if resources or noted(target):
        reach(stack)
    going = destroyed(resources, options)
    consent.require(losses_of_state(going, _keepers(target)))
    held = [one.urn for one in going if one.protect or one.retain_on_delete]
    options = replace(options, released=held)
    projects = note(target, projects_of(going))
    result = engine.destroy(stack, options, on_event)
    for project in sorted(projects):
        sweep(stack, project)
    forget(target)
    return result


def resources_of(stack: Stack) -> list[Resource]:
    """All resources of a stack's state, as they stand in it."""
    return list(open_stack(stack, create=False).store.load().snapshot.resources)


def _rehearse(
    target: Target,
    engine: Engine,
    stack: Stack,
    options: Options,
    on_event: EventHandler,
    unchecked: list[str],
) -> Plan:
    """Preview; where protection stands in the way, once more as if there were none.

    So the plan shows what is asked for as a whole, and consent is asked once, for all of it.
    """
    events: list[EngineEvent] = []
    protected: list[str] = []
    try:
        with located(target):
            result = engine.preview(stack, options, events.append)
    except HoabanError as error:
        protected = _protected(error)
        if not protected:
            _replay(events, on_event)
            raise
        events.clear()
        options = replace(options, released=protected)
        with located(target):
            result = engine.preview(stack, options, events.append)
    _replay(events, on_event)
    losses = losses_of_steps(result.steps, _keepers(target))
    advice = [advised(target, one) for one in result.violations]
    drift = drift_json(result, target.agency, refreshed=options.refresh)
    return Plan(result, losses, unchecked, protected, advice, drift)


def _replay(events: list[EngineEvent], on_event: EventHandler) -> None:
    for event in events:
        on_event(event)


def _protected(error: HoabanError) -> list[str]:
    """URNs whose protection is all that is wrong; none when something else is as well."""
    errors = error.errors if isinstance(error, ManyErrors) else [error]
    urns = [e.where.urn for e in errors if isinstance(e, ProtectedError) and e.where]
    return [urn for urn in urns if urn] if len(urns) == len(errors) else []


def _keepers(target: Target) -> set[str]:
    """Names of built servers that have data volumes."""
    built = target.built()
    return {host.name for host in built.environment.hosts if host.volumes} if built else set()


def _ignore(_: EngineEvent) -> None:
    """A rehearsal that nobody watches."""
