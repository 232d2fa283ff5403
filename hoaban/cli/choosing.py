"""What the verbs on stacks have in common to choose resources, and to say how to go about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hoaban.engine.api import PARALLEL, Options
from hoaban.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

TargetOption = Annotated[
    list[str] | None,
    typer.Option("--target", help="Only this URN; again for more; * within colons, ** across"),
]
TargetDependentsOption = Annotated[
    bool, typer.Option("--target-dependents", help="And all that depends on the targets")
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", help="All but this URN; again for more; * within colons, ** across"),
]
ExcludeDependentsOption = Annotated[
    bool, typer.Option("--exclude-dependents", help="Nor what depends on what is excluded")
]
ReplaceOption = Annotated[
    list[str] | None,
    typer.Option("--replace", help="Make this URN anew though nothing changed; again for more"),
]
RefreshOption = Annotated[
    bool | None,
    typer.Option(
        "--refresh/--no-refresh",
        help="Read every object first, or believe the state; else one list a type shows changes by "
        "hand",
        show_default=False,
    ),
]
OperationsOption = Annotated[
    int | None,
    typer.Option(
        "--operations", min=1, help=f"How many calls at a time within one stack; usually {PARALLEL}"
    ),
]
ContinueOption = Annotated[
    bool, typer.Option("--continue-on-error", help="Go on with what does not depend on it")
]
DiffOption = Annotated[
    bool, typer.Option("--diff", help="Every property, old and new, uncut; secrets stay hidden")
]


def looking(refresh: bool | None) -> dict[str, bool]:
    """The options by which an operation sees what was changed by hand, from ``--refresh``."""
    return {"refresh": bool(refresh), "look": refresh is not False}


def choose(
    *,
    one: bool = True,
    target: Sequence[str] | None = None,
    target_dependents: bool = False,
    exclude: Sequence[str] | None = None,
    exclude_dependents: bool = False,
    replace: Sequence[str] | None = None,
    operations: int | None = None,
    diff: bool = False,
    **more: Any,
) -> Options:
    """The options of an operation; ``more`` are fields of :class:`Options` as they are.

    Raises where flags contradict each other, or name resources of several stacks: a URN is of one.
    """
    named = {"--target": target, "--exclude": exclude, "--replace": replace, "--diff": diff}
    for flag, given in named.items():
        if given and not one:
            raise UsageError(f"{flag} goes with one stack only", mend="name one agency")
    if target and exclude:
        raise UsageError("--target and --exclude exclude each other", mend="leave out one of them")
    if target_dependents and not target:
        raise UsageError("--target-dependents goes with --target", mend="name one: --target URN")
    if exclude_dependents and not exclude:
        raise UsageError("--exclude-dependents goes with --exclude", mend="name one: --exclude URN")
    both = sorted({*(replace or ())} & {*(exclude or ())})
    if both:
        raise UsageError(f"both to be replaced and excluded: {both[0]}", mend="leave out one")
    return Options(
        parallel=operations or PARALLEL,
        targets=tuple(target or ()),
        target_dependents=target_dependents,
        excludes=tuple(exclude or ()),
        exclude_dependents=exclude_dependents,
        replace=tuple(replace or ()),
        **more,
    )
