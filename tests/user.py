"""The command ``hoaban`` as a person runs it, and what docs/errors.md says that it tells."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoaban.errors import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "errors.md"
COLUMNS = 5
WILD = "…"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the page: ``…`` in what is said stands for any text of one line."""

    name: str
    said: str
    mend: str
    code: int
    test: str

    @property
    def pattern(self) -> str:
        """The error as a regular expression over whole lines."""
        return f"^error: {_wild(self.said)}$(\n  \\| .*)*\n  mend: {_wild(self.mend)}$"


@dataclass(frozen=True, slots=True)
class Told:
    """What a command printed, and its exit status."""

    code: int
    out: str
    err: str


def rows() -> dict[str, Row]:
    """The page's rows by what went wrong."""
    found = {}
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == COLUMNS and cells[3].isdigit():
            name, said, mend, code, test = cells
            found[name] = Row(name, said, mend, int(code), test)
    return found


def assert_told(told: Told, name: str) -> None:
    """The command ended as the page's row says: that error, once, and no other; no traceback."""
    row = rows()[name]
    assert told.code == row.code, told
    assert len(re.findall(row.pattern, told.err, re.MULTILINE)) == 1, f"{row.pattern}\n{told.err}"
    assert told.err.count("error: ") == 1, told.err
    assert "Traceback" not in told.err + told.out


def assert_told_as_json(told: Told, name: str) -> dict[str, Any]:
    """The same as one JSON document on standard output, and nothing beside it."""
    row = rows()[name]
    assert told.code == row.code, told
    error: dict[str, Any] = json.loads(told.out)["error"]
    place = str(Location(**error.get("where", {})))
    said = f"{place}: {error['what']}" if place else error["what"]
    assert re.fullmatch(_wild(row.said), said), error
    assert re.fullmatch(_wild(row.mend), error["mend"]), error
    assert "Traceback" not in told.err
    assert "error: " not in told.err
    return error


def _wild(text: str) -> str:
    return ".*?".join(re.escape(part) for part in text.split(WILD))


@dataclass(frozen=True, slots=True)
class Job:
    """A command that runs, with all that it has printed so far in files."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def reached(self, text: str, times: int) -> bool:
        """Whether standard error has a text so often, or the command has ended before."""
        return self.err.read_text("utf-8").count(text) >= times or self.ended

    @property
    def ended(self) -> bool:
        """Whether the command has ended."""
        return self.process.poll() is not None

    def interrupt(self) -> None:
        """Press Ctrl-C: the terminal sends SIGINT to all processes of the job."""
        os.killpg(self.process.pid, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody in a folder, with an environment. ``secrets`` must never be printed."""

    folder: Path
    environment: dict[str, str]
    secrets: tuple[str, ...] = ()

    def run(self, *arguments: str, under: Sequence[str] = (), **environment: str) -> Told:
        """Run ``hoaban`` to its end."""
        return self.end(self.start(*arguments, under=under, **environment))

    def start(self, *arguments: str, under: Sequence[str] = (), **environment: str) -> Job:
        """Start ``hoaban`` as a job of its own, by the command ``under`` if there is one."""
        # A job that a shell runs in the background has SIGINT ignored, and hands that on.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        place = Path(tempfile.mkdtemp(dir=self.folder, prefix="job-"))
        with (place / "out").open("wb") as out, (place / "err").open("wb") as err:
            process = subprocess.Popen(
                [*under, sys.executable, "-m", "hoaban", *arguments],
                cwd=self.folder,
                env={**os.environ, **self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                process_group=0,
            )
        return Job(process, place / "out", place / "err")

    def end(self, job: Job, seconds: float = 400) -> Told:
        """Wait for a job; one that hangs is killed and fails the test."""
        try:
            code = job.process.wait(seconds)
        except subprocess.TimeoutExpired:
            job.process.kill()
            raise
        told = Told(code, job.out.read_text("utf-8"), job.err.read_text("utf-8"))
        for secret in self.secrets:
            assert secret not in told.out + told.err
        return told


def wait_for(what: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)
