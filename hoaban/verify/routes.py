"""Which routes this machine has."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address


@cache
def leads_to(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is what it says when it is reached from here.

    A public one is; a private one only by a route of its own: whatever the default route takes may
    be another network's.
    """
    if address.is_global:
        return True
    command = ["ip", "-json", f"-{address.version}", "route", "get", "fibmatch", str(address)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    routes = json.loads(result.stdout or "[]") if result.returncode == 0 else []
    return any(route.get("dst") not in (None, "default") for route in routes)
