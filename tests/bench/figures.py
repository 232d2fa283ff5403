"""Prints figures as a table, and keeps them as JSON with what they were taken on."""

from __future__ import annotations

import json
import os
import platform
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FOLDER = Path(__file__).resolve().parents[2] / ".hoaban" / "bench"


class Figures:
    """The figures of one part, in order. A value is a number or a list of numbers, one a round."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.values: dict[str, Any] = {}
        self._load = os.getloadavg()[0]

    def add(self, name: str, value: float | str | Sequence[float]) -> None:
        """Note a figure and print it: a long run shows what it has."""
        if isinstance(value, float):
            value = round(value, 2)
        elif not isinstance(value, (int, str)):
            value = [round(one, 2) for one in value]
        self.values[name] = value
        print(f"{name:<52}{shown(value):>12}", flush=True)

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Note the seconds that the body takes."""
        started = time.monotonic()
        yield
        self.add(f"{name}, s", time.monotonic() - started)

    def save(self, folder: Path = FOLDER) -> Path:
        """Write the JSON; returns its file."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.part}.json"
        machine = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "cores": os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "kernel": platform.release(),
            "load_before": round(self._load, 2),
        }
        content = {"part": self.part, "machine": machine, "figures": self.values}
        file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return file


def shown(value: Any) -> str:
    """A value as a cell: of many, the median and the range."""
    if not isinstance(value, list):
        return str(value)
    if len(value) == 1:
        return str(value[0])
    return f"{round(median(value), 2)} ({min(value)} to {max(value)})"


def rounds(most: int, longest: float) -> Iterator[int]:
    """Numbers of rounds, from 0: ``most`` of them, and none that begins after ``longest`` seconds.

    There is always a first one.
    """
    started = time.monotonic()
    for number in range(most):
        if number and time.monotonic() - started > longest:
            return
        yield number


def ratios(ones: Sequence[float], others: Sequence[float]) -> list[float]:
    """Each figure to the other one of its round."""
    return [one / other for one, other in zip(ones, others, strict=True)]


def seconds(work: Callable[[], Any]) -> float:
    """Wall seconds of a call."""
    started = time.monotonic()
    work()
    return time.monotonic() - started
