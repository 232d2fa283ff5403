"""New passphrases for stacks: one, or all of the workspace."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from hoaban.engine.embedded.backend import Backend
from hoaban.engine.embedded.rotation import Rotated, rotate
from hoaban.engine.embedded.secrets import read_passphrase
from hoaban.files import sync_folder, write_once
from hoaban.model import load
from hoaban.provision.named import PROJECTS, NamedTarget
from hoaban.provision.secrets import PASSPHRASE_BYTES, passphrase_file, passphrases
from hoaban.provision.stacks import stack_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hoaban.engine.embedded.backend import StackName
    from hoaban.provision.target import Target
    from hoaban.workspace import Workspace


def new_passphrase(file: Path | None) -> str:
    """The passphrase in a file, or a random one."""
    return read_passphrase(file) if file else secrets.token_urlsafe(PASSPHRASE_BYTES)


def rotate_one(target: Target, passphrase: str) -> Rotated:
    """Put one stack under a passphrase of its own."""
    return rotate(stack_for(target), passphrase)


def rotate_all(
    workspace: Workspace, passphrase: str, tell: Callable[[Rotated], None]
) -> list[Rotated]:
    """Put every stack under one new passphrase, which becomes the workspace's.

    Until the last is done the new one waits in ``passphrase.next``, and each that is done has it as
    its own; so this can be interrupted at any time, and run again: it then goes on with the
    passphrase it had begun with.
    """
    common = passphrase_file(workspace)
    following = common.with_name(f"{common.name}.next")
    if not following.exists():
        write_once(following, f"{passphrase}\n")
    passphrase = read_passphrase(following)
    done: list[Rotated] = []
    # Stacks may be made meanwhile, under the passphrase of before.
    while left := [name for name in _stacks(workspace) if not _has(workspace, name, passphrase)]:
        for name in left:
            target = NamedTarget(workspace, load(workspace.inventory), name.stack, name)
            done.append(rotate_one(target, passphrase))
            tell(done[-1])
    following.replace(common)
    sync_folder(common.parent)
    for name in _stacks(workspace):
        own = _own(workspace, name)
        if own.exists() and read_passphrase(own) == passphrase:
            own.unlink()
    return done


def _own(workspace: Workspace, name: StackName) -> Path:
    return passphrases(workspace) / f"{name.project}.{name.stack}"


def _has(workspace: Workspace, name: StackName, passphrase: str) -> bool:
    own = _own(workspace, name)
    return own.exists() and read_passphrase(own) == passphrase


def _stacks(workspace: Workspace) -> list[StackName]:
    """Every stack of which there is anything, also copies of one that was forgotten."""
    backend = Backend(workspace.backend)
    found = {*backend.stacks(), *backend.journals(), *backend.forgotten()}
    return sorted((one for one in found if one.project in PROJECTS), key=str)
