"""Configurations of offices' routers: golden files, their grammar, and who gets which key when."""

from __future__ import annotations

import base64
import re
import subprocess
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hoaban.errors import HoabanError
from hoaban.model import Province, ledgerfile, load
from hoaban.sealing import open_sealed
from hoaban.vpn import handout, keys, names, office
from hoaban.vpn.office import KEPT_KEY, KeyPair
from hoaban.vpn.render import Format, qr_code, render
from tests.unit.vpn import grammar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.vpn.office import Office

GOLDEN = Path(__file__).parent / "golden"
BASE = Path(__file__).resolve().parents[1] / "model" / "base"
SITE, OTHER = "so-a/tru-so", "xa-b/tru-so"
ENDPOINTS = {"vpn-1": "203.0.113.11", "vpn-2": "203.0.113.12"}
HUBS = """
  vpn-1: {size: tiny, zone: vpn, services: [vpn_hub], floating_ip: true}
  vpn-2: {size: tiny, zone: vpn, services: [vpn_hub], floating_ip: true}
"""


def key(number: int) -> str:
    return base64.b64encode(bytes([number]) * 32).decode()


@pytest.fixture
def province(tmp_path: Path) -> Province:
    inventory = tmp_path / "inventory"
    for source in BASE.rglob("*.yml"):
        target = inventory / source.relative_to(BASE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    path = inventory / "province.yml"
    path.write_text(path.read_text("utf-8") + HUBS, "utf-8")
    ledgerfile.allocate(inventory)
    return load(inventory)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A workspace's home in which the hubs and the other office have keys."""
    home = tmp_path / "home"
    for number, hub in enumerate(("vpn-1", "vpn-2"), start=1):
        keys.note(names.key_file(home), hub, {"wg-sites": key(number)})
        file = names.shared_key(home, hub, SITE)
        file.parent.mkdir(parents=True)
        file.write_text(key(10 + number) + "\n")
    keys.note(names.key_file(home), OTHER, {names.ROUTER: key(3)})
    direct = names.direct_key(home, "a-b")
    direct.parent.mkdir(parents=True)
    direct.write_text(key(13) + "\n")
    return home


@pytest.fixture
def made(province: Province, home: Path) -> Office:
    plan, _ = office.find(province.foundation().vpn, SITE)
    pins = keys.read(names.key_file(home))
    return office.office(plan, SITE, province.links, pins, home, ENDPOINTS, key(4))


@pytest.mark.parametrize("kind", list(Format))
def test_what_a_technician_types_in_is_as_it_was_read_over(made: Office, kind: Format) -> None:
    files = {file.name: file.text for file in render(made, kind)}
    golden = {path.name: path.read_text("utf-8") for path in (GOLDEN / kind).iterdir()}
    assert files == golden


def test_a_shell_reads_the_script_for_openwrt(made: Office) -> None:
    [file] = render(made, Format.OPENWRT)
    done = subprocess.run(
        ["sh", "-n"], input=file.text, text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def texts(made: Office, kind: Format) -> list[str]:
    return [file.text for file in render(made, kind)]


def reached(made: Office, hub: int) -> set[str]:
    own = made.plan.hubs[hub].own
    return {f"{own.ipv4}/32", f"{own.ipv6}/128", *map(str, made.site.reaches)}


def test_wg_quick_reads_a_file_for_each_tunnel(made: Office) -> None:
    first, second, direct = (grammar.wg_quick(text) for text in texts(made, Format.WG_QUICK))
    for number, sections in enumerate((first, second)):
        [peer] = sections["Peer"]
        assert set(peer["AllowedIPs"][0].split(", ")) == reached(made, number)
        assert peer["Endpoint"] == [f"203.0.113.1{number + 1}:51820"]
        assert peer["PublicKey"] == [key(number + 1)]
        assert "PostUp" not in sections["Interface"][0]
    [interface], [peer] = direct["Interface"], direct["Peer"]
    assert interface["ListenPort"] == ["51830"]
    assert peer["AllowedIPs"] == ["10.3.0.64/26, fd00:0:3:1::/64"]
    assert "Endpoint" not in peer, "the other end has none, and begins"
    commands = interface["PostUp"]
    accepted = [line for line in commands if "dport { 443 } accept" in line]
    assert len(accepted) == 2
    assert all("iifname %i" in line for line in accepted), "only the other end may begin"
    assert commands[-1].count("drop") == 2


def test_uci_takes_the_batch_for_openwrt(made: Office) -> None:
    [text] = texts(made, Format.OPENWRT)
    [batch] = re.findall(r"uci batch <<'END'\n(.*?)\nEND\n", text, re.DOTALL)
    sections = grammar.uci(batch)
    for number, name in enumerate(("wg_vpn_1", "wg_vpn_2")):
        assert sections[f"network.{name}"]["proto"] == ["wireguard"]
        peer = sections[f"network.{name}_peer"]
        assert set(peer["allowed_ips"]) == reached(made, number)
        assert peer["route_allowed_ips"] == ["0"], "BGP says which of the two carries it"
        assert sections[f"network.{name}_ipv4"]["target"] == [
            f"{made.plan.hubs[number].own.ipv4}/32"
        ]
    assert sections["firewall.hoaban"]["input"] == ["REJECT"]
    assert sections["firewall.hoaban"]["forward"] == ["REJECT"]
    rules = {name: one for name, one in sections.items() if "dest_ip" in one}
    assert {(*one["src"], *one["dest"], *one["dest_port"]) for one in rules.values()} == {
        ("a_b", "lan", "443")
    }
    assert set(re.findall(r"neighbor (\S+) remote-as 64512", text)) == {
        str(getattr(hub.own, family)) for hub in made.plan.hubs for family in ("ipv4", "ipv6")
    }
    assert f"router bgp {made.site.as_number}" in text


def test_routeros_has_menus_and_properties_of_the_manual(made: Office) -> None:
    [text] = texts(made, Format.ROUTEROS)
    menus = grammar.routeros(text)
    peers = menus["/interface/wireguard/peers"]
    for number in (0, 1):
        assert set(peers[number]["allowed-address"].split(",")) == reached(made, number)
    assert [one["remote.as"] for one in menus["/routing/bgp/connection"]] == ["64512"] * 4
    assert {one["as"] for one in menus["/routing/bgp/connection"]} == {str(made.site.as_number)}
    interfaces = [one["name"] for one in menus["/interface/wireguard"]]
    assert interfaces == ["wg-vpn-1", "wg-vpn-2", "wg-d-a-b"]
    for menu, network in (("/ip", "10.3.0.0/26"), ("/ipv6", "fd00:0:3::/64")):
        chain = [one for one in menus[f"{menu}/firewall/filter"] if one["chain"] == "forward"]
        direct = [
            one
            for one in chain
            if "wg-d-a-b" in (one.get("in-interface"), one.get("out-interface"))
        ]
        assert [one["action"] for one in direct] == ["accept", "accept", "accept", "drop", "drop"]
        assert direct[2]["dst-address"] == network
        assert direct[2]["dst-port"] == "443"


@pytest.mark.parametrize("kind", list(Format))
def test_no_format_lets_an_office_reach_more_than_another(made: Office, kind: Format) -> None:
    """Of all networks in a configuration, none is wider than what the matrix opens."""
    wide = {made.plan.offices.ipv4, made.plan.offices.ipv6}
    for text in texts(made, kind):
        for line in text.splitlines():
            if not re.search(r"allowed", line, re.IGNORECASE):
                continue
            for found in re.findall(r"[0-9a-f.:]+/\d+", line):
                assert ip_network(found) not in wide
                assert ip_network(found).prefixlen >= (24 if "." in found else 64)


def test_a_phone_reads_the_first_tunnel(made: Office) -> None:
    lines = qr_code(texts(made, Format.WG_QUICK)[0]).splitlines()
    assert len(lines) > 20
    assert set("".join(lines)) <= set(" █▀▄\x1b[0123456789;m")


def test_a_pair_is_of_x25519() -> None:
    one, other = KeyPair.make(), KeyPair.make()
    assert one.private != other.private
    assert all(grammar.is_key(text) for text in (one.private, one.public))
    assert one.private not in repr(replace(one, private=""))


def give(
    province: Province, home: Path, kind: Format = Format.OPENWRT, *, new_key: bool = False,
    endpoints: Mapping[str, str] = ENDPOINTS,
) -> handout.Handout:  # fmt: skip
    with handout.prepare(province, SITE, kind, home, endpoints, new_key=new_key) as made:
        return made


def noted(home: Path) -> dict[str, str]:
    return keys.read(names.key_file(home)).get(SITE, {})


def test_the_private_key_is_handed_out_once_and_kept_nowhere(
    province: Province, home: Path
) -> None:
    first = give(province, home)
    assert first.new_key
    private = first.office.private_key
    assert private in first.files[0].text
    assert noted(home) == {names.ROUTER: first.public_key}
    kept = [path.read_text("utf-8") for path in home.rglob("*") if path.is_file()]
    assert kept
    assert not any(private in text for text in kept)
    again = give(province, home)
    assert not again.new_key
    assert private not in again.files[0].text
    assert KEPT_KEY in again.files[0].text
    assert again.public_key == first.public_key
    assert give(province, home, new_key=True).public_key != first.public_key


def test_a_key_that_nobody_was_given_does_not_count(province: Province, home: Path) -> None:
    with (
        pytest.raises(OSError, match="full"),
        handout.prepare(province, SITE, Format.ROUTEROS, home, ENDPOINTS),
    ):
        raise OSError("the disk is full")
    assert noted(home) == {}


def test_a_router_without_bgp_is_noted_as_such(province: Province, home: Path) -> None:
    give(province, home, Format.WG_QUICK)
    assert set(noted(home)) == {names.CLIENT}
    give(province, home, Format.ROUTEROS)
    assert set(noted(home)) == {names.ROUTER}


def test_what_is_sealed_only_its_recipients_read(
    province: Province, home: Path, tmp_path: Path
) -> None:
    from pyrage import x25519  # noqa: PLC0415

    identity = x25519.Identity.generate()
    with handout.prepare(province, SITE, Format.WG_QUICK, home, ENDPOINTS) as made:
        paths = made.sealed([str(identity.to_public())], tmp_path / "out")
    assert [path.name for path in paths] == [
        "wg-vpn-1.conf.age",
        "wg-vpn-2.conf.age",
        "wg-d-a-b.conf.age",
    ]
    assert made.office.private_key.encode() not in paths[0].read_bytes()
    assert open_sealed(paths[0].read_bytes(), str(identity)).decode() == made.files[0].text


def test_a_direct_tunnel_waits_for_the_other_ends_key(province: Province, home: Path) -> None:
    keys.note(names.key_file(home), OTHER, {})
    waiting = give(province, home)
    assert waiting.office.waiting == [OTHER]
    assert "wg_d_a_b" not in waiting.files[0].text


def test_before_the_hubs_there_is_nothing_to_hand_out(province: Province, home: Path) -> None:
    with pytest.raises(HoabanError, match="the hub vpn-2 is not there yet"):
        give(province, home, endpoints={"vpn-1": "203.0.113.11"})
    keys.note(names.key_file(home), "vpn-1", {})
    with pytest.raises(HoabanError, match="the hub vpn-1 has no key yet"):
        give(province, home)
    assert noted(home) == {}


def test_an_unknown_site_is_answered_with_near_names(province: Province, home: Path) -> None:
    with pytest.raises(HoabanError) as caught:
        office.find(province.foundation().vpn, "so-a/tru-xo")
    assert caught.value.mend == "did you mean `so-a/tru-so` or `xa-b/tru-so`?"
    with pytest.raises(HoabanError, match="no VPN"):
        office.find(None, SITE)
