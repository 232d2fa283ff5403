"""``hoaban plan``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hoaban.cli.choosing import (
    DiffOption,
    ExcludeDependentsOption,
    ExcludeOption,
    OperationsOption,
    RefreshOption,
    ReplaceOption,
    TargetDependentsOption,
    TargetOption,
    choose,
    looking,
)
from hoaban.cli.operation import (
    AgenciesArgument,
    AllOption,
    Failures,
    JsonOption,
    ParallelOption,
    targets_of,
)
from hoaban.console import print_json, stderr, stdout
from hoaban.errors import DriftError, HoabanError, UsageError, listed
from hoaban.files import write_atomic
from hoaban.provision import operations
from hoaban.provision.approval import require_planner, sign_as_planner
from hoaban.provision.display.drift import render_drift, render_unseen
from hoaban.provision.display.progress import Progress
from hoaban.provision.display.tree import render_changes
from hoaban.provision.engines import EngineName, engine_for
from hoaban.provision.fleet import Action
from hoaban.provision.importdraft import draft
from hoaban.provision.results import plan_json
from hoaban.sidebyside import error_of, operate, tell_of_foundation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pulumi.automation.events import EngineEvent
    from rich.text import Text

    from hoaban.engine.api import Options
    from hoaban.provision.operations import Plan
    from hoaban.provision.savedplan import SavedPlan
    from hoaban.provision.target import Target


def plan(
    agencies: AgenciesArgument = None,
    everything: AllOption = False,
    refresh: RefreshOption = None,
    expect_no_changes: Annotated[
        bool,
        typer.Option(
            "--expect-no-changes",
            help="Exit status 4 when anything would change, or was changed by hand",
        ),
    ] = False,
    target: TargetOption = None,
    target_dependents: TargetDependentsOption = False,
    exclude: ExcludeOption = None,
    exclude_dependents: ExcludeDependentsOption = False,
    replace: ReplaceOption = None,
    diff: DiffOption = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Save the plan here: `hoaban up --plan FILE` does just that"),
    ] = None,
    import_file: Annotated[
        Path | None,
        typer.Option(
            "--import-file",
            help="Write here, for `hoaban import --file`, what would be made; put in the ids",
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="Sign what is saved with this SSH key, as its planner"),
    ] = None,
    parallel: ParallelOption = None,
    operations_: OperationsOption = None,
    engine: Annotated[EngineName, typer.Option(help="Which engine plans")] = EngineName.AUTO,
    json_: JsonOption = False,
) -> None:
    """Show what provisioning would change, what was changed by hand, and what would be lost.

    One stack is shown as a tree, several by a line each: look at one of them by its name.

    Examples: `hoaban plan`, `hoaban plan xa-long-sap --refresh`, `hoaban plan --all`,
    `hoaban plan xa-long-sap --out plan.json`, `hoaban plan xa-long-sap --target '**::*-proxy'`,
    `hoaban plan xa-long-sap --exclude '**:Volume::**' --exclude-dependents --diff`
    """
    targets = targets_of(agencies, everything)
    one = not everything and len(targets) == 1
    options = choose(
        one=one,
        target=target,
        target_dependents=target_dependents,
        exclude=exclude,
        exclude_dependents=exclude_dependents,
        replace=replace,
        operations=operations_,
        diff=diff,
        record=out is not None,
        **looking(refresh),
    )
    if key is not None and out is None:
        raise UsageError("--key signs a saved plan", mend="name its file: --out FILE")
    if not one:
        for flag, given in (("--out", out), ("--import-file", import_file)):
            if given:
                raise UsageError(f"{flag} goes with one stack only", mend="name one agency")
        changed = _many(targets, options, parallel, engine, json_=json_)
    else:
        saving = Saving(out, key, import_file)
        changed = _single(targets[0], options, engine, saving, diff=diff, json_=json_)
    if expect_no_changes and changed:
        raise typer.Exit(int(DriftError.exit_code))


@dataclass(frozen=True, slots=True)
class Saving:
    """Files that a plan of one stack leaves: itself, signed by a key, and a draft to import."""

    out: Path | None
    key: Path | None
    import_file: Path | None


def _single(
    target: Target,
    options: Options,
    engine: EngineName,
    saving: Saving,
    *,
    diff: bool,
    json_: bool,
) -> bool:
    """Plan one stack, and tell; whether anything differs."""
    if saving.out is not None:
        require_planner(target, saving.key)
    events: list[EngineEvent] = []
    planned, progress = _one(target, options, engine, quiet=json_, diff=diff, events=events)
    told = plan_json(planned) | progress.properties()
    if saving.import_file is not None:
        text = json.dumps(draft(events), ensure_ascii=False, indent=2) + "\n"
        write_atomic(saving.import_file, text)
        told["importFile"] = str(saving.import_file)
    if planned.saved is not None and saving.out is not None:
        told["saved"] = _save(planned.saved, target, saving.out, saving.key)
    if json_:
        print_json(told)
    else:
        for line in render_drift(planned.drift):
            stdout().print(line, soft_wrap=True)
        stdout().print(render_changes(progress.board))
        stdout().print(progress.summary(planned=True))
        _tell(told)
    return _differs(planned)


def _differs(planned: Plan) -> bool:
    """Whether anything would change, or was changed by hand, though nothing is done about it."""
    return planned.result.changed or bool(planned.drift["changed"])


def _one(
    what: Target,
    options: Options,
    engine: EngineName,
    *,
    quiet: bool,
    diff: bool = False,
    events: list[EngineEvent] | None = None,
) -> tuple[Plan, Progress]:
    """Plan one stack; ``events`` is to hold what the engine told."""
    with Progress(f"Planning {what.stack_name}", quiet=quiet, diff=diff) as progress:

        def take(event: EngineEvent) -> None:
            progress.handle(event)
            if events is not None:
                events.append(event)

        found = operations.plan(what, engine_for(engine), take, options=options)
    return found, progress


def _save(saved: SavedPlan, target: Target, file: Path, key: Path | None) -> dict[str, str]:
    """Write a plan, signed where there is a key; returns what is told of it."""
    if key is not None:
        saved = sign_as_planner(saved, key, target.workspace.inventory)
    saved.write(file)
    stderr().print(f"saved: {file} ({saved.digest})", markup=False, soft_wrap=True)
    return {"file": str(file), "digest": saved.digest}


@dataclass(slots=True)
class _Planned:
    """What planning one of many came to."""

    target: Target
    entry: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    error: HoabanError | None = None


def _many(
    targets: Sequence[Target],
    options: Options,
    parallel: int | None,
    engine: EngineName,
    *,
    json_: bool,
) -> bool:
    """Plan each and tell; returns whether anything would change."""
    plans = [_Planned(target) for target in targets]
    for plan_ in plans:
        if plan_.target.agency is None:
            planned, progress = _one(plan_.target, options, engine, quiet=json_)
            plan_.entry, plan_.changed = plan_json(planned), _differs(planned)
            if not json_:
                stderr().print(f"{plan_.target.name}:", progress.summary(planned=True))
    agencies = [plan_ for plan_ in plans if plan_.target.agency is not None]
    missing = _missing_foundation(targets)
    if missing is not None:
        for plan_ in agencies:
            plan_.error = missing
    else:
        of = [plan_.target for plan_ in agencies]
        outcomes = operate(
            of, Action.PLAN, parallel=parallel, quiet=json_, engine=engine, options=options
        )
        for plan_ in agencies:
            outcome = outcomes[plan_.target.stack_name]
            plan_.entry, plan_.changed = dict(outcome.result), outcome.changed
            plan_.changed |= bool(plan_.entry.get("drift", {}).get("changed"))
            plan_.error = error_of(outcome)
    _show(plans, json_=json_)
    return any(plan_.changed for plan_ in plans)


def _missing_foundation(targets: Sequence[Target]) -> HoabanError | None:
    """Why no agency can be planned; raised where nothing else was planned."""
    try:
        tell_of_foundation(targets)
    except HoabanError as error:
        if all(target.agency is not None for target in targets):
            raise
        return error
    return None


def _show(plans: Sequence[_Planned], *, json_: bool) -> None:
    failures = Failures()
    for plan_ in plans:
        if plan_.error is not None:
            failures.add(plan_.target.stack_name, plan_.error)
    if json_:
        print_json(
            [
                {"stack": plan_.target.name, **plan_.entry, "errors": listed(plan_.error)}
                for plan_ in plans
            ]
        )
    else:
        for plan_ in plans:
            name = plan_.target.stack_name
            for line in _drift_of(plan_.entry, name):
                stdout().print(line, soft_wrap=True)
            _tell(plan_.entry, name)
        changed = sum(plan_.changed for plan_ in plans)
        failed = sum(plan_.error is not None for plan_ in plans)
        stdout().print(
            f"{len(plans)} stacks: {changed} would change, "
            f"{len(plans) - changed - failed} unchanged, {failed} failed"
        )
    failures.tell(quiet=json_)


def _drift_of(entry: dict[str, Any], stack: str) -> Iterable[Text]:
    return render_drift(entry["drift"], stack) if "drift" in entry else ()


def _tell(entry: dict[str, Any], stack: str = "") -> None:
    """Losses, what policies advise against, and what could not be checked or looked at."""
    of = f"{stack}: " if stack else ""
    for loss in entry.get("losses", ()):
        stdout().print(f"[bold red]loses data:[/] {of}{loss}")
    for line in entry.get("policies", ()):
        stderr().print(f"advised against: {of}{line}", markup=False)
    for line in entry.get("unchecked", ()):
        stderr().print(f"not checked: {of}{line}", markup=False)
    for line in render_unseen(entry["drift"], stack) if "drift" in entry else ():
        stderr().print(line, markup=False, soft_wrap=True)
