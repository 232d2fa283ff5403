"""Ansible module: the secrets of a client of the backup host, made on the client itself.

The repository's password and the account's are made here and stay here. What leaves the host is a
hash of the second, and a copy of both that is sealed to the province's age recipients.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: backup_secrets
short_description: Make the secrets of a backup client, once, and seal a copy of them
description:
  - Makes the password of the client's repository and of its account, each of 256 random bits.
  - Seals a copy to age recipients; again when these, the repository or a secret has changed.
  - Supports check mode.
options:
  folder:
    description: Folder of the secrets; made with mode 0700.
    type: path
    required: true
  username:
    description: Name of the client's account at the backup host.
    type: str
    required: true
  repository:
    description: Address of the repository, which the sealed copy names.
    type: str
    required: true
  recipients:
    description: age recipients who can open the sealed copy.
    type: list
    elements: str
    required: true
  opened:
    description: File that is on the client once it has opened its repository.
    type: path
    required: true
author: hoaban contributors
"""

EXAMPLES = r"""
- name: Make the secrets
  backup_secrets:
    folder: /etc/hoaban-backup
    username: "{{ inventory_hostname }}"
    repository: rest:https://backup-1.dc.sonla.example:8000/{{ inventory_hostname }}/
    recipients: ["{{ recipient }}"]
    opened: /var/lib/hoaban-backup/client.json
  no_log: true
"""

RETURN = r"""
password_hash:
  description: Hash of the account's password by bcrypt; empty in check mode before it is made.
  returned: always
  type: str
sealed:
  description: The sealed copy, as ASCII armour; empty in check mode before it is made.
  returned: always
  type: str
opened:
  description: Whether the client has opened its repository before.
  returned: always
  type: bool
"""

SECRET_BYTES = 32
# The password has 256 random bits: a costly hash would slow down the server, and protect nothing.
BCRYPT_COST = "8"


def lines_of(path: Path) -> dict[str, str]:
    """An environment file as a dictionary; empty when there is none."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def write_secret(path: Path, content: str) -> None:
    """Write a file that only root reads, whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    beside.write_text(content, encoding="utf-8")
    beside.replace(path)


def escrow_text(params: dict[str, Any], password: str, account: dict[str, str]) -> str:
    """What is sealed: all that a restore needs without this host, as an environment file."""
    values = {
        "RESTIC_REPOSITORY": params["repository"],
        "RESTIC_PASSWORD": password,
        **account,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def run_tool(module: AnsibleModule, command: list[str], given: str) -> str:
    """Output of a program that gets a secret on its standard input, or a failure of the module."""
    status, out, err = module.run_command(command, data=given, binary_data=True)
    if status != 0:
        module.fail_json(msg=f"{command[0]} failed: {err.strip()}")
    return str(out)


def seal(module: AnsibleModule, text: str) -> str:
    """The text sealed to the recipients by age(1)."""
    command = ["age", "--encrypt", "--armor"]
    for recipient in module.params["recipients"]:
        command += ["--recipient", recipient]
    return run_tool(module, command, text)


def run(module: AnsibleModule) -> dict[str, Any]:
    """Make what is missing; the module's result."""
    params = module.params
    folder = Path(params["folder"])
    password_file, account_file = folder / "password", folder / "account.env"
    hash_file, sealed_file, seal_file = (
        folder / name for name in ("account.hash", "escrow.age", "escrow.digest")
    )
    known = password_file.is_file()
    account = lines_of(account_file)
    complete = known and account.get("RESTIC_REST_USERNAME") == params["username"]
    if module.check_mode and not (complete and hash_file.is_file() and sealed_file.is_file()):
        return {"changed": True, "password_hash": "", "sealed": "", "opened": False}
    made = []
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    if not known:
        write_secret(password_file, secrets.token_urlsafe(SECRET_BYTES) + "\n")
        made.append("password")
    if not complete:
        secret = account.get("RESTIC_REST_PASSWORD") or secrets.token_urlsafe(SECRET_BYTES)
        account = {"RESTIC_REST_USERNAME": params["username"], "RESTIC_REST_PASSWORD": secret}
        write_secret(account_file, "".join(f"{key}={value}\n" for key, value in account.items()))
        made.append("account")
    if not hash_file.is_file() or "account" in made:
        command = ["mkpasswd", "--method=bcrypt", f"--rounds={BCRYPT_COST}", "--stdin"]
        hashed = run_tool(module, command, account["RESTIC_REST_PASSWORD"] + "\n")
        write_secret(hash_file, hashed.strip() + "\n")
    text = escrow_text(params, password_file.read_text(encoding="utf-8").strip(), account)
    parts = "\n".join([*sorted(params["recipients"]), text])
    digest = hashlib.sha256(parts.encode()).hexdigest() + "\n"
    stale = not sealed_file.is_file() or not seal_file.is_file() or seal_file.read_text() != digest
    if stale:
        made.append("escrow")
        if not module.check_mode:
            write_secret(sealed_file, seal(module, text))
            write_secret(seal_file, digest)
    return {
        "changed": bool(made),
        "made": made,
        "password_hash": hash_file.read_text(encoding="utf-8").strip(),
        "sealed": sealed_file.read_text(encoding="utf-8"),
        # With a new password it has opened nothing yet, whatever one before it has.
        "opened": "password" not in made and Path(params["opened"]).is_file(),
    }


def main() -> None:
    """Entry point, on the client."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "username": {"type": "str", "required": True},
            "repository": {"type": "str", "required": True},
            "recipients": {"type": "list", "elements": "str", "required": True},
            "opened": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
