"""What a file of the catalogue says."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from hoaban.model.spec import ProvinceService
from hoaban.model.types import Model, SecurityLevel, Slug, Text

LEVELS = (1, 2, 3, 4, 5)

ControlId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$", max_length=48)]
Clause = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)+$")]


class Kind(StrEnum):
    """What kind of thing a setting is; its key names the one thing of the kind."""

    SYSCTL = "sysctl"
    """A parameter of the kernel, by its dotted name."""
    MODULE = "module"
    """A kernel module, by name, that can't be loaded."""
    SSHD = "sshd"
    """A keyword of sshd_config(5), in the lower case of ``sshd -T``."""
    PAM = "pam"
    """A part of the PAM stacks, by the names in :mod:`hoaban.verify.agents.controls`."""
    CONF = "conf"
    """Path and key of a file of lines ``key = value`` that is wholly ours; no value is a flag."""
    LINE = "line"
    """Path and key of a line in a file of Debian's: words parted by space."""
    FILE = "file"
    """Path of a small file with this content."""
    MODE = "mode"
    """Path of a file or folder; mode, owner and group. Fewer rights pass too."""
    MOUNT = "mount"
    """Mount point and an option that is set."""
    PACKAGE_ABSENT = "package-absent"
    """A Debian package that is not installed."""
    STATE = "state"
    """Something read on the host that no role sets, by a name known to the agent."""


class Stricter(Model):
    """Another value, from a level on."""

    level: SecurityLevel
    value: str


class Setting(Model):
    """One thing on a host that has one right value."""

    kind: Kind
    key: str
    value: str = ""
    stricter: list[Stricter] = []

    def at(self, level: int) -> str:
        """The value at a level."""
        fitting = [one for one in self.stricter if one.level <= level]
        return max(fitting, key=lambda one: one.level).value if fitting else self.value


class Status(StrEnum):
    """What is done about a control."""

    ENFORCED = "enforced"
    """A role, or the image, makes it so, and verify proves it."""
    CHECKED = "checked"
    """Nothing of ours sets it, verify proves it."""
    NOT_APPLICABLE = "not-applicable"
    """There is nothing of the kind on a host; the reason says why."""
    OPEN = "open"
    """Not done yet: it can't be proved, only waived."""


class Spared(Model):
    """Hosts of these services do what the control forbids, since it is what they are for."""

    services: Annotated[list[ProvinceService], Field(min_length=1)]
    reason: Text


class Control(Model):
    """One control."""

    id: ControlId
    title: Text
    note: str | None = None
    """What a reader should know of it, in English."""
    level: SecurityLevel
    """Lowest security level that selects it."""
    status: Status
    by: Literal["hardening", "audit", "base", "firewall", "image", "log_client"] | None = None
    """Who enforces it: a role, or the guest image."""
    cis: list[Clause] = []
    """Sections of the CIS Debian Linux 12 Benchmark v1.1.0."""
    tcvn: Literal["2.1", "2.2"] = "2.2"
    """Section of TCVN 11930:2017 within a level's chapter: networks, servers."""
    settings: list[Setting] = []
    check: Slug | None = None
    """Another check of ``hoaban verify`` that must have passed on the host."""
    spared: Spared | None = None
    reason: Text | None = None
    """Why it is not applicable, or still open."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        proved = bool(self.settings or self.check)
        explained = self.status in (Status.NOT_APPLICABLE, Status.OPEN)
        if proved == explained:
            raise ValueError("a control has settings or a check, or says why it has none")
        if explained != (self.reason is not None):
            raise ValueError("a reason belongs to what is not applicable or open, and to no other")
        if (self.status is Status.ENFORCED) != (self.by is not None):
            raise ValueError("what is enforced is so by somebody, and nothing else is")
        return self

    @property
    def tcvn_clauses(self) -> list[str]:
        """Clauses of TCVN 11930:2017 (chapter 5 is of level 1) for the levels that select it."""
        return [f"{level + 4}.{self.tcvn}" for level in LEVELS if level >= self.level]

    def spares(self, services: list[str]) -> bool:
        """Whether a host with these services is exempt."""
        return self.spared is not None and bool({*services} & {*map(str, self.spared.services)})


class Family(Model):
    """One file of the catalogue."""

    family: Slug
    title: Text
    controls: Annotated[list[Control], Field(min_length=1)]
