"""Tunnels to the centre: what the section ``centre`` of province.yml comes to, and its faults."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import pytest

from hoaban.errors import HoabanError
from hoaban.model import Province, ledgerfile, load
from hoaban.model.types import Direction, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GATEWAY = """\
  vpn-1:
    size: tiny
    zone: vpn
    floating_ip: true
    services: [vpn_hub, ipsec_gateway]
"""
CENTRE = """\
centre:
  identity: gateway.a.example
  gateways:
    - {name: one, address: 203.0.113.1, identity: one.centre.example}
    - {name: two, address: "2001:db8:9::2", identity: "C=VN, O=Centre, CN=two"}
  certificates:
    vpn-1: |
      -----BEGIN CERTIFICATE-----
      MIIB
      -----END CERTIFICATE-----
"""


@pytest.fixture
def province(blank: Path) -> Callable[..., Province]:
    """The small province with a gateway, after some edits of its file."""

    def make(*edits: tuple[str, str]) -> Province:
        file = blank / "province.yml"
        text = file.read_text(encoding="utf-8") + GATEWAY + CENTRE
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
        ledgerfile.allocate(blank)
        return load(blank)

    return make


def test_gateways_are_told_peers_networks_and_their_own_certificates(
    province: Callable[..., Province],
) -> None:
    known = province()
    link = known.settings().centre
    assert link is not None
    assert link.identity == "gateway.a.example"
    assert [(peer.name, *map(str, peer.addresses)) for peer in link.peers] == [
        ("one", "203.0.113.1"),
        ("two", "2001:db8:9::2"),
    ]
    assert list(link.certificates) == ["vpn-1"]
    assert (link.revocation, link.post_quantum) == ("strict", "prefer")
    assert link.remote_networks == [ip_network("198.51.100.0/24")]
    exposed = known.environment("so-a").networks[0]
    assert link.local_networks == [exposed.ipv4, exposed.ipv6]


def test_ike_and_esp_are_open_to_the_centres_gateways_alone(
    province: Callable[..., Province],
) -> None:
    groups = {group.name: group for group in province().foundation().security_groups}
    rules = groups["tinh-a-ipsec-gateway"].rules
    assert {rule.remote.network_address for rule in rules} == {
        ip_address("203.0.113.1"),
        ip_address("2001:db8:9::2"),
    }
    for direction in Direction:
        flows = {(r.protocol, r.port_min) for r in rules if r.direction is direction}
        assert flows == {(Protocol.UDP, 500), (Protocol.UDP, 4500), (Protocol.ESP, None)}


def test_without_the_section_there_are_no_tunnels(inventory: Path) -> None:
    assert load(inventory).settings().centre is None


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (("    vpn-1: |", "    bastion: |"), "`bastion` is no host with the service"),
        (("  centre_networks: [198.51.100.0/24]\n", ""), "whose networks are not known"),
        ((", ipsec_gateway]", "]"), "no host that keeps them"),
        (("name: two", "name: one"), "one"),
        (("name: two", "name: refused"), "no gateway can be called `refused`"),
        (("CERTIFICATE-----", "PRIVATE KEY-----"), "never a private key"),
        (("identity: one.centre.example", "identity: 'one\"'"), "a name such as"),
        (("name: two, address", "name: two, adress"), "did you mean `address`"),
        (("  gateways:\n", "  revocation: none\n  gateways:\n"), "strict, ifuri or relaxed"),
    ],
)
def test_faults(province: Callable[..., Province], edit: tuple[str, str], says: str) -> None:
    with pytest.raises(HoabanError) as told:
        province(edit)
    errors = getattr(told.value, "errors", [told.value])
    assert any(says in f"{error}" for error in errors), errors
