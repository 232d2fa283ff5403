"""Ansible filter for the keys of the account through which Ansible comes."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hoaban.model.keys import fault_of_public_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def deploy_key_problems(keys: Iterable[str], private_file: str | None = None) -> list[str]:
    """Why a host that takes ``keys`` alone might not let Ansible in again; empty when it will.

    ``private_file`` is the key in use, as far as a file is known: its public half must be listed.
    """
    known = list(keys)
    if not known:
        return ["no deploy key is given: the host could not be reached again"]
    problems = []
    for number, key in enumerate(known, start=1):
        fault = fault_of_public_key(key)
        if fault or len(key.splitlines()) != 1:
            what, mend = fault or ("this is more than one line", "give each key as an item")
            problems.append(f"deploy key {number}: {what} ({mend})")
    if problems or not private_file:
        return problems
    used = _fingerprint_of_file(private_file)
    if used is None:
        return [f"the public half of {private_file}, which is in use, can't be read"]
    if used not in {fingerprint(key) for key in known}:
        return [f"{private_file}, which is in use, is none of the deploy keys that are given"]
    return []


def fingerprint(key: str) -> str:
    """A public key's fingerprint as OpenSSH prints it: SHA-256 in base64 without padding."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _fingerprint_of_file(private_file: str) -> str | None:
    """Fingerprint of a private key; one with a passphrase tells its public half without it.

    It is asked under another name, beside which is no ``.pub``: ssh-keygen would believe that.
    """
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "key"
        link.symlink_to(Path(private_file).expanduser().absolute())
        command = ["ssh-keygen", "-l", "-E", "sha256", "-f", str(link)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return None
    words = done.stdout.split()
    return words[1] if done.returncode == 0 and len(words) > 1 else None


class FilterModule:
    """The filter, by the name that expressions use."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Ansible asks for this."""
        return {"deploy_key_problems": deploy_key_problems}
