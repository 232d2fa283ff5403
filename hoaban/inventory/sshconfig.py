"""The one way in: an OpenSSH client configuration for every host, through the bastion.

``hoaban ssh``, Ansible and the checks all use it, so that none of them can be laxer than another:
keys are pinned, passwords are never tried. ProxyJump takes the same file (``ssh -F``) for the
bastion's own connection (ssh(1), ``-J``), which options given by ``-o`` would not reach.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hoaban.errors import HoabanError
from hoaban.files import write_atomic

if TYPE_CHECKING:
    from hoaban.inventory.fleet import Fleet, ManagedHost
    from hoaban.workspace import Workspace

USER: Final = "hoaban"
"""The account that cloud-init makes for the toolkit."""
DEPLOY_KEY: Final = "deploy"
"""File of the private key under the workspace's ``keys``."""

GENERAL: Final = """\
  User {user}
  IdentityFile {key}
  IdentitiesOnly yes
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  CheckHostIP no
  UpdateHostKeys no
  PreferredAuthentications publickey
  PasswordAuthentication no
  KbdInteractiveAuthentication no
  ForwardAgent no
  # Elliptic curves first: the post-quantum exchange costs seconds on a slow guest.
  KexAlgorithms ^curve25519-sha256
  ConnectTimeout 30
  ConnectionAttempts 2
  ServerAliveInterval 15
  ServerAliveCountMax 8
  ControlMaster auto
  ControlPersist 600
  ControlPath {control}
"""


def path_of(workspace: Workspace) -> Path:
    """File of the configuration."""
    return workspace.home / "ssh_config"


def private_key(workspace: Workspace) -> Path:
    """File of the private key that opens the account on every host."""
    return workspace.keys / DEPLOY_KEY


def public_keys(workspace: Workspace) -> list[str]:
    """Public keys that open the account: of the key in use, and of ``deploy-*.pub`` beside it.

    The latter are there while keys are exchanged: a host that was not reached yet has the old one.
    """
    files = [
        workspace.keys / f"{DEPLOY_KEY}.pub",
        *sorted(workspace.keys.glob(DEPLOY_KEY + "-*.pub")),
    ]
    lines = [
        line.strip()
        for file in files
        if file.is_file()
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def known_hosts(workspace: Workspace, host: ManagedHost) -> Path:
    """File of the pinned keys of a host's stack."""
    return workspace.known_hosts / host.state.key


def control_path(workspace: Workspace) -> Path:
    """Pattern of control sockets: short (108 bytes is a socket's limit), private, one workspace.

    OpenSSH adds 17 characters while it binds; ``%C`` becomes 40.
    """
    folder = Path(tempfile.gettempdir()) / f"hoaban-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise HoabanError(
            f"{folder} is not a private folder of this user",
            mend=f"remove it (rm -r {folder}) and run this again",
        )
    mark = hashlib.sha256(str(workspace.home).encode()).hexdigest()[:8]
    return folder / f"{mark}-%C"


def render(workspace: Workspace, fleet: Fleet) -> str:
    """The whole file. Hosts answer to their name, full name and addresses alike."""
    lines = ["# Written by hoaban from the stacks' state: changes made here are lost.", ""]
    for host in fleet.hosts.values():
        lines += _host_block(workspace, fleet, host)
    general = GENERAL.format(
        user=USER,
        key=quoted(private_key(workspace)),
        control=quoted(control_path(workspace)),
    )
    return "\n".join([*lines, "Host *", general])


def write(workspace: Workspace, fleet: Fleet) -> Path:
    """Bring the file up to date and return its path."""
    path = path_of(workspace)
    content = render(workspace, fleet)
    if not path.is_file() or path.read_text(encoding="utf-8") != content:
        workspace.ensure_home()
        write_atomic(path, content, mode=0o600)
    return path


def quoted(path: Path) -> str:
    """A path as ssh_config(5) wants it: in double quotes; ``%`` is special but to ControlPath."""
    text = str(path)
    if '"' in text or "\n" in text:
        raise HoabanError(
            f"the path {text!r} cannot stand in an SSH configuration",
            mend="set HOABAN_HOME to a folder whose path has no quote or line break",
        )
    return f'"{text}"'


def _host_block(workspace: Workspace, fleet: Fleet, host: ManagedHost) -> list[str]:
    plan = host.plan
    address = fleet.address_of(host)
    names = dict.fromkeys([plan.name, plan.fqdn, address, str(plan.ipv4), str(plan.ipv6)])
    block = [
        f"Host {' '.join(names)}",
        f"  HostName {address}",
        f"  HostKeyAlias {plan.name}",
        f"  UserKnownHostsFile {quoted(known_hosts(workspace, host))}",
    ]
    jump = fleet.jump_of(host)
    if jump is not None:
        block.append(f"  ProxyJump {jump.name}")
    return [*block, ""]
