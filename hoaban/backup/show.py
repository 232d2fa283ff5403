"""Backups and drills in words and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from hoaban.backup.evidence import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from hoaban.backup.evidence import Drill
    from hoaban.backup.journal import Entry
    from hoaban.backup.overview import Kept

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
MINUTE, HOUR, DAY = 60, 3600, 86400
LOOK = {Verdict.PROVED: "green", Verdict.FAILED: "bold red", Verdict.UNPROVED: "yellow"}


def sized(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return "-"
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} B"


def ago(age: timedelta) -> str:
    """An age for people."""
    seconds = age.total_seconds()
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if abs(seconds) >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def table_of(kept: Sequence[Kept]) -> Table:
    """Snapshots by host, the newest first; a host without any has a row that says so."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("host", "snapshot", "time (UTC)", "age", "RPO", "size", "paths"):
        table.add_column(title, overflow="fold")
    for one in kept:
        rpo = f"{one.client.policy.rpo_hours} h"
        if one.error is not None:
            table.add_row(one.client.name, Text("not known", "yellow"), "", "", rpo, "", "")
        elif not one.snapshots:
            table.add_row(one.client.name, Text("none", "bold red"), "", "", rpo, "", "")
        for snapshot in reversed(one.snapshots):
            late = snapshot is one.newest and not one.in_time
            table.add_row(
                one.client.name,
                snapshot.short,
                f"{snapshot.time:%Y-%m-%d %H:%M}",
                Text(ago(snapshot.age(one.asked)), "bold red" if late else ""),
                rpo,
                sized(snapshot.bytes),
                " ".join(snapshot.paths),
            )
    return table


def drill_line(entry: Entry, done: Drill) -> Text:
    """A drill in a line."""
    files = f"{done.files.same} files as they were" if done.files else "nothing compared"
    parts = [files]
    if done.databases:
        rows = sum(one.rows for one in done.databases)
        parts.append(f"{len(done.databases)} databases with {rows} rows")
    if done.age is not None:
        parts.append(f"RPO {ago(done.age)} of {done.rpo_seconds / HOUR:g} h")
    if done.took_seconds is not None:
        parts.append(f"RTO {done.took_seconds:.0f} s of {done.rto_seconds / HOUR:g} h")
    text = Text(str(done.verdict), LOOK[done.verdict])
    text.append(f" {done.host}: {', '.join(parts)}; entry {entry.number}", "default")
    return text
