"""What the host's own programs make of files and of answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from hoaban_wireguard import command, host, probe, shaping, tunnel, ways

from hoaban.errors import HoabanError
from hoaban.vpn import status

if TYPE_CHECKING:
    from pathlib import Path

PEER: dict[str, Any] = {
    "name": "site",
    "public_key": "PUB",
    "allowed_ips": ["10.64.1.0/24", "fd00:64:1::/64"],
    "tunnel_addresses": ["10.64.1.1", "fd00:64:1::1"],
}
SETTINGS: dict[str, Any] = {
    "name": "wg-sites",
    "mtu": 1420,
    "addresses": ["10.20.0.10/32", "fd00:20::10/128"],
    "peers": [PEER],
}


def test_configuration_for_syncconf() -> None:
    more = {"endpoint": "10.0.0.1:51820", "keepalive": 25, "preshared_key": "PSK"}
    text = tunnel.configuration({**SETTINGS, "peers": [{**PEER, **more}]}, "PRIVATE", 51820)
    assert text.splitlines() == [
        "[Interface]",
        "PrivateKey = PRIVATE",
        "ListenPort = 51820",
        "",
        "[Peer]",
        "PublicKey = PUB",
        "PresharedKey = PSK",
        "AllowedIPs = 10.64.1.0/24, fd00:64:1::/64",
        "Endpoint = 10.0.0.1:51820",
        "PersistentKeepalive = 25",
    ]
    assert "ListenPort" not in tunnel.configuration(SETTINGS, "PRIVATE", 0)


def test_routes_into_the_tunnel_have_the_own_address() -> None:
    settings = {**SETTINGS, "peers": [{**PEER, "routes": ["10.64.1.0/24"]}]}
    assert tunnel.wanted_routes(settings) == {
        ip_network("10.64.1.1/32"): "10.20.0.10",
        ip_network("fd00:64:1::1/128"): "fd00:20::10",
        ip_network("10.64.1.0/24"): "10.20.0.10",
    }
    assert tunnel.wanted_routes({**SETTINGS, "addresses": []})[ip_network("10.64.1.1/32")] is None


def test_routes_only_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {
        "-4": [{"dst": "10.64.1.1", "prefsrc": "10.20.0.10"}, {"dst": "10.64.9.1"}],
        "-6": [{"dst": "fd00:64:1::1", "prefsrc": "fd00:20::9"}],
    }
    monkeypatch.setattr(tunnel, "answer", lambda *words: shown[words[2]])
    called: list[tuple[str, str]] = []
    monkeypatch.setattr(tunnel, "run", lambda *words, stdin: called.append((words[1], stdin)))
    tunnel.set_routes("wg-sites", SETTINGS)
    assert called == [
        ("-4", "route del 10.64.9.1/32 dev wg-sites proto static\n"),
        ("-6", "route replace fd00:64:1::1/128 dev wg-sites proto static src fd00:20::10\n"),
    ]


def test_a_class_for_each_peer_with_a_limit() -> None:
    other = {**PEER, "name": "other", "allowed_ips": ["10.64.2.0/24"], "bandwidth_mbit": 1.5}
    rule = "filter add dev wg-sites parent 1:"
    lines = shaping.shaping("wg-sites", [PEER, other], "fq_codel")
    assert lines == [
        "qdisc add dev wg-sites root handle 1: htb default 1",
        "class add dev wg-sites parent 1: classid 1:1 htb rate 10000mbit",
        "class add dev wg-sites parent 1: classid 1:2 htb rate 1500kbit ceil 1500kbit",
        "qdisc add dev wg-sites parent 1:2 fq_codel",
        f"{rule} protocol ip prio 1 u32 match ip dst 10.64.2.0/24 flowid 1:2",
    ]
    assert shaping.shaping("wg-sites", [PEER], "fq_codel") == []
    both = shaping.shaping("wg-sites", [{**PEER, "bandwidth_mbit": 20}], "cake besteffort")
    assert both[-1].endswith("protocol ipv6 prio 2 u32 match ip6 dst fd00:64:1::/64 flowid 1:2")


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Files of a hub, and the programs that it called."""
    folder = tmp_path / "wireguard"
    folder.mkdir()
    (folder / "wg-sites.json").write_text(json.dumps(SETTINGS))
    routing = {
        "bgp": {
            "asn": 64512,
            "neighbours": [
                {"name": "site", "address": "10.64.1.1", "asn": 1, "interface": "wg-sites"},
                {"name": "site", "address": "fd00:64:1::1", "asn": 1, "interface": "wg-sites"},
                {"name": "other hub", "address": "10.20.0.11", "asn": 64512},
            ],
        },
        "virtual": {"addresses": ["10.20.0.2/24"]},
    }
    (tmp_path / "routing.json").write_text(json.dumps(routing))
    for module in (host, command):
        monkeypatch.setattr(module, "FOLDER", folder)
    monkeypatch.setattr(host, "ROUTING", tmp_path / "routing.json")
    calls: list[tuple[str, ...]] = []

    def run(*words: str, **_: object) -> str:
        calls.append(words)
        return ""

    monkeypatch.setattr(ways, "run", run)
    return calls


def test_only_neighbours_on_the_tunnel_are_drained(known: list[tuple[str, ...]]) -> None:
    ways.set_drained("wg-sites", drained=True)
    words = [word for word in known[0] if word != "-c"]
    assert words == [
        "vtysh",
        "configure terminal",
        "router bgp 64512",
        "address-family ipv4 unicast",
        "neighbor 10.64.1.1 route-map hoaban-drained-in in",
        "neighbor 10.64.1.1 route-map hoaban-drained-out out",
        "exit-address-family",
        "address-family ipv6 unicast",
        "neighbor fd00:64:1::1 route-map hoaban-drained-in in",
        "neighbor fd00:64:1::1 route-map hoaban-drained-out out",
        "exit-address-family",
    ]
    ways.set_drained("wg-other", drained=True)
    assert len(known) == 1


def test_a_drain_without_another_way_is_taken_back(
    known: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    route = {"dst": "10.64.1.0/24", "gateway": "10.64.1.1", "dev": "wg-sites"}
    monkeypatch.setattr(ways, "answer", lambda *words: [route] if "-4" in words else [])
    monkeypatch.setattr(ways, "WAIT_SECONDS", 0.3)
    with pytest.raises(host.ToolError, match=r"no other way than wg-sites .*: 10\.64\.1\.0/24"):
        ways.drain("wg-sites")
    assert "neighbor 10.64.1.1 route-map hoaban-in in" in known[-1]


def test_who_is_not_back_yet(known: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "handshakes", lambda name: {"PUB": 0})
    monkeypatch.setattr(ways, "bgp_states", lambda: {"10.64.1.1": "Established"})
    assert ways.lacking("wg-sites", ["site"]) == ["site", "BGP with site"]
    monkeypatch.setattr(ways, "handshakes", lambda name: {"PUB": 100})
    monkeypatch.setattr(
        ways, "bgp_states", lambda: dict.fromkeys(["10.64.1.1", "fd00:64:1::1"], "Established")
    )
    assert ways.lacking("wg-sites", ["site"]) == []
    # Only those asked for.
    monkeypatch.setattr(ways, "handshakes", lambda name: {})
    assert ways.lacking("wg-sites", []) == []


def test_status_is_what_the_toolkit_reads(
    known: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = "PRIVATE\tOWN\t51820\toff\nPUB\t(none)\t10.0.0.9:4000\t10.64.1.0/24\t1000\t7\t8\toff\n"
    monkeypatch.setattr(command, "run", lambda *words: dump)
    monkeypatch.setattr(command, "exists", lambda name: True)
    shown = {"ipv4Unicast": {"peers": {"10.64.1.1": {"state": "Established"}}}}
    monkeypatch.setattr(ways, "answer", lambda *words: shown)
    links = [{"addr_info": [{"local": "10.20.0.2"}, {"local": "10.20.0.10"}]}]
    monkeypatch.setattr(command, "answer", lambda *words: links)
    text = json.dumps(command.status())
    assert "PRIVATE" not in text
    told = status.read(text, "vpn-1")
    peer = told.interfaces[0].peers[0]
    assert (peer.endpoint, peer.handshake, peer.received_bytes) == ("10.0.0.9:4000", 1000, 7)
    assert not told.alive(peer)
    assert told.virtual.held
    assert [neighbour.state for neighbour in told.neighbours] == ["Established", "Down", "Down"]


def test_an_answer_that_is_none() -> None:
    with pytest.raises(HoabanError, match="vpn-1 does not tell how its tunnels are"):
        status.read("sh: not found", "vpn-1")


FPING = """\
10.0.0.1   : xmt/rcv/%loss = 10/9/10%, min/avg/max = 0.04/0.55/1.7
fd00::1    : xmt/rcv/%loss = 10/10/0%, min/avg/max = 3.00/3.10/4.0
10.0.0.2   : xmt/rcv/%loss = 10/0/100%
"""


def test_probes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "RESULTS", tmp_path)
    monkeypatch.setattr(probe, "ping", lambda addresses, source: probe.parse(FPING))
    now = datetime(2026, 3, 1, 0, 0, 5, tzinfo=UTC)
    links = [
        {"link": "a", "address": "10.0.0.2"},
        {"link": "b", "address": "10.0.0.1", "source": "10.0.0.10"},
        {"link": "c", "address": "10.0.0.3"},
    ]
    records = probe.probe(links, now)
    assert [(r["link"], r["sent"], r["received"], r["rtt_avg_ms"]) for r in records] == [
        ("a", 10, 0, None),
        ("b", 10, 9, 0.55),
        ("c", 10, 0, None),
    ]
    for month in ("2025-01", "2025-02", "2026-02"):
        (tmp_path / f"{month}.jsonl").touch()
    probe.append(records, now)
    probe.append(records, now)
    probe.remove_old(13, now)  # March 2025 would be the oldest
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["2026-02", "2026-03"]
    lines = (tmp_path / "2026-03.jsonl").read_text().splitlines()
    assert len(lines) == 6
    assert json.loads(lines[0])["time"] == "2026-03-01T00:00:05Z"


def test_probes_for_prometheus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TEXTFILES", tmp_path)
    record = {"link": "a/b", "sent": 10, "received": 0, "rtt_avg_ms": None}
    probe.export([record, {**record, "link": "c", "rtt_avg_ms": 2.5}])
    lines = (tmp_path / "hoaban_links.prom").read_text().splitlines()
    assert 'hoaban_link_received_packets{link="a/b"} 0' in lines
    assert 'hoaban_link_rtt_seconds{link="c"} 0.0025' in lines
    assert not any("rtt" in line and "a/b" in line for line in lines)
