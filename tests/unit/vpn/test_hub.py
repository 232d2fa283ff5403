"""From the plan of the VPN to variables that the role wireguard takes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from hoaban.model.spec import ProvinceService
from hoaban.plugins.filter.vpn import of_hub
from hoaban.plugins.filter.wireguard import wireguard_problems
from hoaban.vpn import keys, names, psk
from tests.unit.model.provinces import make

ROOT = Path(__file__).resolve().parents[3]
SPECS = yaml.safe_load((ROOT / "roles/wireguard/meta/argument_specs.yml").read_text("utf-8"))
KEY = base64.b64encode(bytes(range(32))).decode()
HUB = {"size": "tiny", "services": ["vpn_hub"], "zone": "vpn", "floating_ip": True}


def site(slug: str) -> dict[str, Any]:
    return {"slug": slug, "name": {"vi": slug, "en": slug}, "address": "a"}


@pytest.fixture
def plan() -> dict[str, Any]:
    """As Ansible knows it: plain values."""
    system = {
        "slug": "x",
        "name": {"vi": "x", "en": "x"},
        "tiers": {"web": {"size": "tiny", "ports": [{"port": 443}]}},
        "exposure": {"own_agency": True},
    }
    agencies = [
        {"slug": slug, "name": {"vi": slug, "en": slug}, "kind": "commune", "users": 1,
         "sites": [site("tru-so")], "systems": [system]}
        for slug in ("a", "b", "c")
    ]  # fmt: skip
    hosts = {
        "bastion": {"size": "tiny", "services": [ProvinceService.BASTION, ProvinceService.TIME]},
        "vpn-1": HUB,
        "vpn-2": HUB,
    }
    vpn = make(agencies, hosts).foundation().vpn
    assert vpn is not None
    dumped: dict[str, Any] = vpn.model_dump(mode="json")
    dumped["sites"][0]["down_mbps"] = 50
    return dumped


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    """Offices a and b have keys, c has none; b shares none with the second hub."""
    file = names.key_file(tmp_path)
    for office in ("a/tru-so", "b/tru-so"):
        keys.note(file, office, {names.ROUTER: KEY})
    for hub, office in (("vpn-1", "a/tru-so"), ("vpn-2", "a/tru-so"), ("vpn-1", "b/tru-so")):
        psk.ensure(names.shared_key(tmp_path, hub, office))
    return str(file)


def test_the_role_takes_what_is_made(plan: dict[str, Any], key_file: str) -> None:
    made = of_hub(plan, "vpn-1", key_file)
    assert wireguard_problems(made["interfaces"], made["bgp"], made["virtual"]) == []
    values = {f"wireguard_{name}": value for name, value in made.items()}
    checked = ArgumentSpecValidator(SPECS["argument_specs"]["main"]["options"]).validate(
        json.loads(json.dumps({**values, "wireguard_key_file": key_file}))
    )
    assert checked.error_messages == []


def test_peers_are_the_offices_that_can_reach_this_hub(plan: dict[str, Any], key_file: str) -> None:
    first, second = (of_hub(plan, name, key_file) for name in ("vpn-1", "vpn-2"))
    [interface] = first["interfaces"]
    assert interface["name"] == "wg-sites"
    assert interface["listen_port"] == 51820
    assert interface["addresses"] == ["10.1.0.138/32", "fd00:0:1:2::a/128"]
    assert [peer["name"] for peer in interface["peers"]] == ["a/tru-so", "b/tru-so"]
    peer = interface["peers"][0]
    assert peer["allowed_ips"] == ["10.3.0.0/26", "fd00:0:3::/64"]
    assert peer["tunnel_addresses"] == ["10.3.0.1", "fd00:0:3::1"]
    assert (peer["public_key"], peer["bandwidth_mbit"]) == (KEY, 50.0)
    assert Path(peer["preshared_key_file"]).is_file()
    assert "bandwidth_mbit" not in interface["peers"][1]
    assert [peer["name"] for peer in second["interfaces"][0]["peers"]] == ["a/tru-so"]


def test_routes_come_by_bgp_and_of_two_ways_the_first_hubs_is_preferred(
    plan: dict[str, Any], key_file: str
) -> None:
    first, second = (of_hub(plan, name, key_file)["bgp"] for name in ("vpn-1", "vpn-2"))
    assert first["asn"] == 64512
    assert first["preference"] < second["preference"]
    assert first["networks"] == ["10.2.0.0/20", "fd00:0:2::/52"]
    neighbours = {(one["name"], one["address"]): one for one in first["neighbours"]}
    office = neighbours["a/tru-so", "fd00:0:3::1"]
    assert (office["asn"], office["accept"]) == (4_200_000_000, ["fd00:0:3::/64"])
    assert neighbours["vpn-2", "10.1.0.139"]["asn"] == 64512
    assert "interface" not in neighbours["vpn-2", "10.1.0.139"]


def test_the_hubs_share_an_address(plan: dict[str, Any], key_file: str) -> None:
    first, second = (of_hub(plan, name, key_file)["virtual"] for name in ("vpn-1", "vpn-2"))
    assert first["addresses"] == ["10.1.0.130/26", "fd00:0:1:2::2/64"] == second["addresses"]
    assert first["peers"] == [second["source"]]
    assert first["priority"] > second["priority"] > first["priority"] - 100
    assert first["behind"] == ["10.2.0.0/20", "fd00:0:2::/52"] == second["behind"]


def test_one_hub_alone_has_no_shared_address(plan: dict[str, Any], key_file: str) -> None:
    alone = {**plan, "hubs": plan["hubs"][:1], "virtual": None}
    assert of_hub(alone, "vpn-1", key_file)["virtual"] == {}


def test_offices_with_a_key_are_probed(plan: dict[str, Any], key_file: str) -> None:
    plan["sites"][0]["probes"] = [{"link": "a/tru-so/primary", "address": "10.3.0.1"}]
    plan["sites"][2]["probes"] = [{"link": "c/tru-so/primary", "address": "10.3.0.129"}]
    probes = of_hub(plan, "vpn-1", key_file)["probes"]
    assert probes == [{"link": "a/tru-so/primary", "address": "10.3.0.1"}]


def test_without_any_key_a_hub_waits_for_offices(plan: dict[str, Any], tmp_path: Path) -> None:
    made = of_hub(plan, "vpn-2", str(names.key_file(tmp_path)))
    assert made["interfaces"][0]["peers"] == []
    assert {one["name"] for one in made["bgp"]["neighbours"]} == {"vpn-1"}
