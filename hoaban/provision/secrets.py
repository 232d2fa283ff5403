"""Secrets that a workspace has of its own, made at their first use: passphrase and deploy key."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hoaban.engine.storage import open_storage
from hoaban.errors import HoabanError, Location
from hoaban.files import write_once

if TYPE_CHECKING:
    from hoaban.workspace import Workspace

PASSPHRASE = "passphrase"  # noqa: S105 (the name of its file)
DEPLOY_KEY = "deploy"
PASSPHRASE_BYTES = 32


def passphrase_file(workspace: Workspace) -> Path:
    """The file with the passphrase of all stacks; made with a random one if there is none.

    Where there are stacks already it is not made: no other passphrase would open them.
    """
    file = _keys(workspace) / PASSPHRASE
    if not file.exists():
        if open_storage(workspace.backend).list("stacks/"):
            raise HoabanError(
                "the passphrase of the stacks is gone",
                where=Location(file=str(file)),
                mend="put the file back from where you keep it, with mode 0600",
            )
        write_once(file, secrets.token_urlsafe(PASSPHRASE_BYTES) + "\n")
    return file


def passphrases(workspace: Workspace) -> Path:
    """The folder of passphrases that stacks have of their own, made when it is first needed."""
    return workspace.keys / "passphrases"


def deploy_key(workspace: Workspace) -> Path:
    """The private key of Ansible's login (``.pub`` beside it); made if there is none."""
    file = _keys(workspace) / DEPLOY_KEY
    public = file.with_suffix(".pub")
    if file.exists() and public.exists():
        return file
    if file.exists():
        write_once(public, _run("ssh-keygen", "-y", "-f", str(file)), mode=0o644)
        return file
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        made = Path(folder) / DEPLOY_KEY
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "hoaban", "-f", str(made))
        # The private half decides which of two processes won.
        with suppress(FileExistsError):
            os.link(made, file)
            made.with_suffix(".pub").replace(public)
    return file


def _keys(workspace: Workspace) -> Path:
    workspace.ensure_home()
    workspace.keys.mkdir(mode=0o700, exist_ok=True)
    return workspace.keys


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise HoabanError(
            f"{command[0]} is not installed", mend="apt-get install openssh-client"
        ) from error
    except subprocess.CalledProcessError as error:
        raise HoabanError(
            f"{command[0]} failed: {error.stderr.strip()}",
            where=Location(file=command[-1]),
            mend="make room, or give access to the folder; then run the same command again",
        ) from error
