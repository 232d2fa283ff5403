"""The result of a verification: a value that can be kept, printed and made into a page."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from hoaban.model.types import Model, Text

if TYPE_CHECKING:
    from collections.abc import Iterable


class Status(StrEnum):
    """What a check came to.

    ``skip``: a promise that could not be tried or measured, so that nothing is known of it.
    ``none``: nothing of the kind was promised, so that there is nothing to prove. Both say why.
    """

    PASS = "pass"  # noqa: S105 - a word, not a secret
    FAIL = "fail"
    SKIP = "skip"
    NONE = "none"


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
        """The worst of what was seen: one thing that was not tried is not outweighed by others.

        A check that saw nothing at all has proved nothing.
        """
        return worst(finding.status for finding in self.findings)


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
        """Whether nothing failed and something was proved, if not all (:attr:`unproved`)."""
        seen = {finding.status for check in self.checks for finding in check.findings}
        return Status.FAIL not in seen and Status.PASS in seen

    @property
    def unproved(self) -> list[CheckReport]:
        """Checks of which nothing failed, and something could not be tried or measured."""
        return [check for check in self.checks if check.status is Status.SKIP]


def worst(statuses: Iterable[Status]) -> Status:
    """Failed before not proved before passed before nothing to prove; of none, not proved."""
    seen = set(statuses)
    order = (Status.FAIL, Status.SKIP, Status.PASS, Status.NONE)
    return next((status for status in order if status in seen), Status.SKIP)
