"""Signatures by SSH keys, as ``ssh-keygen -Y`` makes and checks them (PROTOCOL.sshsig).

Who may sign as whom is said by ``inventory/allowed_signers`` (ALLOWED SIGNERS of ssh-keygen(1)).
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hoaban.errors import HoabanError, Location, PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence

ALLOWED_SIGNERS: Final = "allowed_signers"
LINE: Final = "an@dc.province.example ssh-ed25519 AAAA…"
_FINGERPRINT: Final = re.compile(r"\b(SHA256:\S+)$")


@dataclass(frozen=True, slots=True)
class Signer:
    """Who made a signature: the names that the allowed signers give the key, and the key."""

    names: tuple[str, ...]
    fingerprint: str

    def __str__(self) -> str:
        return ", ".join(self.names)

    def is_also(self, other: Signer) -> bool:
        """Whether the two are one person, as far as names and keys tell."""
        return self.fingerprint == other.fingerprint or not set(self.names).isdisjoint(other.names)


def sign(key: Path, namespace: str, text: str) -> str:
    """The armoured signature of a text. The key may be a ``.pub`` whose other half an agent has."""
    done = _run("-Y", "sign", "-q", "-f", str(key), "-n", namespace, given=text)
    if done.returncode:
        raise HoabanError(
            f"cannot sign with the key: {_last_line(done.stderr)}",
            where=Location(file=str(key)),
            mend="give your SSH key: --key ~/.ssh/id_ed25519, or its .pub where an agent holds it",
        )
    return done.stdout


def signer_of(allowed: Path, namespace: str, text: str, signature: str) -> Signer:
    """Who signed a text; an error when it is nobody of the allowed signers, or another text."""
    if not allowed.is_file():
        raise HoabanError(
            "there is no file that says whose signatures count",
            where=Location(file=_name(allowed)),
            mend=f"write one line a person into it, such as: {LINE}",
        )
    with tempfile.TemporaryDirectory(prefix="hoaban-signature-") as folder:
        file = Path(folder) / "signature"
        file.write_text(signature, encoding="utf-8")
        common = ("-f", str(allowed), "-s", str(file))
        found = _run("-Y", "find-principals", *common)
        names = tuple(found.stdout.split("\n"))[:-1] if not found.returncode else ()
        if not names:
            raise PolicyError(
                "a signature is of no key that counts",
                where=Location(file=_name(allowed)),
                mend="let the person whose key it is be added to the file, by review",
            )
        _refuse_patterns(allowed, names)
        how = ("-I", names[0], "-n", namespace)
        checked = _run("-Y", "verify", *common, *how, given=text)
    key = _FINGERPRINT.search(checked.stdout.strip())
    if checked.returncode or key is None:
        reason = _last_line(checked.stderr) or _last_line(checked.stdout)
        raise PolicyError(
            f"the signature of {names[0]} does not hold: {reason}",
            where=Location(file=_name(allowed)),
            mend=f"sign it again, with a key that may sign as `{namespace}`",
        )
    return Signer(names, key[1])


def _refuse_patterns(allowed: Path, names: Sequence[str]) -> None:
    for name in names:
        if set(name) & set("*?!"):
            raise PolicyError(
                f"a signature is of `{name}`, which may be anybody",
                where=Location(file=_name(allowed)),
                mend="name the person whose key it is, not a pattern",
            )


def _name(allowed: Path) -> str:
    return f"{allowed.parent.name}/{allowed.name}"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def _run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["ssh-keygen", *arguments], input=given, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise HoabanError(
            "ssh-keygen is not installed", mend="apt-get install openssh-client"
        ) from error
