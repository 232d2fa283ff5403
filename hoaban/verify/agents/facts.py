"""Tells what a host is: one JSON object, measured now. Runs as root, changes nothing for good.

Argument: ``{"mounts": ["/srv/db", …], "accounts": ["lan", …]}``.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import pwd
import re
import socket
import subprocess
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

SYNC_TRIES, SYNC_PAUSE = 24, 3
TRIAL_BYTES = 1 << 16
SHADOWED = "x"
NO_SHELLS = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false")


def command(*words: str, timeout: float = 60) -> dict[str, Any]:
    """Run a program; its status, output and errors. Status 127: there is no such program."""
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
    except FileNotFoundError:
        return {"status": 127, "out": "", "err": f"no program {words[0]}"}
    except subprocess.TimeoutExpired:
        return {"status": 124, "out": "", "err": f"not done after {timeout:.0f} s"}
    return {"status": done.returncode, "out": done.stdout, "err": done.stderr[-2000:]}


def read(path: str) -> str:
    """A file's text, empty when it is not there."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def as_json(result: dict[str, Any]) -> Any:
    """A program's output as JSON, None when it is not."""
    try:
        return json.loads(result["out"])
    except ValueError:
        return None


def system() -> dict[str, Any]:
    """Name, release, how it booted."""
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', read("/etc/os-release"), re.MULTILINE))
    memory = re.search(r"MemTotal:\s+(\d+) kB", read("/proc/meminfo"))
    outcome = as_json({"out": read("/run/cloud-init/result.json")}) or {}
    name = socket.gethostname()
    answers = socket.getaddrinfo(name, None, flags=socket.AI_CANONNAME) if name else []
    return {
        "hostname": name,
        "fqdn": answers[0][3] if answers else "",
        "os": release.get("PRETTY_NAME", ""),
        "kernel": os.uname().release,
        "cpus": os.cpu_count(),
        "memory_mb": int(memory.group(1)) // 1024 if memory else 0,
        "uptime_seconds": float(read("/proc/uptime").split()[0]),
        "machine_id": read("/etc/machine-id").strip(),
        "cloud_init_done": bool(outcome),
        "cloud_init_errors": [str(e) for e in (outcome.get("v1") or {}).get("errors", [])],
        "reboot_required": Path("/run/reboot-required").exists(),
    }


def network() -> dict[str, Any]:
    """Addresses of the interfaces and default routes."""
    return {
        "addresses": as_json(command("ip", "-j", "address", "show")) or [],
        "routes": (as_json(command("ip", "-j", "-4", "route", "show", "default")) or [])
        + (as_json(command("ip", "-j", "-6", "route", "show", "default")) or []),
    }


def clock() -> dict[str, Any]:
    """What chrony says of the time.

    A host that was configured a moment ago gets a little time to agree with its servers.
    """
    tracking = command("chronyc", "-n", "-c", "tracking")
    if tracking["out"].strip().endswith("Not synchronised"):
        command("chronyc", "burst", "4/8")
        command("chronyc", "waitsync", str(SYNC_TRIES), "0", "0", str(SYNC_PAUSE), timeout=90)
        tracking = command("chronyc", "-n", "-c", "tracking")
    return {"tracking": tracking}


def volume(mount: str) -> dict[str, Any]:
    """What is mounted at a place, and whether data written there come back from it."""
    found: dict[str, Any] = {"mount": mount, "device": "", "filesystem": "", "options": ""}
    for line in read("/proc/self/mounts").splitlines():
        device, place, filesystem, options, *_ = line.split()
        if place == mount:
            found |= {"device": device, "filesystem": filesystem, "options": options}
    if found["device"]:
        space = os.statvfs(mount)
        found["filesystem_bytes"] = space.f_blocks * space.f_frsize
        found["free_bytes"] = space.f_bavail * space.f_frsize
        found |= write_and_read(Path(mount))
    return found


def write_and_read(folder: Path) -> dict[str, Any]:
    """Write random bytes, flush them to the disk, drop the cache of the file, read them back."""
    file = folder / f".hoaban-verify-{os.getpid()}"
    data = os.urandom(TRIAL_BYTES)
    started = time.monotonic()
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            os.write(handle, data)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            same = os.pread(handle, TRIAL_BYTES + 1, 0) == data
        finally:
            os.close(handle)
            file.unlink()
    except OSError as error:
        return {"written": False, "write_error": str(error)}
    milliseconds = round((time.monotonic() - started) * 1000)
    return {"written": same, "write_error": "", "write_milliseconds": milliseconds}


def updates() -> dict[str, Any]:
    """Whether security updates come by themselves: units, settings, a dry run."""
    units = ["apt-daily.timer", "apt-daily-upgrade.timer"]
    return {
        "units": {unit: unit_state(unit) for unit in units},
        "settings": command("apt-config", "dump", "--no-empty")["out"],
        "dry_run": command("unattended-upgrade", "--dry-run", "--verbose", timeout=240),
        "lists": package_lists(Path("/var/lib/apt/lists")),
    }


def package_lists(folder: Path) -> list[dict[str, Any]]:
    """Archives whose lists of packages were fetched, and how old these are by their own date.

    The date is the archive's, in its signed Release file; apt sets the files' times to the
    server's.
    """
    found = []
    for release in sorted(folder.glob("*Release")):
        fields = dict(re.findall(r"^(Label|Date): (.*)$", read(str(release)), re.MULTILINE))
        archive = re.sub(r"_(In)?Release$", "", release.name)
        if "Date" not in fields or not any(folder.glob(f"{glob.escape(archive)}_*_Packages*")):
            continue
        try:
            dated = parsedate_to_datetime(fields["Date"].strip()).timestamp()
        except ValueError:
            continue
        age = time.time() - dated
        found.append({"label": fields.get("Label", "").strip(), "age_seconds": age})
    return found


def unit_state(unit: str) -> dict[str, str]:
    """Two words of systemd about a unit: of its files, and of what runs."""
    words = ("UnitFileState", "is-enabled"), ("ActiveState", "is-active")
    return {word: command("systemctl", verb, unit)["out"].strip() for word, verb in words}


def people(accounts: list[str]) -> dict[str, Any]:
    """Accounts that have a shell or a password, with the keys that sshd takes for them.

    Those asked for are told of in any case, also the system's own may be among the rest. No hash
    of a password leaves the host.
    """
    shadow = dict(line.split(":")[:2] for line in read("/etc/shadow").splitlines() if ":" in line)
    found = {}
    for entry in sorted(pwd.getpwall(), key=lambda one: one.pw_name):
        # A second field other than x is the hash itself, and an empty one no password at all,
        # with which anybody gets in (passwd(5)).
        elsewhere = entry.pw_passwd == SHADOWED
        hashed = shadow.get(entry.pw_name, "!") if elsewhere else entry.pw_passwd
        password = hashed[:1] not in ("!", "*")
        if not password and entry.pw_shell in NO_SHELLS and entry.pw_name not in accounts:
            continue
        words = command("sshd", "-T", "-C", f"user={entry.pw_name},host=x,addr=192.0.2.1")["out"]
        match = re.search(r"^authorizedkeysfile (.*)$", words, re.MULTILINE)
        keys: list[str] = []
        for pattern in match.group(1).split() if match else []:
            path = pattern.replace("%u", entry.pw_name).replace("%h", entry.pw_dir)
            keys += [
                " ".join(line.split()[:2])
                for line in read(str(Path(entry.pw_dir, path))).splitlines()
                if line.strip() and not line.startswith("#")
            ]
        found[entry.pw_name] = {
            "shell": entry.pw_shell,
            "password": password,
            "keys": keys,
        }
    return found


def filter_file(path: str) -> dict[str, Any]:
    """The packet filter's file, and the rules that it gives, found out where they touch nothing.

    As the module that loads the rules does it: in a network namespace of its own.
    """
    script = 'nft --file "$1" && exec nft -j list ruleset'
    tried = command("unshare", "--net", "sh", "-euc", script, "sh", path)
    ruleset = as_json(tried) if tried["status"] == 0 else None
    words = (tried["err"] or tried["out"]).strip().splitlines()[:1]
    return {
        "sha256": hashlib.sha256(read(path).encode()).hexdigest(),
        "ruleset": ruleset,
        "error": "" if ruleset is not None else (words or [f"status {tried['status']}"])[0][:200],
    }


def main(asked: dict[str, Any]) -> dict[str, Any]:
    """All facts."""
    return {
        "system": system(),
        "network": network(),
        "clock": clock(),
        "volumes": [volume(mount) for mount in asked["mounts"]],
        "disks": as_json(
            command("lsblk", "-J", "-b", "-o", "NAME,PATH,TYPE,SIZE,FSTYPE,LABEL,SERIAL")
        ),
        "fstab": read("/etc/fstab"),
        "units": as_json(command("systemctl", "list-units", "--failed", "--output=json")),
        "state": command("systemctl", "is-system-running")["out"].strip(),
        "sshd": command("sshd", "-T")["out"],
        "people": people(asked["accounts"]),
        "filter": as_json(command("nft", "-j", "list", "ruleset")),
        "filter_file": filter_file("/etc/nftables.conf"),
        "filter_unit": unit_state("nftables.service"),
        "updates": updates(),
        "audit": {
            "status": command("auditctl", "-s"),
            "rules": command("auditctl", "-l"),
            "written": read("/etc/audit/audit.rules"),
            "unit": unit_state("auditd.service"),
        },
        "ipsec": as_json(command("/usr/local/sbin/ipsec-gateway", "status")),
    }


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
