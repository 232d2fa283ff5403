"""Phases of long work, told with the seconds that each took."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Progress = Callable[[str], None]
"""Takes one line of progress."""


@dataclass(slots=True)
class Phases:
    """Runs phases in order and keeps their seconds, for the manifest and for benchmarks."""

    progress: Progress | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Tell one line."""
        if self.progress:
            self.progress(text)

    @contextmanager
    def phase(self, name: str, doing: str) -> Iterator[None]:
        """Run the body as phase ``name``; ``doing`` says what it does."""
        self.say(doing)
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 1)
        self.say(f"{doing}: done in {self.seconds[name]:.1f} s")
