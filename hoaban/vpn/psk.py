"""Keys that both ends of a tunnel share beside their pairs (WireGuard's PresharedKey).

They lie in the workspace's home, like the deploy key that opens every host: mode 0600, one a file,
in base64. They guard what is recorded today against a computer that breaks Curve25519 one day.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from hoaban.files import write_atomic, write_once

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES = 32


def _new() -> str:
    return base64.b64encode(os.urandom(KEY_BYTES)).decode("ascii") + "\n"


def ensure(path: Path) -> Path:
    """Make the key unless it is there; ``path`` itself."""
    if not path.is_file():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_once(path, _new())
    return path


def replace(path: Path) -> None:
    """Put a new key in the place of the old one."""
    write_atomic(path, _new(), mode=0o600)
