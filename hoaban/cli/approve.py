"""``hoaban approve``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hoaban.cli.operation import JsonOption, YesOption
from hoaban.console import print_json, stderr, stdout
from hoaban.engine.embedded.properties import MASK, SECRET_SIGNATURE, signature
from hoaban.errors import ExitCode, UsageError
from hoaban.provision.approval import approve as sign_approval
from hoaban.provision.approval import approvers_of, planner_of
from hoaban.provision.display.changes import show
from hoaban.provision.savedplan import SavedPlan
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def approve(
    file: Annotated[Path, typer.Argument(help="What `hoaban plan --out FILE` wrote")],
    key: Annotated[
        Path | None, typer.Option("--key", help="Approve it: sign it with this SSH key")
    ] = None,
    yes: YesOption = False,
    json_: JsonOption = False,
) -> None:
    """Show a saved plan and who signed it; with --key approve it, as another than its planner.

    Whose keys count is said by allowed_signers in the inventory.

    Examples: `hoaban approve plan.json`, `hoaban approve plan.json --key ~/.ssh/id_ed25519`
    """
    plan = SavedPlan.read(file)
    inventory = Workspace.find().inventory
    if not json_:
        for line in _lines(plan):
            stdout().print(line, markup=False, highlight=False, soft_wrap=True)
    if key is not None:
        _ask(yes=yes)
        plan, who = sign_approval(plan, key, inventory)
        plan.write(file)
        stderr().print(f"approved by {who}", markup=False)
    planner = str(planner_of(plan, inventory)) if plan.signatures else None
    approvers = [str(one) for one in approvers_of(plan, inventory)] if planner else []
    if json_:
        print_json(
            {
                "stack": plan.stack,
                "digest": plan.digest,
                "steps": [_step_json(step) for step in plan.steps()],
                "losses": plan.body["losses"],
                "planner": planner,
                "approvers": approvers,
            }
        )
        return
    stdout().print(f"planner: {planner or 'nobody has signed'}", markup=False)
    stdout().print(f"approved by: {', '.join(approvers) or 'nobody yet'}", markup=False)


def _ask(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked", mend="look at the plan, then add --yes")
    if not typer.confirm("Approve this plan?", err=True):
        raise typer.Exit(int(ExitCode.ERROR))


def _lines(plan: SavedPlan) -> Iterator[str]:
    """A plan for people: all that would change, from what the digest covers."""
    yield f"{plan.stack}, planned {plan.body['made']} by {plan.body['made_by']}"
    yield plan.digest
    for step in plan.steps():
        yield f"  {step['op']} {step['type'].rpartition(':')[2]} {step['urn'].rpartition('::')[2]}"
        for path, value in _values(step):
            yield f"      {path}: {value}"
    yield f"{len(plan.steps())} steps" if plan.steps() else "nothing would change"
    for loss in plan.body["losses"]:
        yield f"loses data: {loss}"


def _values(step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The inputs that a step gives, or of a change those that differ; secrets say nothing."""
    inputs = step.get("inputs", {})
    changed = {path.partition(".")[0].partition("[")[0] for path in step.get("diffs", ())}
    for name, value in sorted(inputs.items()):
        if not changed or name in changed:
            yield name, _masked(value)
    for name in sorted(changed - inputs.keys()):
        yield name, "(none)"


def _masked(value: Any) -> str:
    return show(_hidden(value)).replace(f'"{MASK}"', MASK)


def _hidden(value: Any) -> Any:
    if signature(value) == SECRET_SIGNATURE:
        return MASK
    if isinstance(value, dict):
        return {key: _hidden(item) for key, item in value.items()}
    return [_hidden(item) for item in value] if isinstance(value, list) else value


def _step_json(step: Mapping[str, Any]) -> dict[str, Any]:
    return {"op": step["op"], "urn": step["urn"], "inputs": dict(_values(step))}
