"""Room for a scenario's networks, tried in a network namespace of the test's own."""

from __future__ import annotations

from tests.unit.apart import printed_apart

PROGRAM = """\
import subprocess
from ipaddress import ip_network
from hoaban.errors import HoabanError
from hoaban.testing.bridges import make_room

def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout

def bridge(name, *addresses):
    ip("link", "add", name, "type", "bridge")
    for address in addresses:
        ip("address", "add", address, "dev", name)
    ip("link", "set", name, "up")

wanted = [ip_network("10.231.1.0/24"), ip_network("fd6f::/64")]
"""


def said_by(program: str) -> list[str]:
    """Lines that a program prints in a network without interfaces."""
    return printed_apart(PROGRAM + program).splitlines()


def test_a_bridge_that_nothing_is_on_goes() -> None:
    assert said_by("""
bridge("podman1", "10.231.1.1/24")
bridge("podman2", "fd6f::1/64")
bridge("podman3", "10.231.2.1/24")
make_room(wanted)
for name in ("podman1", "podman2", "podman3"):
    print(name in ip("link"))
""") == ["False", "False", "True"]


def test_instances_of_another_checkout_stay() -> None:
    (message, stays) = said_by("""
bridge("podman1", "10.231.1.1/24")
ip("link", "add", "veth0", "type", "veth", "peer", "name", "far")
ip("link", "set", "veth0", "master", "podman1")
try:
    make_room(wanted)
except HoabanError as error:
    print(error.what)
print("podman1" in ip("link"))
""")
    assert "podman1 has the address 10.231.1.1" in message
    assert stays == "True"


def test_an_interface_that_is_not_podmans_stays() -> None:
    (message, stays) = said_by("""
bridge("office0", "10.231.0.9/16")
try:
    make_room(wanted)
except HoabanError as error:
    print(error.what)
print("office0" in ip("link"))
""")
    assert "office0 has the address 10.231.0.9" in message
    assert stays == "True"


def test_other_networks_are_no_hindrance() -> None:
    assert said_by("""
bridge("podman1", "10.231.2.1/24", "fd70::1/64")
make_room(wanted)
print("podman1" in ip("link"))
""") == ["True"]
