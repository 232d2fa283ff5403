"""Ansible module: a client's account at the backup host, and the host's own key of its repository.

Run on the backup host (delegated by the role ``backup_client``). Clients are registered one by
one, so that configuring one of them never needs a list of all. The host makes a key of its own for
each repository, with which it prunes and checks; the client adds that key at first contact.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import re
import secrets
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: backup_account
short_description: Register a client at the backup host
description:
  - Writes the client's account and policy, and lets the running server know of it.
  - Makes the key with which the host maintains the client's repository.
  - Supports check mode.
options:
  name:
    description: Name of the client, its account and its repository.
    type: str
    required: true
  password_hash:
    description: Hash of the account's password by bcrypt.
    type: str
  keep:
    description: What is kept, C(daily), C(weekly) and C(monthly), in days, weeks and months.
    type: dict
  quota_gb:
    description: Most that the client's repository may take, in GiB; 0 for no limit.
    type: int
    default: 0
  rpo_hours:
    description: How many hours the client may lose; copies of it may be as old.
    type: int
    default: 0
  copies:
    description:
      - The account is another backup host's, which keeps copies of its clients below it, each a
        repository of its own. One key maintains all of them; it is returned always.
    type: bool
    default: false
  client_password:
    description:
      - Password that a server built anew has made for its repository. The host adds it as
        another key, so that the server goes on with the history of the one before it.
    type: str
author: hoaban contributors
"""

EXAMPLES = r"""
- name: Register at the backup host
  backup_account:
    name: "{{ inventory_hostname }}"
    password_hash: "{{ secrets.password_hash }}"
    keep: {daily: 7, weekly: 4, monthly: 12}
  delegate_to: backup-1
  no_log: true
"""

RETURN = r"""
certificate:
  description: The server's certificate, to be pinned.
  returned: always
  type: str
key:
  description: The host's own key, as long as the repository does not have it yet; else empty.
  returned: always
  type: str
repository:
  description: Whether the client's repository exists.
  returned: always
  type: bool
"""

ETC = Path("/etc/hoaban-backup")
SETTINGS = ETC / "host.json"
PROGRAM = "/usr/local/sbin/hoaban-backup-host"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
HASH = re.compile(r"\$2[aby]\$\d\d\$.{53}")
SECRET_BYTES = 32


class Host:
    """The backup host, as the role ``backup_host`` has described it."""

    def __init__(self, settings: dict[str, Any], etc: Path = ETC) -> None:
        self.etc = etc
        self.store = Path(settings["store"])
        self.user = settings["user"]
        self.accounts = Path(settings["accounts"])
        self.certificate = Path(settings["certificate"])
        self.unit = settings["unit"]

    def key_file(self, name: str) -> Path:
        """The host's own key of a client's repository."""
        return self.etc / "keys" / name

    def opened_file(self, name: str) -> Path:
        """A note that the repository has that key."""
        return self.etc / "opened" / name

    def client_file(self, name: str) -> Path:
        """What is known of a client."""
        return self.etc / "clients" / f"{name}.json"

    def has_repository(self, name: str) -> bool:
        """Whether the client has made its repository."""
        return (self.store / name / "config").is_file()

    def htpasswd(self) -> str:
        """The server's list of accounts, from all clients that are registered."""
        clients = [json.loads(path.read_text()) for path in sorted(self.etc.glob("clients/*.json"))]
        lines = [f"{client['name']}:{client['password_hash']}\n" for client in clients]
        return "# Made of /etc/hoaban-backup/clients; changes made here by hand are lost.\n" + (
            "".join(lines)
        )

    def restic(self, name: str, key: str, *arguments: str, more: str = "") -> int:
        """Exit status of restic on a client's repository, as the account that owns its files.

        Passwords go through a folder in memory that only this account can enter.
        """
        account = pwd.getpwnam(self.user)
        with tempfile.TemporaryDirectory(dir="/run", prefix="hoaban-backup-") as folder:
            place = Path(folder)
            for file, content in ((place / "key", key), (place / "more", more)):
                file.touch(mode=0o600)
                file.write_text(content)
                os.chown(file, account.pw_uid, account.pw_gid)
            os.chown(place, account.pw_uid, account.pw_gid)
            command = ["restic", "--no-cache", "--quiet", *arguments]
            if more:
                command += ["--new-password-file", str(place / "more")]
            return subprocess.run(
                command,
                env={
                    "PATH": "/usr/bin:/bin",
                    "RESTIC_REPOSITORY": str(self.store / name),
                    "RESTIC_PASSWORD_FILE": str(place / "key"),
                },
                cwd=folder,
                user=account.pw_uid,
                group=account.pw_gid,
                extra_groups=[],
                umask=0o077,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            ).returncode


def write(path: Path, content: str, *, mode: int = 0o600, group: int = 0) -> None:
    """Write a file of root's, whole or not at all."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    beside.write_text(content, encoding="utf-8")
    os.chown(beside, 0, group)
    beside.chmod(mode)
    beside.replace(path)


def text_of(path: Path) -> str | None:
    """Content of a file, None when there is none."""
    return path.read_text(encoding="utf-8") if path.is_file() else None


def wanted(params: dict[str, Any]) -> str:
    """Content of a client's file."""
    keep = {key: int(params["keep"][key]) for key in ("daily", "weekly", "monthly")}
    client = {
        "name": params["name"],
        "password_hash": params["password_hash"],
        "keep": keep,
        "quota_gb": params["quota_gb"],
        "rpo_hours": params["rpo_hours"],
        "copies": params["copies"],
    }
    return json.dumps(client, indent=2) + "\n"


def register(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """Write account and key of a client; the module's result."""
    name = module.params["name"]
    content = wanted(module.params)
    made = []
    if text_of(host.client_file(name)) != content:
        made.append("client")
        if not module.check_mode:
            write(host.client_file(name), content)
    if not host.key_file(name).is_file():
        made.append("key")
        if not module.check_mode:
            write(host.key_file(name), secrets.token_urlsafe(SECRET_BYTES) + "\n")
    accounts = host.htpasswd()
    if not module.check_mode and text_of(host.accounts) != accounts:
        made.append("accounts")
        group = pwd.getpwnam(host.user).pw_gid
        write(host.accounts, accounts, mode=0o640, group=group)
        # Whoever is at work goes on: the server reads its list anew, and is not restarted.
        module.run_command(["systemctl", "reload", host.unit])
    if "client" in made and not module.check_mode and not module.params["copies"]:
        status, _, told = module.run_command([PROGRAM, "limit", name])
        if status:
            # The maintenance sets it again each day.
            module.warn(f"the quota of {name} could not be set: {told.strip()}")
    there = not module.params["copies"] and host.has_repository(name)
    key = (text_of(host.key_file(name)) or "").strip()
    opened = there and opens(module, host, name, key)
    return {
        "changed": bool(made),
        "made": made,
        "certificate": host.certificate.read_text(encoding="utf-8"),
        "key": "" if opened else key,
        "repository": there,
    }


def opens(module: AnsibleModule, host: Host, name: str, key: str) -> bool:
    """Whether the host's key opens a repository; asked of restic until it once did.

    The note is of the repository's own file, since one that was made anew has not got the key.
    """
    note = host.opened_file(name)
    config = (host.store / name / "config").stat()
    mark = f"{config.st_ino} {config.st_mtime_ns}\n"
    if text_of(note) == mark:
        return True
    if not key or host.restic(name, key, "--no-lock", "cat", "config") != 0:
        return False
    if not module.check_mode:
        write(note, mark)
    return True


def let_in(module: AnsibleModule, host: Host, password: str) -> dict[str, Any]:
    """Add a new server's password to the repository of the one before it."""
    name = module.params["name"]
    key = (text_of(host.key_file(name)) or "").strip()
    if not module.check_mode and host.restic(name, key, "key", "add", more=password) != 0:
        module.fail_json(
            msg=f"the repository of {name} is of a server before this one, and the backup host has "
            f"no key of it either: give this server the password that was escrowed, in "
            f"/etc/hoaban-backup/password, or move {host.store / name} away to begin anew"
        )
    return {"changed": True, "made": ["way in"]}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Register the client; the module's result."""
    params = module.params
    if not NAME.fullmatch(params["name"]):
        module.fail_json(msg=f"{params['name']} can't be the name of an account and a folder")
    if not SETTINGS.is_file():
        if module.check_mode:
            # The run that is rehearsed here configures the backup host first.
            return {"changed": True, "certificate": "", "key": "", "repository": False}
        module.fail_json(msg="this host is no backup host yet; configure it first: hoaban converge")
    host = Host(json.loads(SETTINGS.read_text(encoding="utf-8")))
    (host.etc / "clients").mkdir(mode=0o700, exist_ok=True)
    # Many clients are configured at once, by several processes too.
    with (host.etc / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if params["client_password"]:
            return let_in(module, host, params["client_password"])
        if not module.check_mode and not HASH.fullmatch(params["password_hash"] or ""):
            module.fail_json(msg="password_hash must be made by bcrypt")
        return register(module, host)


def main() -> None:
    """Entry point, on the backup host."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "password_hash": {"type": "str", "no_log": True},
            "keep": {"type": "dict"},
            "quota_gb": {"type": "int", "default": 0},
            "rpo_hours": {"type": "int", "default": 0},
            "copies": {"type": "bool", "default": False},
            "client_password": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
