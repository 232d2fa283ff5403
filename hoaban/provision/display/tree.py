"""A plan, or what was done, as a tree of resources that reads like Pulumi's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from hoaban.provision.display.board import UNCHANGED, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from hoaban.provision.display.board import Board, Row

SIGNS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "delete": ("-", "red"),
    "replace": ("+-", "magenta"),
    "import": ("=", "blue"),
    "discard": ("<", "red"),
}
NO_SIGN = (" ", "dim")
PLANNED = {
    "create": "to create",
    "update": "to update",
    "delete": "to delete",
    "replace": "to replace",
    "import": "to import",
}
DONE = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "replace": "replaced",
    "import": "imported",
}
STACK = "pulumi:pulumi:Stack"


def sign_of(op: str) -> tuple[str, str]:
    """The sign of an operation and its colour."""
    return SIGNS.get(op, NO_SIGN)


def render_changes(board: Board, *, details: bool = True) -> RenderableType:
    """The changed resources under their parents, each with the properties that change."""
    return Group(*_lines(board, details=details))


def _lines(board: Board, *, details: bool) -> Iterator[Text]:
    shown = _with_ancestors(board)
    children: dict[str, list[Row]] = {}
    for row in board.rows.values():
        if row.urn in shown:
            children.setdefault(row.parent if row.parent in shown else "", []).append(row)
    for siblings in children.values():
        siblings.sort(key=_place)  # programs register side by side, in an order that varies
    for root in children.get("", []):
        yield from _branch(root, children, "", "", details=details)


def _place(row: Row) -> tuple[bool, str, str]:
    """Things of the cloud before components, then by type and name."""
    return not row.type.startswith("openstack:"), row.type, row.name


def _branch(
    row: Row, children: Mapping[str, list[Row]], here: str, below: str, *, details: bool
) -> Iterator[Text]:
    sign, style = sign_of(row.op)
    line = Text.assemble((f"{sign:>3} ", style), (here, "dim"), (row.kind, style), " ", row.name)
    if row.changed:
        line.append(f" {_word(row)}", style)
    yield line
    inner = children.get(row.urn, [])
    if row.changed and details:
        rail = below + ("│  " if inner else "   ")
        for change in row.changes:
            yield Text.assemble("    ", (rail, "dim"), (f"  {change}", sign_of_change(change.sign)))
    for message in row.messages:
        for text in message.splitlines():
            yield Text.assemble("    ", (below, "dim"), (f"  {text}", "bold red"))
    for child in inner:
        last = child is inner[-1]
        yield from _branch(
            child,
            children,
            below + ("└─ " if last else "├─ "),
            below + ("   " if last else "│  "),
            details=details,
        )


def sign_of_change(sign: str) -> str:
    """The colour of a property's change."""
    return {"+": "green", "-": "red"}.get(sign, "yellow")


def _word(row: Row) -> str:
    if row.phase is Phase.DONE:
        return f"{DONE.get(row.op, row.op)} ({row.seconds:.1f} s)"
    if row.phase is Phase.FAILED:
        return f"{row.op} FAILED"
    return row.op


def _with_ancestors(board: Board) -> set[str]:
    shown: set[str] = set()
    for row in board.rows.values():
        urn = row.urn if row.changed or row.messages else ""
        while urn and urn not in shown and urn in board.rows:
            shown.add(urn)
            urn = board.rows[urn].parent
    return shown


def render_summary(board: Board, *, planned: bool) -> Text:
    """How many resources change, in one line."""
    words = PLANNED if planned else DONE
    counted = board.counts
    parts = [
        Text(f"{sign_of(op)[0]}{count} {words.get(op, op)}", sign_of(op)[1])
        for op, count in sorted(counted.items(), key=lambda pair: _ORDER.get(pair[0], 9))
        if op in words and count
    ]
    same = sum(count for op, count in counted.items() if op in UNCHANGED)
    parts.append(Text(f"{same} unchanged", "dim"))
    return Text(", ").join(parts)


_ORDER = {op: place for place, op in enumerate(("create", "update", "replace", "delete"))}
