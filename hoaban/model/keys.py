"""Public SSH keys, as OpenSSH's ``authorized_keys`` files hold them (sshd(8))."""

from __future__ import annotations

import base64

KINDS = frozenset(
    {
        "ssh-ed25519",
        "sk-ssh-ed25519@openssh.com",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "ssh-rsa",
    }
)
_LENGTH_BYTES = 4
_MEND = "paste the one line of the .pub file, such as ~/.ssh/id_ed25519.pub"


def fault_of_public_key(line: str) -> tuple[str, str] | None:
    """What is wrong with a public key and its mend, or None.

    The text itself is never repeated: it may be a private key, pasted by mistake.
    """
    if "PRIVATE KEY" in line:
        return (
            "this is a private key, which must never be in a file that others read",
            f"treat that key as known to others and make a new one (ssh-keygen); then {_MEND}",
        )
    kind, _, rest = line.strip().partition(" ")
    blob = rest.split(" ", 1)[0]
    if kind not in KINDS:
        return "this is not a public SSH key of a kind that servers accept", _MEND
    try:
        raw = base64.b64decode(blob, validate=True)
    except ValueError:
        return f"the body of this {kind} key is not base64", _MEND
    # The body begins with the kind again, after its length (RFC 4253, section 6.6).
    if raw[_LENGTH_BYTES : _LENGTH_BYTES + len(kind)] != kind.encode():
        return f"the body of this key is not of the kind {kind}", _MEND
    if len(raw) <= _LENGTH_BYTES + len(kind) + _LENGTH_BYTES:
        return f"the body of this {kind} key is cut off", _MEND
    return None
