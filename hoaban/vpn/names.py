"""Names in the workspace's folder of tunnels: keys of offices' routers, shared keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

ROUTER: Final = "router"
"""Name under which the one key of an office's router is noted, for all its tunnels."""
CLIENT: Final = "client"
"""The same of a router that speaks no BGP: hubs have fixed routes to it."""


def folder(home: Path) -> Path:
    """The folder, of a workspace's home."""
    return home / "vpn"


def key_file(home: Path) -> Path:
    """File of all public keys."""
    return folder(home) / "keys.yml"


def shared_key(home: Path, hub: str, site: str) -> Path:
    """File of the key that a hub and an office share."""
    return folder(home) / "psk" / hub / site.replace("/", "_")


def direct_key(home: Path, tunnel: str) -> Path:
    """File of the key that the ends of a direct tunnel share."""
    return folder(home) / "psk" / "direct" / tunnel
