"""What the verbs plan, up, refresh and destroy have in common."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hoaban.console import stderr
from hoaban.provision.guard import Consent
from hoaban.provision.target import Target
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.api import UpdateResult
    from hoaban.provision.guard import Loss

AgencyArgument = Annotated[
    str | None, typer.Argument(help="Slug of the agency; the province's foundation unless told")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing")]
DeleteDataOption = Annotated[
    bool, typer.Option("--delete-data", help="Things that hold data may be deleted")
]
AllowReplaceOption = Annotated[
    bool, typer.Option("--allow-replace", help="Things that hold data may be replaced")
]
TargetOption = Annotated[
    list[str] | None, typer.Option("--target", help="Only this URN; may be given again")
]


def target_of(agency: str | None) -> Target:
    """The target that the command line names, in the workspace it is run in."""
    return Target.load(Workspace.find(), agency)


def consent(*, yes: bool, delete_data: bool, allow_replace: bool) -> Consent:
    """How far the operation may go: by the flags, or by asking the person at the terminal."""
    asks = not yes and sys.stdin.isatty()
    return Consent(
        delete_data=delete_data, allow_replace=allow_replace, confirm=_ask if asks else None
    )


def _ask(losses: Sequence[Loss]) -> bool:
    stderr().print("[bold red]This would lose data:[/]")
    for loss in losses:
        stderr().print(f"  {loss}", markup=False)
    return typer.confirm("Go on?", default=False, err=True)


def result_json(result: UpdateResult) -> dict[str, Any]:
    """An operation's result as plain values; inputs, which may be secret, are left out."""
    steps = [
        {key: value for key, value in asdict(step).items() if key not in ("old", "new")}
        for step in result.steps
        if step.op not in ("same", "read")
    ]
    return {
        "kind": str(result.kind),
        "changes": dict(result.changes),
        "steps": steps,
        "seconds": round(result.duration_seconds, 1),
    }
