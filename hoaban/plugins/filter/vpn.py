"""Ansible filter: the plan of the VPN as variables of the role wireguard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoaban.model.vpnplan import VpnPlan
from hoaban.vpn import hub, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def of_hub(plan: Mapping[str, Any], name: str, key_file: str) -> dict[str, Any]:
    """``interfaces``, ``bgp``, ``virtual`` and ``probes`` of one hub.

    ``key_file`` is where public keys are noted, in the folder of all keys of tunnels.
    """
    file = Path(key_file)
    parsed = VpnPlan.model_validate_json(json.dumps(plan))
    return hub.of_hub(parsed, name, keys.read(file), file.parent.parent)


class FilterModule:
    """The filter, by the name that expressions use."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Ansible asks for this."""
        return {"vpn_of_hub": of_hub}
