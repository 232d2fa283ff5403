"""Keys: what is noted of hosts, what is shared by two ends, what makes it into files."""

from __future__ import annotations

import base64
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from ansible.errors import AnsibleFilterError

from hoaban.errors import HoabanError
from hoaban.plugins.filter.wireguard import (
    UNKNOWN_KEY,
    wireguard_ends,
    wireguard_file,
    wireguard_problems,
    wireguard_turn_problems,
)
from hoaban.vpn import keys, psk
from hoaban.vpn.rotate import Turn, turns

if TYPE_CHECKING:
    from pathlib import Path

KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


def interface(**peer: Any) -> dict[str, Any]:
    one = {"name": "site", "public_key": KEY, "allowed_ips": ["10.64.1.0/24"], **peer}
    shown = {key: value for key, value in one.items() if value is not None}
    return {"name": "wg-sites", "addresses": ["10.20.0.10/32"], "peers": [shown]}


def test_keys_are_noted_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "vpn/keys.yml"
    assert keys.read(path) == {}
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda n: keys.note(path, f"host-{n}", {"wg-sites": KEY}), range(20)))
    assert len(keys.read(path)) == 20
    keys.note(path, "host-0", {"wg-other": OTHER})
    assert keys.read(path)["host-0"] == {"wg-other": OTHER}


@pytest.mark.parametrize("text", ["[", "host: key\n", "- host\n"])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.yml"
    path.write_text(text)
    with pytest.raises(HoabanError, match="does not hold public keys") as caught:
        keys.read(path)
    assert caught.value.mend


def test_shared_keys_are_made_once_and_replaced(tmp_path: Path) -> None:
    path = psk.ensure(tmp_path / "psk/one")
    first = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(first)) == 32
    psk.ensure(path)
    assert path.read_text() == first
    psk.replace(path)
    assert path.read_text() != first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_of_an_interface(tmp_path: Path) -> None:
    pins, shared = tmp_path / "keys.yml", psk.ensure(tmp_path / "psk")
    keys.note(pins, "office", {"wg-vpn-1": OTHER})
    peer = {"public_key": None, "host": "office", "interface": "wg-vpn-1"}
    text = wireguard_file(interface(**peer, preshared_key_file=str(shared)), str(pins))
    document = json.loads(text)
    assert document["peers"] == [
        {
            "name": "site",
            "public_key": OTHER,
            "allowed_ips": ["10.64.1.0/24"],
            "preshared_key": shared.read_text().strip(),
        }
    ]


def test_a_key_that_is_not_known(tmp_path: Path) -> None:
    unknown = interface(public_key=None, host="office", interface="wg-vpn-1")
    pins = str(tmp_path / "keys.yml")
    with pytest.raises(AnsibleFilterError, match="office's interface wg-vpn-1 is not known"):
        wireguard_file(unknown, pins)
    document = json.loads(wireguard_file(unknown, pins, check_mode=True))
    assert document["peers"][0]["public_key"] == UNKNOWN_KEY


@pytest.mark.parametrize("text", ["", "not a key\n", base64.b64encode(b"short").decode()])
def test_a_shared_key_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "psk"
    path.write_text(text)
    with pytest.raises(AnsibleFilterError, match="does not hold a key") as caught:
        wireguard_file(interface(preshared_key_file=str(path)), str(tmp_path / "keys.yml"))
    assert text.strip() == "" or text.strip() not in str(caught.value)


@pytest.mark.parametrize(
    ("peer", "problem"),
    [
        ({"host": "office"}, "either host or public_key"),
        ({"public_key": None}, "either host or public_key"),
        ({"public_key": "short"}, "the public key is none"),
        ({"endpoint": "10.0.0.1"}, "not an address and a port"),
        ({"endpoint": "fd00::1:51820"}, "not an address and a port"),
        ({"allowed_ips": ["10.64.1.1/24"]}, "has host bits set"),
        ({"tunnel_addresses": ["10.64.2.1"]}, "10.64.2.1 is in none of its allowed_ips"),
        ({"bandwidth_mbit": 0}, "a bandwidth is greater than nothing"),
    ],
)
def test_peers_that_can_not_be(peer: dict[str, Any], problem: str) -> None:
    problems = wireguard_problems([interface(**peer)], {}, {})
    assert len(problems) == 1
    assert problem in problems[0]


def test_interfaces_that_are_fine() -> None:
    good = interface(endpoint="[fd00::1]:51820", tunnel_addresses=["10.64.1.1"])
    assert wireguard_problems([good], {}, {}) == []


def test_one_network_for_two_peers() -> None:
    both = interface()
    both["peers"].append({**both["peers"][0], "name": "another"})
    assert wireguard_problems([both], {}, {}) == [
        "wg-sites: several peers are to have 10.64.1.0/24"
    ]


def test_names_that_the_kernel_refuses() -> None:
    for name in ("eth0", "wg-", "wg-much-too-long-a-name"):
        assert "can't be an interface's name" in wireguard_problems(
            [{**interface(), "name": name}], {}, {}
        )[0]  # fmt: skip


def test_neighbours_and_virtual_addresses() -> None:
    neighbour = {"name": "site", "address": "10.64.1.1", "source": "10.20.0.10", "asn": 1}
    good = {"asn": 64512, "router_id": "10.20.0.10", "neighbours": [neighbour]}
    virtual = {"addresses": ["10.20.0.2/24"], "source": "10.20.0.10", "peers": ["10.20.0.11"]}
    assert wireguard_problems([], good, {**virtual, "priority": 150}) == []
    for odd, word in (
        ({"source": "fd00::1"}, "of one family"),
        ({"accept": ["fd00::/64"]}, "of one family"),
        ({"interface": "wg-none"}, "there is no interface wg-none"),
    ):
        problems = wireguard_problems([], {**good, "neighbours": [{**neighbour, **odd}]}, {})
        assert len(problems) == 1
        assert word in problems[0]
    assert wireguard_problems([], {"asn": 1}, {}) == ["BGP: router_id is missing"]
    assert wireguard_problems([], {}, virtual) == ["virtual address: priority is missing"]
    sick = wireguard_problems([], {}, {**virtual, "priority": 100})
    assert sick == ["virtual address: a priority is from 101 to 254, for a sick hub loses 100"]


def test_who_is_at_the_other_end() -> None:
    own = interface(public_key=None, host="vpn-1", interface="wg-x")
    assert wireguard_ends([own], "vpn-1", "wg-x") == {"wg-sites": ["site"]}
    assert wireguard_ends([own], "vpn-1", "wg-sites") == {}
    same = interface(public_key=None, host="vpn-1")
    assert wireguard_ends([same], "vpn-1", "wg-sites") == {"wg-sites": ["site"]}


def test_a_rotation_that_would_cut_somebody_off() -> None:
    assert wireguard_turn_problems({}, False) == ["there is no such interface"]
    assert "site of wg-sites are not managed" in wireguard_turn_problems(interface(), False)[0]
    assert wireguard_turn_problems(interface(), True) == []
    managed = interface(public_key=None, host="office")
    assert wireguard_turn_problems(managed, False) == []


def test_turns_one_host_after_the_other() -> None:
    pins = {"vpn-1": {"wg-sites": KEY, "wg-a": KEY}, "vpn-2": {"wg-sites": KEY}, "old": {}}
    assert turns(pins, [], ["vpn-1", "vpn-2"]) == [
        Turn("vpn-1", "wg-a"),
        Turn("vpn-1", "wg-sites"),
        Turn("vpn-2", "wg-sites"),
    ]
    assert turns(pins, ["vpn-2"], ["vpn-1", "vpn-2"]) == [Turn("vpn-2", "wg-sites")]
    with pytest.raises(HoabanError, match="web-1 is not a host with tunnels"):
        turns(pins, ["web-1"], ["vpn-1"])
    with pytest.raises(HoabanError, match="no keys are known of vpn-1"):
        turns({}, [], ["vpn-1"])
