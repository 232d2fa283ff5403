"""Ansible module: fetch apt's lists of packages, those of security updates alone if asked to.

On a slow host the list of the whole archive takes a minute to unpack and parse, that of security
updates a few seconds. A host's own timers fetch all of them, once a day.
"""

from __future__ import annotations

import re
import tempfile
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: package_lists
short_description: Fetch apt's lists of packages where they are missing or old
description:
  - Fetches nothing while the lists of security updates are here and young, by their own date.
  - Supports check mode.
options:
  only_security:
    description:
      - Fetch the lists of security updates alone; all others stay as they are.
      - These are those of suites whose name ends in C(-security), in deb822 sources.
    type: bool
    default: false
  max_age_days:
    description: Lists of a younger date are left alone; 0 fetches them in any case.
    type: float
    default: 0
  must:
    description: Fail when they can't be fetched; else it is a warning, and left to who checks.
    type: bool
    default: true
author: hoaban contributors
"""

EXAMPLES = r"""
- name: Fetch the lists of security updates
  package_lists:
    only_security: true
    max_age_days: 7
"""

LISTS = Path("/var/lib/apt/lists")
SOURCES = Path("/etc/apt/sources.list.d")
SECURITY = "Debian-Security"
DAY = 86400.0
LOCK_SECONDS, LOCK_PAUSE = 300.0, 5.0
# An archive that does not answer is given up in a minute, not in ten.
PATIENCE = ("-o", "Acquire::http::Timeout=30", "-o", "Acquire::Retries=1")


def youngest(folder: Path, label: str) -> float | None:
    """Date of the newest lists of an archive, in seconds since the epoch; None if there are none.

    The date is the archive's, in its signed Release file.
    """
    dates = []
    for release in folder.glob("*Release"):
        text = release.read_text(encoding="utf-8", errors="replace")
        fields = dict(re.findall(r"^(Label|Date): (.*)$", text, re.MULTILINE))
        archive = re.sub(r"_(In)?Release$", "", release.name)
        with_lists = any(one.name.startswith(f"{archive}_") for one in folder.glob("*_Packages*"))
        if with_lists and fields.get("Label", "").strip() == label and "Date" in fields:
            dates.append(parsedate_to_datetime(fields["Date"].strip()).timestamp())
    return max(dates, default=None)


def security_sources(folder: Path) -> str:
    """The stanzas of security archives among sources in the format deb822 (sources.list(5))."""
    stanzas = []
    for file in sorted(folder.glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", file.read_text(encoding="utf-8")):
            lines = [line for line in stanza.splitlines() if not line.startswith("#")]
            suites = re.search(r"^Suites:(.*)$", "\n".join(lines), re.MULTILINE | re.IGNORECASE)
            if suites and any(one.endswith("-security") for one in suites[1].split()):
                stanzas.append("\n".join(lines))
    return "\n\n".join(stanzas) + "\n" if stanzas else ""


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """The lists with size and time, to see whether any came."""
    found = {path.name: path.stat() for path in folder.glob("*_Packages*")}
    found |= {path.name: path.stat() for path in folder.glob("*Release")}
    return {name: (about.st_size, about.st_mtime_ns) for name, about in found.items()}


def apt(module: AnsibleModule, *options: str) -> str:
    """Have apt fetch; what it said when that failed, else empty."""
    command = ["apt-get", "-q", "update", "--error-on=any", *PATIENCE, *options]
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        status, out, err = module.run_command(command)
        # apt waits for dpkg's lock only: not for that of its lists, which its timers may have.
        if "lists/lock" not in err or time.monotonic() > deadline:
            return "" if status == 0 else str(err or out).strip()
        time.sleep(LOCK_PAUSE)


def fetch(module: AnsibleModule, *, only_security: bool) -> str:
    """Fetch all lists, or those of security updates; what went wrong, empty when nothing did."""
    if not only_security:
        return apt(module)
    sources = security_sources(SOURCES)
    if not sources:
        return f"no archive of security updates in {SOURCES}"
    with tempfile.NamedTemporaryFile("w", suffix=".sources", dir=module.tmpdir) as file:
        file.write(sources)
        file.flush()
        only = (f"Dir::Etc::SourceList={file.name}", "Dir::Etc::SourceParts=-")
        return apt(module, "-o", only[0], "-o", only[1], "-o", "APT::Get::List-Cleanup=0")


def main() -> None:
    """Entry point, on the host."""
    module = AnsibleModule(
        argument_spec={
            "only_security": {"type": "bool", "default": False},
            "max_age_days": {"type": "float", "default": 0},
            "must": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    date = youngest(LISTS, SECURITY)
    if date is not None and time.time() - date < module.params["max_age_days"] * DAY:
        module.exit_json(changed=False)
    if module.check_mode:
        module.exit_json(changed=True)
    before = state(LISTS)
    problem = fetch(module, only_security=module.params["only_security"])
    if problem and module.params["must"]:
        module.fail_json(msg=f"apt can't fetch its lists: {problem}")
    if problem:
        module.warn(f"apt can't fetch its lists: {problem}")
    module.exit_json(changed=state(LISTS) != before)


if __name__ == "__main__":
    main()
