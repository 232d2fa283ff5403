"""What others think of a server: Lynis, and OpenSCAP with the rules of the CIS benchmark.

Both run on the guest itself. Their packages are Debian 13's; the rules are of the next Debian's
scap-security-guide, the first with rules for Debian 13 that are the CIS benchmark's.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from tests.bench.archive import Archive, unpack

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.visit import Visit

TOOLS: Final = ("lynis", "openscap-scanner")
RULES_RELEASE: Final = "forky"
RULES_PACKAGE: Final = "ssg-debian=0.1.82-1"
RULES_FILE: Final = "ssg-debian13-ds.xml"
PROFILE: Final = "cis_level2_server"
"""Level 2 has all rules of level 1 in it."""
WALKS: Final = (
    "audit_rules_privileged_commands",
    "file_permissions_unauthorized_world_writable",
    "file_permissions_ungroupowned",
    "no_files_unowned_by_user",
)
"""Rules for which OpenSCAP walks through every file: up to ten minutes each under emulation."""
PREFIX: Final = "xccdf_org.ssgproject.content_"
UNITS: Final = rf"{PREFIX}rule_(service|socket|timer)_[a-z0-9_-]+"
"""Rules about systemd's units. For each of them OpenSCAP asks systemd for all properties of all
units, which takes half a minute under emulation; ``hoaban verify`` looks at units by itself."""


@dataclass(frozen=True, slots=True)
class Lynis:
    """Lynis' report: its index of 100, and what it says, ``IDENTIFIER: text``."""

    index: int
    version: str
    warnings: tuple[str, ...]
    suggestions: tuple[str, ...]

    @classmethod
    def of(cls, report: str) -> Lynis:
        """Read ``lynis-report.dat``: lines of ``key=value``, lists as ``key[]=a|b|…|``."""
        pairs = [line.split("=", 1) for line in report.splitlines() if "=" in line]
        single = dict(pairs)

        def listed(name: str) -> tuple[str, ...]:
            rows = (value.split("|") for key, value in pairs if key == f"{name}[]")
            return tuple(sorted(f"{row[0]}: {row[1]}" for row in rows))

        return cls(
            int(single["hardening_index"]),
            single["lynis_version"],
            listed("warning"),
            listed("suggestion"),
        )


@dataclass(frozen=True, slots=True)
class Scap:
    """OpenSCAP's results: ``pass``, ``fail``, ``notapplicable`` and so on, by rule."""

    results: dict[str, str]

    @classmethod
    def of(cls, printed: str) -> Scap:
        """Read what ``oscap xccdf eval`` prints: lines Title, Rule, Result.

        Name and value are parted by a carriage return and a tab, which is a line's end to Python.
        """
        found = re.findall(r"^(Rule|Result)\s+(\S+)$", printed, re.MULTILINE)
        results = {}
        for (first, name), (second, result) in pairwise(found):
            if (first, second) == ("Rule", "Result"):
                results[name.removeprefix(f"{PREFIX}rule_")] = result
        return cls(results)

    def count(self, result: str) -> int:
        """How many rules came to a result."""
        return Counter(self.results.values())[result]

    @property
    def failed(self) -> list[str]:
        """Rules that the host does not keep."""
        return sorted(rule for rule, result in self.results.items() if result == "fail")

    @property
    def share(self) -> float:
        """Percent of rules passed, of those that passed or failed."""
        passed, failed = self.count("pass"), self.count("fail")
        return 100 * passed / max(1, passed + failed)


def install(visit: Visit, folder: Path, codename: str) -> None:
    """Bring both tools and the rules to a guest."""
    status = visit.run("cat /var/lib/dpkg/status")
    debs = Archive(codename, folder / codename, status).fetch(*TOOLS)
    # The documents and playbooks beside the rules take 140 MB, so the file alone goes there.
    package = Archive(RULES_RELEASE, folder / RULES_RELEASE).fetch(RULES_PACKAGE)
    name = RULES_PACKAGE.partition("=")[0]
    (ours,) = (deb for deb in package if deb.name.startswith(f"{name}_"))
    content = unpack(ours, folder / "rules") / "usr/share/xml/scap/ssg/content"
    visit.copy([*debs, content / RULES_FILE], "/var/tmp")  # noqa: S108 - on the guest
    visit.run("sudo dpkg --install /var/tmp/*.deb && rm /var/tmp/*.deb")


def ask_lynis(visit: Visit) -> Lynis:
    """Let Lynis look at the guest."""
    visit.run("sudo lynis audit system --quick --quiet --no-colors >/dev/null 2>&1 </dev/null")
    return Lynis.of(visit.run("sudo cat /var/log/lynis-report.dat"))


def ask_scap(visit: Visit) -> Scap:
    """Let OpenSCAP look at the guest; it ends with 2 where a rule is not kept."""
    rules = f"/var/tmp/{RULES_FILE}"  # noqa: S108 - on the guest
    units = visit.run(f"grep -oE '{UNITS}' {rules} | sort -u").split()
    left_out = [*units, *(f"{PREFIX}rule_{name}" for name in WALKS)]
    options = " ".join(f"--skip-rule {name}" for name in left_out)
    command = f"sudo oscap xccdf eval --profile {PREFIX}profile_{PROFILE} {options} {rules}"
    printed = visit.run(f"{command} 2>/dev/null || test $? = 2")
    scap = Scap.of(printed)
    if not scap.results:
        raise ValueError(f"oscap told of no rule: {printed[-400:]}")
    return scap


def as_json(lynis: Lynis, scap: Scap) -> dict[str, Any]:
    """Everything that they complain of."""
    return {
        "lynis": {"warnings": lynis.warnings, "suggestions": lynis.suggestions},
        "openscap": {"failed": scap.failed, "results": scap.results},
    }
