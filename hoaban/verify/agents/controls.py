"""Tells what settings of the control catalogue are on a host. Runs as root, changes nothing.

Argument: ``{"asked": [["sysctl", "kernel.dmesg_restrict"], …]}``. Answer: ``{"found": [value, …]}``
in that order; null is what is not there, and ``!…`` what could not be read, with the reason.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path("/")
NO_SHELLS = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/sync")
FIRST_PERSON = 1000
WATCHING = ("(enforce)", "(complain)", "(kill)")
"""Modes in which a profile of AppArmor stops what it forbids, or at least tells of it."""


def command(*words: str) -> str:
    """What a program prints; an :class:`OSError` when it fails."""
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    if done.returncode != 0:
        raise OSError(f"{words[0]}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    return done.stdout


def at(path: str) -> Path:
    """A file of the host."""
    return ROOT / path.lstrip("/")


@cache
def text(path: str) -> str:
    """A file's text; an :class:`OSError` when it can't be read."""
    return at(path).read_text(encoding="utf-8", errors="replace")


def sysctl(key: str) -> str | None:
    """A kernel parameter; with those of the interfaces that differ, for ``…conf.all.…``."""
    parts = key.split(".")
    path = at("/proc/sys").joinpath(*parts)
    if not path.exists():
        return None
    value = path.read_text().strip()
    if parts[:1] == ["net"] and parts[2:4] == ["conf", "all"]:
        for other in sorted(path.parent.parent.glob(f"*/{parts[4]}")):
            name, own = other.parent.name, other.read_text().strip()
            if name not in ("all", "default", "lo") and own != value:
                value += f" ({name}: {own})"
    return value


@cache
def modprobe() -> str:
    """The whole configuration of modprobe."""
    return command("modprobe", "--showconfig")


def module(name: str) -> str:
    """Whether a module is barred: ``barred``, or what is wrong."""
    same = name.replace("-", "_")
    # A kernel that takes no modules at all has no list of them.
    loaded = text("/proc/modules") if at("/proc/modules").exists() else ""
    if re.search(rf"^{re.escape(same)} ", loaded, re.MULTILINE):
        return "loaded"
    wanted = rf"^install {re.escape(same)} (/usr)?/bin/(false|true)$"
    return "barred" if re.search(wanted, modprobe(), re.MULTILINE) else "loadable"


@cache
def sshd_settings() -> dict[str, str]:
    """The effective configuration of sshd."""
    lines = command("sshd", "-T").splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def stack(name: str) -> str:
    """Active lines of a file of PAM, words parted by one space."""
    lines = (" ".join(line.split()) for line in text(f"/etc/pam.d/{name}").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("#"))


PAM: dict[str, Callable[[], bool]] = {
    "faillock": lambda: (
        "auth required pam_faillock.so preauth" in stack("common-auth")
        and "auth [default=die] pam_faillock.so authfail" in stack("common-auth")
        and "account required pam_faillock.so" in stack("common-account")
    ),
    "pwquality": lambda: bool(
        re.search(r"^password requi\w+ pam_pwquality\.so", stack("common-password"), re.MULTILINE)
    ),
    "pwhistory": lambda: bool(
        re.search(r"^password requi\w+ pam_pwhistory\.so", stack("common-password"), re.MULTILINE)
    ),
    "yescrypt": lambda: bool(
        re.search(
            r"^password .*pam_unix\.so .*\byescrypt\b", stack("common-password"), re.MULTILINE
        )
    ),
    "no-nullok": lambda: (
        "pam_unix.so" in stack("common-auth") and "nullok" not in stack("common-auth")
    ),
    "age-of-used-passwords-only": lambda: bool(
        re.search(
            r"^account .*pam_unix\.so .*\bno_pass_expiry\b", stack("common-account"), re.MULTILINE
        )
    ),
    "su": lambda: bool(
        re.search(r"^auth requi\w+ pam_wheel\.so use_uid group=root$", stack("su"), re.MULTILINE)
        and grp.getgrnam("root").gr_mem == []
    ),
}


def pam(key: str) -> str:
    """Whether a part of the PAM stacks is there."""
    return "set" if PAM[key]() else "not set"


def conf(key: str) -> str | None:
    """Value of a key in a file of ``key = value``; an empty one is a flag."""
    path, name = key.split()
    found = None
    for line in text(path).splitlines():
        word, _, value = line.partition("#")[0].partition("=")
        if word.strip() == name:
            found = value.strip()
    return found


def line(key: str) -> str | None:
    """The rest of the last line that begins with a word."""
    path, name = key.split()
    found = re.findall(rf"^{re.escape(name)}\s+(.*?)\s*$", text(path), re.MULTILINE)
    return found[-1] if found else None


def mode(path: str) -> str | None:
    """Mode, owner and group."""
    try:
        found = at(path).stat()
    except FileNotFoundError:
        return None
    owner, group = pwd.getpwuid(found.st_uid).pw_name, grp.getgrgid(found.st_gid).gr_name
    return f"{found.st_mode & 0o7777:04o} {owner} {group}"


def mount(key: str) -> str:
    """Whether an option of a mount is set now and at the next boot."""
    place, option = key.split()

    def options(path: str) -> list[str]:
        rows = [row.split() for row in text(path).splitlines() if not row.startswith("#")]
        found = [row[3].split(",") for row in rows if len(row) > 3 and row[1] == place]  # noqa: PLR2004
        return found[-1] if found else []

    now, later = option in options("/proc/self/mounts"), option in options("/etc/fstab")
    return (
        "set"
        if now and later
        else f"now {'set' if now else 'not set'}, "
        + ("set at boot" if later else "not set at boot")
    )


@cache
def installed() -> frozenset[str]:
    """Names of the installed packages."""
    listing = command("dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}${Package}\n")
    return frozenset(row[3:].strip() for row in listing.splitlines() if row.startswith("ii"))


def apparmor() -> str:
    """Whether AppArmor is on and each profile is enforced, or at least complains (CIS 1.3.1.3)."""
    switch = at("/sys/module/apparmor/parameters/enabled")
    if not switch.exists() or switch.read_text().strip() != "Y":
        return "off"
    rows = at("/sys/kernel/security/apparmor/profiles").read_text().splitlines()
    if not any(row.endswith("(enforce)") for row in rows):
        return "no profile is enforced"
    idle = sorted(row.split(" (")[0] for row in rows if not row.endswith(WATCHING))
    return f"neither enforced nor complaining: {', '.join(idle)}" if idle else "confining"


def accounts() -> str:
    """Whether identifiers and names are there once, and root alone has 0."""
    faults = []
    for noun, path in (("account", "/etc/passwd"), ("group", "/etc/group")):
        rows = [row.split(":") for row in text(path).splitlines() if row]
        for column in (0, 2):
            values = [row[column] for row in rows]
            twice = sorted({value for value in values if values.count(value) > 1})
            faults += [f"{noun} {value} twice" for value in twice]
        zero = slice(2, 4) if noun == "account" else slice(2, 3)
        faults += [
            f"{noun} {row[0]} has 0" for row in rows if "0" in row[zero] and row[0] != "root"
        ]
    return "; ".join(faults) or "sound"


def service_logins() -> str:
    """Accounts of services that can log in: they have a shell, and a password or a key."""
    rows = (row.split(":") for row in text("/etc/shadow").splitlines())
    hashed = {row[0]: row[1] for row in rows if len(row) > 1}
    services = [entry for entry in pwd.getpwall() if 0 < entry.pw_uid < FIRST_PERSON]
    found = [
        entry.pw_name
        for entry in services
        if entry.pw_shell not in NO_SHELLS
        and (
            hashed.get(entry.pw_name, "!")[:1] not in ("!", "*")
            or at(f"/etc/ssh/authorized_keys.d/{entry.pw_name}").exists()
        )
    ]
    return ", ".join(sorted(found)) or "none"


def sudo_pty() -> str:
    """Whether sudo runs commands in a terminal of their own."""
    shown = command("sudo", "-V")
    return (
        "on"
        if re.search(r"(?i)use a pty|in a pseudo-?terminal|run commands in a p", shown)
        else "off"
    )


def journal() -> str:
    """Whether the journal is on disk."""
    kept = at("/var/log/journal")
    return "persistent" if kept.is_dir() and any(kept.iterdir()) else "volatile"


STATES: dict[str, Callable[[], str]] = {
    "apparmor": apparmor,
    "accounts": accounts,
    "service-logins": service_logins,
    "sudo-pty": sudo_pty,
    "journal": journal,
}
READERS: dict[str, Callable[[str], str | None]] = {
    "sysctl": sysctl,
    "module": module,
    "sshd": lambda key: sshd_settings().get(key),
    "pam": pam,
    "conf": conf,
    "line": line,
    "file": lambda path: text(path) if at(path).exists() else None,
    "mode": mode,
    "mount": mount,
    "package-absent": lambda name: "installed" if name in installed() else "absent",
    "state": lambda name: STATES[name](),
}


def measure(kind: str, key: str) -> str | None:
    """One value."""
    try:
        return READERS[kind](key)
    except (OSError, KeyError, subprocess.SubprocessError) as error:
        return f"!{error}"


def main(asked: dict[str, Any]) -> dict[str, Any]:
    """All values."""
    return {"found": [measure(kind, key) for kind, key in asked["asked"]]}


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
