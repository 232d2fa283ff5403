"""What WireGuard and IPsec leave of the throughput between two guests.

Each way is held against plain TCP between the same two guests, round by round and in changing
order. Counters of the kernel prove by which way each flow went.
"""

from __future__ import annotations

import secrets
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from hoaban.console import stderr
from hoaban.errors import HoabanError
from hoaban.image.recipe import CODENAME
from hoaban.inventory.fleet import Fleet
from hoaban.lab.client import connect
from hoaban.lab.hypervisor import Hypervisor
from hoaban.lab.layout import Layout
from tests.bench import flow, pair
from tests.bench.figures import Figures, ratios, rounds
from tests.bench.stacks import bench_province, destroy, must_have_image, must_serve, up
from tests.e2e.outside import Outside

if TYPE_CHECKING:
    from tests.bench.pair import Pair

ROUNDS: Final = 5
LONGEST: Final = 240
"""Seconds after which no round begins any more."""
ADDRESSES: Final = {"one": "172.31.77.243", "two": "172.31.77.244"}
"""Floating IPs of the two, for this machine alone."""
PLAIN, WIREGUARD, IPSEC = "plain TCP", "WireGuard", "IPsec"
DIRECTIONS: Final = {"there": False, "back": True}
CIPHERS: Final = {"chacha20-poly1305": "of WireGuard", "aes-256-gcm": "of IPsec"}
STRAY: Final = 0.05
"""Share of a flow's bytes that may be seen in a tunnel which it did not go through."""


@dataclass(slots=True)
class Measured:
    """The flows of one way in one direction, one a round, and how busy the machine was."""

    flows: list[flow.Flow]
    busy: list[float]

    @property
    def mbit(self) -> list[float]:
        """Throughput by round."""
        return [one.mbit for one in self.flows]


def counters(pair_: Pair) -> dict[str, int]:
    """Bytes that the first guest's kernel has taken through each kind of tunnel."""
    first = pair_.guests[0]
    return {
        WIREGUARD: flow.wireguard_bytes(first.run("wg show all transfer")),
        IPSEC: flow.esp_bytes(first.run("ip -statistics xfrm state")),
    }


def check_way(way: str, received: int, grown: dict[str, int]) -> None:
    """An error unless a flow's bytes went through its own tunnel and no other one."""
    for tunnel, counted in grown.items():
        wrong = counted < received if tunnel == way else counted > STRAY * received
        if wrong:
            raise HoabanError(
                f"{received} bytes were to go by {way}, and {tunnel} counted {counted}",
                mend="see the routes and policies on the guests",
            )


def measure_one(
    pair_: Pair, way: str, ends: tuple[str, str], *, back: bool
) -> tuple[flow.Flow, float]:
    """One flow, and the percentage of the machine's cores that were busy meanwhile."""
    before = counters(pair_)
    psutil.cpu_percent()
    found = flow.Flow.of(pair_.guests[0].run(flow.command(*ends, back=back)))
    busy = psutil.cpu_percent()
    after = counters(pair_)
    check_way(way, found.received, {name: after[name] - before[name] for name in after})
    return found, busy


def measure_all(pair_: Pair) -> dict[tuple[str, str], Measured]:
    """All ways, in both directions."""
    ways = {PLAIN: pair_.addresses, WIREGUARD: pair.WIREGUARD, IPSEC: pair.IPSEC}
    found = {(way, direction): Measured([], []) for way in ways for direction in DIRECTIONS}
    pair_.guests[1].run("systemd-run --quiet --collect --unit=bench-iperf3 iperf3 --server")
    # The first packet asks for a tunnel.
    for source, target in ways.values():
        once = f"ping -q -c 1 -W 2 -I {source} {target}"
        pair_.guests[0].run(f"for _ in $(seq 20); do {once} && exit 0; done; exit 1")
    for number in rounds(ROUNDS, LONGEST):
        first = number % len(ways)
        for way in (*list(ways)[first:], *list(ways)[:first]):
            for direction, back in DIRECTIONS.items():
                one, busy = measure_one(pair_, way, ways[way], back=back)
                stderr().print(f"  {way}, {direction}: {one.mbit:.1f} Mbit/s")
                found[way, direction].flows.append(one)
                found[way, direction].busy.append(busy)
    return found


def tell(found: dict[tuple[str, str], Measured], figures: Figures) -> None:
    """Note throughput, what a segment holds, and the ratios."""
    figures.add("rounds", len(found[PLAIN, "there"].flows))
    figures.add("seconds of a flow", flow.SECONDS)
    for (way, direction), measured in found.items():
        figures.add(f"{way}, {direction}, Mbit/s", measured.mbit)
    for way in (WIREGUARD, IPSEC):
        for direction in DIRECTIONS:
            plain, tunnel = found[PLAIN, direction], found[way, direction]
            figures.add(f"{way} to {PLAIN}, {direction}, ratio", ratios(tunnel.mbit, plain.mbit))
    for way in (PLAIN, WIREGUARD, IPSEC):
        both = [found[way, direction] for direction in DIRECTIONS]
        sizes = {one.mss for measured in both for one in measured.flows}
        figures.add(f"{way}, largest segment, bytes", sorted(sizes))
        again = sum(one.retransmits for measured in both for one in measured.flows)
        figures.add(f"{way}, segments sent again, all flows", again)
        figures.add(f"{way}, the machine's cores busy, %", [one for m in both for one in m.busy])


def context(pair_: Pair, figures: Figures) -> None:
    """What the guests are: their processor, the tunnels' MTU, the ciphers without a network."""
    first = pair_.guests[0]
    words = first.run("grep -m1 ^flags /proc/cpuinfo").split()
    figures.add("guests have AES instructions", "yes" if "aes" in words else "no")
    figures.add("guests have AVX2", "yes" if "avx2" in words else "no")
    figures.add("cores of a guest", int(first.run("nproc")))
    for name in (pair.INTERFACE, "$(ip -4 route show default | grep -oP 'dev \\K\\S+')"):
        whose = "WireGuard's interface" if name == pair.INTERFACE else "the network"
        figures.add(f"MTU of {whose}", int(first.run(f'cat "/sys/class/net/{name}/mtu"')))
    for cipher, whose in CIPHERS.items():
        printed = first.run(f"openssl speed -mr -seconds 2 -bytes 1344 -evp {cipher} 2>/dev/null")
        figures.add(f"openssl speed {cipher} ({whose}), MB/s", flow.openssl_rate(printed))


def measure(figures: Figures) -> None:
    """Make the guests on the lab, measure, remove them."""
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="hoaban-bench-")))
        cloud = ends.enter_context(connect(Layout.of_machine()))
        (folder / "pair").mkdir()
        # The image and the size are the province's; its bastion stands still while it is measured.
        small = bench_province(folder / "province")
        del small.province["hosts"]["backup-1"]
        del small.department["systems"][0]["backup"]
        ends.callback(lambda: destroy(small.target(None)))
        stderr().print("a province of a bastion, and two guests beside it …")
        up(small.target(None))
        like = Fleet.read(small.workspace).host("bastion").output.server_id
        cloud.compute.pause_server(like)
        there = Outside(cloud, f"do-{secrets.token_hex(2)}", folder / "pair", silent=True)
        ends.callback(there.close)
        there.open()
        one, two = (there.boot(name, address, like) for name, address in ADDRESSES.items())
        pair_ = pair.Pair.of((one, two), folder / "pair")
        stderr().print("iperf3 goes there, and the roles …")
        pair_.install(CODENAME, "iperf3")
        pair_.open_tunnels()
        pair_.each(lambda guest: guest.run("systemctl stop '*.timer'"))
        stderr().print("measuring …")
        context(pair_, figures)
        tell(measure_all(pair_), figures)


def main() -> Figures:
    """The tunnels alone."""
    must_serve(Hypervisor.QEMU)
    must_have_image()
    figures = Figures("tunnels")
    measure(figures)
    return figures
