"""Progress of an operation: a live tree in a terminal, one line a change when piped."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hoaban.console import stderr
from hoaban.provision.display.board import Board, Phase
from hoaban.provision.display.tree import DONE, render_summary, sign_of

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent
    from rich.console import Console, RenderableType

    from hoaban.provision.display.board import Row

SHOWN_RUNNING = 12  # rows; the rest is counted, so that the picture stays on the screen
REFRESHES = 8  # a second
BAR_WIDTH = 30


class Progress:
    """Shows an operation while it runs. Give :meth:`handle` to the engine.

    ``total`` is how many steps are expected, from a plan; without it no bar is shown. With ``diff``
    properties of what is made or deleted are told as well, and no value is cut.
    """

    def __init__(
        self,
        title: str,
        *,
        total: int | None = None,
        console: Console | None = None,
        quiet: bool = False,
        diff: bool = False,
    ) -> None:
        self.board = Board(whole=diff)
        self._diff = diff
        self._title = title
        self._total = total
        self._console = console or stderr()
        self._quiet = quiet
        self._live: Live | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if not self._quiet and self._console.is_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self.render,
                refresh_per_second=REFRESHES,
                transient=True,
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def handle(self, event: EngineEvent) -> None:
        """Take an event of the engine."""
        with self._lock:
            row = self.board.take(event)
        said = event.diagnostic_event
        if said and not said.ephemeral:
            # A resource's error is told once: with its place and mend, when the operation ends.
            if said.severity != "error" or row is None:
                self._say(said.severity, said.message, row)
        elif row and row.changed and row.phase in (Phase.DONE, Phase.FAILED):
            self._tell(row)

    def render(self) -> RenderableType:
        """What is under way now."""
        with self._lock:
            rows = list(self.board.rows.values())
        running = [row for row in rows if row.phase is Phase.RUNNING and row.changed]
        done = sum(row.phase is Phase.DONE and row.changed for row in rows)
        failed = sum(row.phase is Phase.FAILED for row in rows)
        head = Text.assemble((self._title, "bold"), f"  {done} done")
        if failed:
            head.append(f", {failed} failed", "bold red")
        table = Table.grid(padding=(0, 1))
        for row in running[:SHOWN_RUNNING]:
            sign, style = sign_of(row.op)
            table.add_row(
                Text(f"{sign:>3}", style),
                Text(row.kind, style),
                row.name,
                Text(f"{row.seconds:.0f} s", "dim"),
            )
        top = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=self._total, completed=done, width=BAR_WIDTH)
        top.add_row(head, *([bar] if self._total else []))
        parts: list[RenderableType] = [top, table]
        if len(running) > SHOWN_RUNNING:
            parts.append(Text(f"    and {len(running) - SHOWN_RUNNING} more", "dim"))
        return Group(*parts)

    def summary(self, *, planned: bool = False) -> Text:
        """The counts at the end."""
        return render_summary(self.board, planned=planned)

    def properties(self) -> dict[str, Any]:
        """With ``diff`` the changes of each resource, to be put beside a result; else nothing."""
        return {"properties": self.board.properties()} if self._diff else {}

    def _tell(self, row: Row) -> None:
        sign, style = sign_of(row.op)
        word = DONE.get(row.op, row.op) if row.phase is Phase.DONE else f"{row.op} FAILED"
        self._print(
            Text.assemble(
                (f"{sign:>3} ", style), f"{row.kind} {row.name} {word} ({row.seconds:.1f} s)"
            )
        )
        for change in row.changes:
            self._print(Text(f"      {change}", "dim"))

    def _say(self, severity: str, message: str, row: Row | None) -> None:
        style = {"error": "bold red", "warning": "yellow"}.get(severity)
        about = f"{row.name}: " if row else ""
        if style:
            for line in message.strip().splitlines():
                self._print(Text(f"    {severity}: {about}{line}", style))

    def _print(self, text: Text) -> None:
        if not self._quiet:
            self._console.print(text)
