"""Shows a verification in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from hoaban.console import stdout
from hoaban.verify.model import Status

if TYPE_CHECKING:
    from hoaban.verify.model import CheckReport, VerifyReport

MARKS: Final = {
    Status.PASS: ("✓", "green"),
    Status.FAIL: ("✗", "bold red"),
    Status.SKIP: ("○", "yellow"),
    Status.NONE: ("·", "dim"),
}
WORDS: Final = {
    Status.PASS: "passed",
    Status.FAIL: "failed",
    Status.SKIP: "not proved",
    Status.NONE: "with nothing to prove",
}


def show(report: VerifyReport, *, verbose: bool = False) -> None:
    """One line a check; below it the evidence of what did not pass, or of all."""
    for check in report.checks:
        mark, style = MARKS[check.status]
        stdout().print(Text.assemble((f"{mark} ", style), check.title.en, (f"  {check.id}", "dim")))
        _evidence(check, verbose=verbose)
    style = "bold red" if not report.ok else "yellow" if report.unproved else "green"
    stdout().print(Text(f"{in_short(report)} in {report.seconds:.0f} s", style))


def in_short(report: VerifyReport) -> str:
    """How many checks came to what; a report that is good but for what is not proved says so."""
    counts = {status: report.count(status) for status in Status}
    parts = [f"{n} {WORDS[s]}" for s, n in counts.items() if n or s is not Status.NONE]
    if report.ok and report.unproved:
        doubted = ", ".join(check.id for check in report.unproved)
        parts[list(counts).index(Status.SKIP)] += f" ({doubted})"
    return ", ".join(parts)


def _evidence(check: CheckReport, *, verbose: bool) -> None:
    for finding in check.findings:
        if finding.status is Status.PASS and not verbose:
            continue
        mark, style = MARKS[finding.status]
        where = f"{finding.host}: " if finding.host else ""
        stdout().print(Text.assemble("    ", (f"{mark} ", style), where, finding.evidence.en))
