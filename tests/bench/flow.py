"""One measure of throughput between two guests by iperf3, and what else is read of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from hoaban.errors import HoabanError

SECONDS = 5
OMITTED = 1
"""Of a flow's beginning, while TCP finds its pace."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What iperf3 tells of one TCP connection."""

    mbit: float
    """Payload that arrived, in Mbit/s."""
    received: int
    """The same in bytes."""
    mss: int
    """Largest segment, in bytes."""
    retransmits: int
    """Segments sent again, as far as the sender tells."""

    @classmethod
    def of(cls, printed: str) -> Flow:
        """Read what ``iperf3 --json`` prints."""
        told: dict[str, Any] = json.loads(printed)
        if "error" in told:
            raise HoabanError(
                f"iperf3: {told['error']}", mend="see whether the guest at the other end runs"
            )
        end = told["end"]
        return cls(
            end["sum_received"]["bits_per_second"] / 1e6,
            end["sum_received"]["bytes"],
            told["start"]["tcp_mss_default"],
            end["sum_sent"].get("retransmits", 0),
        )


def command(source: str, target: str, *, back: bool) -> str:
    """Shell command for a flow from the address ``source``; with ``back`` the other end sends."""
    reverse = " --reverse" if back else ""
    return (
        f"iperf3 --json --client {target} --bind {source} "
        f"--time {SECONDS} --omit {OMITTED}{reverse} || true"
    )


def esp_bytes(shown: str) -> int:
    """Bytes that the kernel's ESP has taken and brought, of what ``ip -s xfrm state`` shows."""
    return sum(map(int, re.findall(r"lifetime current:\s+(\d+)\(bytes\)", shown)))


def wireguard_bytes(shown: str) -> int:
    """The same of WireGuard, of what ``wg show all transfer`` shows."""
    return sum(int(number) for row in shown.splitlines() for number in row.split()[2:])


def openssl_rate(printed: str) -> float:
    """MB/s, of what ``openssl speed -mr -bytes N`` prints."""
    found = re.search(r"^\+F:\d+:[^:]+:([\d.]+)$", printed, re.MULTILINE)
    if found is None:
        raise ValueError(f"openssl speed told of no rate: {printed[-200:]}")
    return float(found.group(1)) / 1e6
