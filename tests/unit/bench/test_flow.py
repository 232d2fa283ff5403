"""What the benchmark of tunnels reads of iperf3, the kernel, OpenSSL, and what it makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hoaban.errors import HoabanError
from tests.bench import flow
from tests.bench.figures import Figures, rounds
from tests.bench.tunnels import IPSEC, PLAIN, WIREGUARD, Measured, check_way, tell

XFRM = """src 10.98.0.11 dst 10.98.0.12
\tproto esp spi 0xc5a1f2d3(3315725011) reqid 1(0x00000001) mode tunnel
\treplay-window 0 seq 0x00000000 flag af-unspec (0x00100000)
\tlifetime config:
\t  limit: soft 9000(bytes), hard 9999(bytes)
\t  limit: soft (INF)(packets), hard (INF)(packets)
\tlifetime current:
\t  840(bytes), 10(packets)
\t  add 2026-11-29 17:00:00 use 2026-11-29 17:00:02
src 10.98.0.12 dst 10.98.0.11
\tproto esp spi 0xc0ffee00(3237998080) reqid 1(0x00000001) mode tunnel
\tlifetime current:
\t  160(bytes), 2(packets)
"""


def printed(mbit: float, **more: Any) -> str:
    """As iperf3 prints it, as far as it is read."""
    received = {"bits_per_second": mbit * 1e6, "bytes": int(mbit * 1e6 / 8 * 5)}
    end = {"sum_received": received, "sum_sent": {"retransmits": 3}}
    return json.dumps({"start": {"tcp_mss_default": 1322}, "end": end} | more)


def test_a_flow_is_what_arrived() -> None:
    assert flow.Flow.of(printed(80.0)) == flow.Flow(80.0, 50_000_000, 1322, 3)


def test_a_flow_that_failed_is_no_figure() -> None:
    with pytest.raises(HoabanError, match="unable to connect"):
        flow.Flow.of(printed(0, error="unable to connect to server"))


def test_bytes_of_esp_are_those_that_went_not_those_that_may() -> None:
    assert flow.esp_bytes(XFRM) == 1000
    assert flow.esp_bytes("") == 0


def test_bytes_of_wireguard_are_of_both_directions_and_all_peers() -> None:
    shown = "wg-bench\tkey=\t1000\t200\nwg-other\tkey=\t30\t4\n"
    assert flow.wireguard_bytes(shown) == 1234


def test_rate_of_openssl() -> None:
    told = "+H:1344\n+F:25:ChaCha20-Poly1305:2474250240.00\n"
    assert flow.openssl_rate(told) == pytest.approx(2474.25024)
    with pytest.raises(ValueError, match="no rate"):
        flow.openssl_rate("+H:1344\n")


@pytest.mark.parametrize(
    ("way", "wireguard", "ipsec", "is_right"),
    [
        (PLAIN, 0, 0, True),
        (PLAIN, 148, 148, True),
        (PLAIN, 10_900, 0, False),
        (WIREGUARD, 10_900, 0, True),
        (WIREGUARD, 9_000, 0, False),
        (WIREGUARD, 0, 10_900, False),
        (IPSEC, 0, 10_900, True),
        (IPSEC, 10_900, 10_900, False),
    ],
)
def test_a_flow_counts_only_by_its_own_way(
    way: str, wireguard: int, ipsec: int, is_right: bool
) -> None:
    grown = {WIREGUARD: wireguard, IPSEC: ipsec}
    if is_right:
        check_way(way, 10_000, grown)
        return
    with pytest.raises(HoabanError, match=f"by {way}"):
        check_way(way, 10_000, grown)


def test_rounds_end_when_time_is_up_but_one_is_made() -> None:
    assert list(rounds(3, 3600)) == [0, 1, 2]
    assert list(rounds(3, -1)) == [0]


def test_ratios_are_of_the_same_round_and_direction() -> None:
    def of(*mbit: float) -> Measured:
        return Measured([flow.Flow(one, 0, 1322, 1) for one in mbit], [99.0] * len(mbit))

    found = {
        (PLAIN, "there"): of(100, 50), (PLAIN, "back"): of(200, 100),
        (WIREGUARD, "there"): of(50, 20), (WIREGUARD, "back"): of(50, 50),
        (IPSEC, "there"): of(10, 10), (IPSEC, "back"): of(20, 20),
    }  # fmt: skip
    tell(found, figures := Figures("tunnels"))
    assert figures.values["WireGuard to plain TCP, there, ratio"] == [0.5, 0.4]
    assert figures.values["WireGuard to plain TCP, back, ratio"] == [0.25, 0.5]
    assert figures.values["IPsec to plain TCP, there, ratio"] == [0.1, 0.2]
    assert figures.values["IPsec, segments sent again, all flows"] == 4
