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
    """Whether a route of this machine other than the default one leads to an address.

    What the default route takes may be anybody's: a private address is another network's there.
    """
    command = ["ip", "-json", f"-{address.version}", "route", "get", "fibmatch", str(address)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    routes = json.loads(result.stdout or "[]") if result.returncode == 0 else []
    return any(route.get("dst") not in (None, "default") for route in routes)
