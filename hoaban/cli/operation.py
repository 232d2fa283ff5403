"""What the verbs about stacks have in common."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from hoaban.console import print_error, stderr
from hoaban.errors import ExitCode, HoabanError, UsageError
from hoaban.inventory.fleet import Fleet
from hoaban.provision.display.drift import render_drift
from hoaban.provision.drift import KEEPS
from hoaban.provision.guard import Consent
from hoaban.provision.target import Target
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.provision.guard import Loss

AgenciesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Slugs of agencies; the province's foundation unless told"),
]
AllOption = Annotated[bool, typer.Option("--all", help="The foundation and every agency")]
ProvisionedOption = Annotated[
    bool, typer.Option("--all", help="The foundation and every agency that is provisioned")
]
ParallelOption = Annotated[
    int | None,
    typer.Option(
        "--parallel", min=1, help="How many agencies side by side; one a core, two at least"
    ),
]
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


def target_of(agency: str | None) -> Target:
    """The target that the command line names, in the workspace it is run in."""
    return Target.load(Workspace.find(), agency)


def targets_of(agencies: Sequence[str] | None, everything: bool) -> list[Target]:
    """The targets that the command line names, the foundation first: all of the inventory's or few.

    Without a name it is the foundation alone.
    """
    _either(agencies, everything)
    first = target_of(None)
    if everything:
        return [first, *(first.of(slug) for slug in sorted(first.province.agencies))]
    for slug in agencies or ():
        first.province.agency(slug)  # one that is not there has its own error
    return [first.of(slug) for slug in dict.fromkeys(agencies or (None,))]


def provisioned(
    workspace: Workspace, agencies: Sequence[str] | None, everything: bool
) -> list[str | None]:
    """The stacks that the command line names, among those with a state; None is the foundation."""
    _either(agencies, everything)
    if not everything:
        return list(dict.fromkeys(agencies or (None,)))
    states = [state for state in Fleet.read(workspace).states if not state.drill]
    found = [state.outputs.environment.agency for state in states]
    if not found:
        raise HoabanError("nothing is provisioned yet", mend="hoaban up --all")
    return sorted(found, key=lambda agency: agency or "")


def name_of(agency: str | None) -> str:
    """What a stack is called in messages."""
    return agency or "the foundation"


def _either(agencies: Sequence[str] | None, everything: bool) -> None:
    if agencies and everything:
        raise UsageError("--all goes without names", mend="leave out --all, or the names")


def require_yes(question: str, *, yes: bool) -> None:
    """Return when the person agrees, by --yes or when asked; the command ends when not."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked", mend="run it again with --yes")
    if not typer.confirm(question, err=True):
        raise typer.Exit(int(ExitCode.ERROR))


def consent(*, yes: bool, delete_data: bool, allow_replace: bool, quiet: bool = False) -> Consent:
    """How far the operation may go: by the flags, or by asking the person at the terminal.

    What was changed by hand is told in any case, unless ``quiet``: JSON has it.
    """
    asks = not yes and sys.stdin.isatty()

    def revert(drift: Mapping[str, Any]) -> bool:
        for line in () if quiet else render_drift(drift):
            stderr().print(line, soft_wrap=True)
        needed = asks and any(one["up"] != KEEPS for one in drift["changed"])
        return not needed or typer.confirm("Bring it back?", default=True, err=True)

    return Consent(
        delete_data=delete_data,
        allow_replace=allow_replace,
        confirm=_ask if asks else None,
        revert=revert,
    )


def _ask(losses: Sequence[Loss]) -> bool:
    stderr().print("[bold red]This would lose data:[/]")
    for loss in losses:
        stderr().print(f"  {loss}", markup=False)
    return typer.confirm("Go on?", default=False, err=True)


class Failures:
    """Errors of several stacks, told whole at the end, alike ones once."""

    def __init__(self) -> None:
        self._by_text: dict[str, tuple[HoabanError, list[str]]] = {}
        self.stopped = False

    def add(self, stack: str, error: HoabanError) -> None:
        """Note what went wrong with a stack."""
        self._by_text.setdefault(str(error), (error, []))[1].append(stack)
        self.stopped = self.stopped or error.exit_code is ExitCode.INTERRUPTED

    def tell(self, *, quiet: bool) -> None:
        """Print them, unless JSON has them; leaves with the exit status if there are any."""
        if not self._by_text:
            return
        for error, stacks in self._by_text.values() if not quiet else ():
            stderr().print()
            count = f" ({len(stacks)})" if len(stacks) > 1 else ""
            stderr().print(Text(f"{', '.join(stacks)}{count}:", "bold"))
            print_error(error)
        raise typer.Exit(int(ExitCode.INTERRUPTED if self.stopped else ExitCode.ERROR))
