"""A VPN hub may have the address of the pair, and its own one more time in the tunnels."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from hoaban.verify.checks.addresses import at_times
from tests.unit.model.provinces import make

if TYPE_CHECKING:
    from hoaban.inventory.fleet import ManagedHost

HUB = {"size": "tiny", "services": ["vpn_hub"], "zone": "vpn", "floating_ip": True}


def hosts(**hubs: Any) -> dict[str, ManagedHost]:
    bastion = {"size": "tiny", "services": ["bastion", "time"]}
    plan = make([], {"bastion": bastion, **hubs}).foundation()
    made = [SimpleNamespace(plan=host, environment=plan) for host in plan.hosts]
    return {one.plan.name: cast("ManagedHost", one) for one in made}


def test_a_hub_of_two_may_hold_the_address_of_both() -> None:
    found = hosts(**{"vpn-1": HUB, "vpn-2": HUB})
    assert at_times(found["vpn-1"]) == {
        "10.1.0.138/32",
        "fd00:0:1:2::a/128",
        "10.1.0.130/26",
        "fd00:0:1:2::2/64",
    }


def test_one_hub_alone_has_none_to_hold() -> None:
    assert at_times(hosts(**{"vpn-1": HUB})["vpn-1"]) == {"10.1.0.138/32", "fd00:0:1:2::a/128"}


def test_all_others_have_their_own_addresses_alone() -> None:
    assert at_times(hosts(**{"vpn-1": HUB, "vpn-2": HUB})["bastion"]) == set()
    assert at_times(hosts()["bastion"]) == set()
