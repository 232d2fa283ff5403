"""Shows what an update changed, or would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from hoaban.console import stdout
from hoaban.errors import HoabanError
from hoaban.update.journal import Journal, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.update.packages import Change


def show(journal: Journal) -> None:
    """The changes of a run, and how each wave ended."""
    changes(
        {name: host.changes for name, host in journal.hosts.items()},
        {name: _note(journal, name) for name in journal.hosts},
    )
    waves = {state: sum(wave.state is state for wave in journal.waves) for state in State}
    packages = sum(len(host.changes) for host in journal.hosts.values())
    words = f"{packages} packages on {len(journal.hosts)} hosts, {waves[State.DONE]} of "
    stdout().print(f"{words}{len(journal.waves)} waves done")


def changes(by_host: Mapping[str, Sequence[Change]], notes: Mapping[str, str]) -> None:
    """A row a package, from which version to which; a host without any has a row too."""
    table = Table("host", "package", "from", "to", box=None, pad_edge=False, header_style="dim")
    for name, found in by_host.items():
        if not found:
            table.add_row(name, Text("nothing", "dim"), "", "")
        for change in found:
            table.add_row(name, change.package, change.old or "new", change.new or "removed")
        if notes.get(name):
            table.add_row(name, Text(notes[name], "yellow"), "", "")
    stdout().print(table)


def previewed(by_host: Mapping[str, Sequence[Change]]) -> dict[str, Any]:
    """Plain values of what would change."""
    hosts = {name: [one.model_dump() for one in found] for name, found in by_host.items()}
    return {"hosts": {name: {"changes": found} for name, found in hosts.items()}}


def failure(journal: Journal) -> HoabanError | None:
    """The error that a run stopped with; None when it did not."""
    for number, wave in enumerate(journal.waves, 1):
        if wave.state is State.FAILED:
            left = sum(len(one.hosts) for one in journal.waves if one.state is State.WAITING)
            return HoabanError(
                f"the update stopped at wave {number} of {len(journal.waves)}: {wave.problems[0]}",
                mend=f"mend {', '.join(wave.hosts)}, then: hoaban update --resume; "
                f"{left} hosts were left as they are",
                detail="\n".join(wave.problems),
            )
    return None


def _note(journal: Journal, name: str) -> str:
    host = journal.hosts[name]
    notes = ["rebooted"] if host.rebooted else ["a reboot is due"] if host.reboot_due else []
    notes += [f"snapshot {host.snapshot}"] if host.snapshot else []
    return ", ".join(notes)
