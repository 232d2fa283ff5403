"""Words to people: standard output for results, standard error for progress and errors.

Results go to standard output, so that they can be piped; everything else goes to standard error.
Colours follow the terminal and ``NO_COLOR`` (https://no-color.org).
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from hoaban.errors import HoabanError, ManyErrors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType


PIPED_WIDTH = 240
"""Columns of tables that no terminal bounds."""


@cache
def stdout() -> Console:
    """Console of results; one that is piped has room for whole rows."""
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    return Console(file=sys.stdout, highlight=False, soft_wrap=True, emoji=False, width=width)


@cache
def stderr() -> Console:
    """Console of progress, warnings and errors."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True, emoji=False)


def print_json(value: Any) -> None:
    """Write one JSON document to standard output, Vietnamese letters as they are."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def print_error(error: HoabanError, *, as_json: bool = False) -> None:
    """Tell an error: on standard error for people, on standard output as JSON when asked."""
    if as_json:
        print_json(error.to_json())
        return
    for one in error.errors if isinstance(error, ManyErrors) else [error]:
        text = Text("error: ", style="bold red")
        if one.where and str(one.where):
            text.append(f"{one.where}: ", style="bold")
        text.append(one.what, style="default")
        stderr().print(text)
        if one.detail:
            stderr().print(Text("\n".join(f"  | {line}" for line in one.detail.splitlines())))
        if one.mend:
            stderr().print(Text.assemble(("  mend: ", "green"), one.mend))
    if isinstance(error, ManyErrors):
        stderr().print(Text(f"{len(error.errors)} errors", style="bold red"))


class Step:
    """One piece of long work, shown with its state, what it waits for and its seconds."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.state = "running"
        self.detail = ""
        self.started = time.monotonic()
        self.ended: float | None = None
        self._spinner = Spinner("dots", style="cyan")

    @property
    def seconds(self) -> float:
        """Seconds from the step's start to its end, or until now."""
        return (self.ended or time.monotonic()) - self.started

    def mark(self) -> RenderableType:
        """The sign before the title."""
        marks = {"done": Text("✓", "green"), "failed": Text("✗", "bold red")}
        return marks.get(self.state, self._spinner)


class Steps:
    """Progress of long work as a list of steps.

    In a terminal the list is alive; when piped, each step is a line at its start, at each change
    of its detail and at its end, so that a log reads well.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.steps: list[Step] = []
        self._quiet = quiet
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if not self._quiet and stderr().is_terminal:
            self._live = Live(
                console=stderr(), get_renderable=self.render, refresh_per_second=8, transient=False
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def render(self) -> RenderableType:
        """The list as it stands."""
        table = Table.grid(padding=(0, 1))
        for step in self.steps:
            table.add_row(
                step.mark(),
                step.title,
                Text(f"{step.seconds:.0f} s", "dim"),
                Text(step.detail, "dim", overflow="ellipsis", no_wrap=True),
            )
        return table

    def start(self, title: str) -> Step:
        """Begin a step."""
        step = Step(title)
        self.steps.append(step)
        self._line(step, "…")
        return step

    def update(self, step: Step, detail: str) -> None:
        """Say what a step is doing or waiting for."""
        if detail != step.detail:
            step.detail = detail
            self._line(step, f"… {detail}")

    def end(self, step: Step, *, ok: bool = True, detail: str = "") -> None:
        """End a step."""
        step.state = "done" if ok else "failed"
        step.ended = time.monotonic()
        step.detail = detail or ("" if ok else step.detail)
        mark = "done" if ok else "FAILED"
        tail = f": {step.detail}" if step.detail else ""
        self._line(step, f"{mark} after {step.seconds:.1f} s{tail}")

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Run the body as one step; an exception ends it as failed."""
        step = self.start(title)
        try:
            yield step
        except BaseException:
            self.end(step, ok=False)
            raise
        if step.ended is None:
            self.end(step, detail=step.detail)

    def _line(self, step: Step, text: str) -> None:
        if self._live is None and not self._quiet:
            stderr().print(Text(f"{step.title}: {text}"))
