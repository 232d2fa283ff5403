"""Progress of many agencies: one line as each ends, and a live count meanwhile in a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hoaban.console import stderr

if TYPE_CHECKING:
    from rich.console import RenderableType

BAR_WIDTH = 30
REFRESHES = 4  # a second


class FleetProgress:
    """Counts what is done, failed and left of ``total``; ``width`` columns hold the names."""

    def __init__(
        self, title: str, total: int, *, side_by_side: int = 1, width: int = 0, quiet: bool = False
    ) -> None:
        self.done = 0
        self.failed = 0
        self._title = title
        self._total = total
        self._side_by_side = side_by_side
        self._width = width
        self._quiet = quiet
        self._started = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if not self._quiet:
            if stderr().is_terminal:
                self._live = Live(
                    console=stderr(),
                    get_renderable=self.render,
                    refresh_per_second=REFRESHES,
                    transient=True,
                )
                self._live.start()
            else:
                stderr().print(Text(f"{self._title}: {self._total}"))
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def took(self, name: str, *, ok: bool, words: str, seconds: float) -> None:
        """One has ended."""
        self.done += ok
        self.failed += not ok
        if self._quiet:
            return
        count = f"{self.done + self.failed:>{len(str(self._total))}}/{self._total}"
        mark = Text("✓", "green") if ok else Text("✗", "bold red")
        tail = Text(f"({seconds:.1f} s)", "dim")
        stderr().print(Text.assemble(mark, f" {count} {name:<{self._width}}  {words} ", tail))

    def render(self) -> RenderableType:
        """The count as it stands."""
        ended = self.done + self.failed
        head = Text.assemble((self._title, "bold"), f"  {ended} of {self._total}")
        if self.failed:
            head.append(f", {self.failed} failed", "bold red")
        under_way = min(self._side_by_side, self._total - ended)
        head.append(f", {under_way} under way, {time.monotonic() - self._started:.0f} s")
        row = Table.grid(padding=(0, 2))
        row.add_row(head, ProgressBar(total=self._total, completed=ended, width=BAR_WIDTH))
        return row
