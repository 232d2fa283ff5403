"""What was changed by hand, line by line, before a plan of what would be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from hoaban.provision.display.changes import show
from hoaban.provision.drift import KEEPS, STATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WORDS = {
    "create": "up makes it again",
    "delete": "up deletes it",
    "replace": "up replaces it",
    "update": "up brings it back",
}


def render_drift(drift: Mapping[str, Any], stack: str = "") -> Iterator[Text]:
    """Each object with its properties, and the commands that bring them back or keep them.

    ``stack`` is told where several are shown.
    """
    of = f" in {stack}" if stack else ""
    changed = drift["changed"]
    if changed:
        yield Text(f"changed by hand{of}, since the last up or refresh:", "bold yellow")
    for one in changed:
        yield from _object(one)
    if changed:
        yield from _choice(drift)


def render_unseen(drift: Mapping[str, Any], stack: str = "") -> Iterator[str]:
    """What nobody looked at, and why: a line a reason."""
    of = f"{stack}: " if stack else ""
    if drift["compared_with"] == STATE:
        yield f"{of}compared with the state alone; changes by hand show with --refresh"
    reasons: dict[str, list[str]] = {}
    for one in drift["not_looked_at"]:
        reasons.setdefault(one["why"], []).append(f"{one['count']} {_kind(one['type'])}")
    for why, what in reasons.items():
        yield f"{of}not looked at: {', '.join(what)}: {why}"


def _object(one: Mapping[str, Any]) -> Iterator[Text]:
    gone = one["fate"] == "removed"
    sign, style = ("-", "red") if gone else ("~", "yellow")
    what = "is gone" if gone else "was changed"
    yield Text.assemble(
        (f"  {sign} ", style), (_kind(one["type"]), style), f" {one['name']} {what}"
    )
    for difference in one["properties"]:
        old, new = show(difference["state"]), show(difference["cloud"])
        yield Text(f"      {difference['path']}: {old} => {new}", style)
    yield Text("      " + "; ".join(_circumstances(one)), "dim")


def _circumstances(one: Mapping[str, Any]) -> Iterator[str]:
    if one["changed_at"]:
        yield f"last changed {one['changed_at']}"
    if by := one["by"]:
        who = f"{by['action']} by user {by['user'] or '?'} at {by['at'] or '?'}"
        yield f"{who} (request {by['request']})"
    gone = one["fate"] == "removed" and one["up"] == KEEPS
    otherwise = (
        "nothing is left to do" if gone else "up leaves it: the program does not say otherwise"
    )
    yield _WORDS.get(one["up"], otherwise)


def _choice(drift: Mapping[str, Any]) -> Iterator[Text]:
    commands = drift["commands"]
    yield Text.assemble("  to bring it back:  ", (commands["revert"], "bold"))
    yield Text.assemble(
        "  to keep it:        ",
        (commands["keep"], "bold"),
        " (and say it in the inventory, or the next up brings it back)",
    )


def _kind(type_: str) -> str:
    """The type as people read it: ``openstack:compute:Instance``."""
    package, _, rest = type_.partition(":")
    module, _, name = rest.rpartition(":")
    return ":".join(filter(None, (package, module.split("/")[0], name)))
