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
}


def show(report: VerifyReport, *, verbose: bool = False) -> None:
    """One line a check; below it the evidence of what did not pass, or of all."""
    for check in report.checks:
        mark, style = MARKS[check.status]
        stdout().print(Text.assemble((f"{mark} ", style), check.title.en, (f"  {check.id}", "dim")))
        _evidence(check, verbose=verbose)
    style = "green" if report.ok else "bold red"
    stdout().print(Text(f"{in_short(report)} in {report.seconds:.0f} s", style))


def in_short(report: VerifyReport) -> str:
    """How many checks came to what."""
    words = ((Status.PASS, "passed"), (Status.FAIL, "failed"), (Status.SKIP, "skipped"))
    return ", ".join(f"{report.count(status)} {word}" for status, word in words)


def _evidence(check: CheckReport, *, verbose: bool) -> None:
    for finding in check.findings:
        if finding.status is Status.PASS and not verbose:
            continue
        mark, style = MARKS[finding.status]
        where = f"{finding.host}: " if finding.host else ""
        stdout().print(Text.assemble("    ", (f"{mark} ", style), where, finding.evidence.en))
