"""Runs the parts of the test suite in order and says what took how long.

``python -m tests.run`` runs all; ``python -m tests.run unit engine`` some. Every part runs even
when an earlier one failed, except those that need a lab which did not come up. Parts that keep one
processor busy run beside those that mostly wait; such a part prints when it has ended. What a part
prints is also kept as ``.hoaban/test-reports/PART.log``; the end of each failed one is shown again
last, so that nobody has to search thousands of lines for it.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from hoaban.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / ".hoaban" / "test-reports"
TAIL_LINES = 40
"""How much of a failed part is shown again."""

ON_S3 = "tests/cloud/test_state_on_s3.py"
"""Waits for time to pass more than anything: a part of its own, beside others."""

Commands = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One part: commands run in order, and the parts without which it can't run."""

    commands: Commands
    needs: tuple[str, ...] = ()


def pytest(*args: str, name: str) -> tuple[str, ...]:
    """A pytest call that leaves a JUnit report and names its slowest tests."""
    report = f"--junit-xml={REPORTS / name}.xml"
    return ("pytest", "--quiet", "--durations=5", "--durations-min=1.0", report, *args)


PARTS: dict[str, Part] = {
    "machine": Part((("hoaban", "doctor", "core", "--mend"),)),
    "unit": Part((pytest("-n2", "tests/unit", name="unit"),), needs=("machine",)),
    "engine": Part((pytest("-n2", "tests/engine", name="engine"),), needs=("machine",)),
    "lab-fake": Part(
        (
            ("hoaban", "doctor", "lab", "image", "molecule", "--mend"),
            ("hoaban", "lab", "up", "--hypervisor", "fake"),
        )
    ),
    "cloud": Part(
        (pytest("-m", "cloud", "tests/cloud", f"--ignore={ON_S3}", name="cloud"),),
        needs=("lab-fake",),
    ),
    "on-s3": Part((pytest("-m", "cloud", ON_S3, name="on-s3"),), needs=("lab-fake",)),
    "lint": Part(
        (
            ("ruff", "check", "."),
            ("ruff", "format", "--check", "."),
            ("yamllint", "--strict", "."),
            ("ansible-lint", "--offline"),
        )
    ),
    "types": Part((("mypy",),)),
    "molecule": Part(
        (("hoaban", "doctor", "molecule", "--mend"), ("python", "-m", "hoaban.testing.molecule"))
    ),
    "lab-qemu": Part(
        (
            ("hoaban", "doctor", "lab", "image", "molecule", "--mend"),
            ("hoaban", "image", "build"),
            ("hoaban", "lab", "up", "--hypervisor", "qemu"),
        )
    ),
    "e2e": Part((pytest("-m", "e2e", "tests/e2e", name="e2e"),), needs=("lab-qemu",)),
}

STAGES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("machine", "unit", "lab-fake"),),
    (("lint", "types", "engine", "on-s3"), ("cloud",)),
    (("molecule", "lab-qemu", "e2e"),),
)
"""All parts: stages one after the other, each of lanes beside one another, each of parts in turn.

The tests in the cloud wait for services most of the time; they are not beside tests that measure.
"""


@dataclass(slots=True)
class Outcome:
    """How a part ended: ``passed``, ``failed`` or ``not run``."""

    part: str
    result: str
    seconds: float


def log_of(name: str) -> Path:
    """Where the output of a part is kept."""
    return REPORTS / f"{name}.log"


def run_part(name: str, *, live: bool) -> bool:
    """Run a part's commands up to the first that fails; True when none did."""
    with log_of(name).open("wb") as log:
        for command in PARTS[name].commands:
            title = f"\n== {name}: {shlex.join(command)}\n"
            if live:
                print(title, end="", flush=True)
            else:
                log.write(title.encode())
            if run_command(command, log, live=live):
                return False
    return True


def run_command(command: tuple[str, ...], log: BinaryIO, *, live: bool) -> int:
    """Exit status of a command whose output goes to ``log``, and at once to the terminal."""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            if live:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
    return process.returncode


def run_lane(parts: list[str], outcomes: dict[str, Outcome], *, live: bool) -> None:
    """Run parts in turn, and keep how each ended."""
    for name in parts:
        started = time.monotonic()
        missing = [n for n in PARTS[name].needs if outcomes[n].result != "passed"]
        if missing:
            result = "not run"
            print(f"\n== {name}: not run, since {', '.join(missing)} failed", flush=True)
        else:
            if not live:
                print(f"\n== {name}: begun", flush=True)
            result = "passed" if run_part(name, live=live) else "failed"
            if not live:
                print(log_of(name).read_text(encoding="utf-8", errors="replace"), flush=True)
        outcomes[name] = Outcome(name, result, round(time.monotonic() - started, 1))


def tail(name: str) -> str:
    """The last lines that a part printed."""
    with log_of(name).open(encoding="utf-8", errors="replace") as log:
        return "".join(deque(log, maxlen=TAIL_LINES))


def chosen(names: list[str]) -> set[str]:
    """The named parts with what they need; all when none is named."""
    unknown = set(names) - set(PARTS)
    if unknown:
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
    return set(names or PARTS) | {need for name in names for need in PARTS[name].needs}


def main() -> int:
    """Run the parts, print the table, leave it as JSON beside the JUnit reports."""
    Workspace.find(ROOT).ensure_home()
    REPORTS.mkdir(parents=True, exist_ok=True)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    outcomes: dict[str, Outcome] = {}
    begun = time.monotonic()
    wanted = chosen(sys.argv[1:])
    for stage in STAGES:
        lanes = [parts for lane in stage if (parts := [name for name in lane if name in wanted])]
        with ThreadPoolExecutor(len(stage)) as pool:
            running = [
                pool.submit(run_lane, lane, outcomes, live=len(lanes) == 1) for lane in lanes
            ]
        for lane in running:
            lane.result()
    print(f"\n{'part':<12}{'result':<10}{'seconds':>9}")
    for outcome in outcomes.values():
        print(f"{outcome.part:<12}{outcome.result:<10}{outcome.seconds:>9.1f}")
    print(f"{'total':<22}{time.monotonic() - begun:>9.1f}")
    for outcome in outcomes.values():
        if outcome.result == "failed":
            print(f"\n== the end of {outcome.part}, which failed; whole in {log_of(outcome.part)}")
            print(tail(outcome.part), end="")
    (REPORTS / "timings.json").write_text(
        json.dumps([asdict(o) for o in outcomes.values()], indent=2) + "\n", encoding="utf-8"
    )
    return 0 if all(o.result == "passed" for o in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
