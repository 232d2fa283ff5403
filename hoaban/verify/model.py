"""The result of a verification: a value that can be kept, printed and made into a page."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from hoaban.model.types import Model, Text


class Status(StrEnum):
    """What a check came to. A skipped check proves nothing, and says why."""

    PASS = "pass"  # noqa: S105 - a word, not a secret
    FAIL = "fail"
    SKIP = "skip"


class Finding(Model):
    """What a check saw on one host, or (``host`` None) on the whole."""

    host: str | None = None
    status: Status
    evidence: Text


class CheckReport(Model):
    """One check with all that it saw."""

    id: str
    title: Text
    proves: Text
    how: Text
    findings: list[Finding]

    @property
    def status(self) -> Status:
        """Failed if anything failed; passed if anything passed; else nothing was proved."""
        seen = {finding.status for finding in self.findings}
        for status in (Status.FAIL, Status.PASS):
            if status in seen:
                return status
        return Status.SKIP


class StackMark(Model):
    """Which state was verified: ``version`` counts updates, ``digest`` is of what was promised."""

    project: str
    stack: str
    version: int
    digest: str
    updated: datetime


class Measured(Model):
    """What a host told of itself."""

    os: str
    kernel: str
    cpus: int
    memory_mb: int
    uptime_seconds: float


class VerifyReport(Model):
    """All checks of one environment at one time."""

    schema_version: Literal[1] = 1
    province: str
    agency: str | None
    name: Text
    stack: StackMark
    toolkit: str
    started: datetime
    seconds: float
    hosts: dict[str, Measured]
    checks: list[CheckReport]

    def count(self, status: Status) -> int:
        """How many checks came to a status."""
        return sum(1 for check in self.checks if check.status is status)

    @property
    def ok(self) -> bool:
        """Whether nothing failed and something was proved."""
        return self.count(Status.FAIL) == 0 and self.count(Status.PASS) > 0
