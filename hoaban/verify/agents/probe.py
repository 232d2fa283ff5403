"""Tries flows from this machine and tells what became of each.

Argument: ``{"probes": [[family, protocol, address, port, patience], …]}`` with family 4 or 6,
protocol ``tcp``, ``udp`` or ``icmp`` (port 0) and patience in seconds; a sixth element is the mark
that its packets carry for this machine's routing rules (``SO_MARK``), 0 for none. Output: a list
in the same order of ``[state, milliseconds]``. States:

- ``open``: it answered;
- ``refused``: the way is open and nothing listens (TCP reset, ICMP port unreachable);
- ``silent``: nothing came back in time;
- ``blocked``: this machine's own filter, or a router on the way, forbade it;
- ``unreachable``: there is no way there.
"""

from __future__ import annotations

import errno
import json
import os
import selectors
import socket
import struct
import sys
import time
from typing import Any

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
WORD = 0xFFFF
AGAIN_SECONDS = 3.0
"""A packet may get lost on the best way. TCP sends again by itself, after 1, 3, 7 seconds."""
NTP_PORT = 123
NTP_REQUEST = b"\x23" + bytes(47)  # version 4, mode 3 (client): RFC 5905, section 7.3
BLOCKED = {errno.EPERM, errno.EACCES}
UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
REFUSED = {errno.ECONNREFUSED, errno.ECONNRESET}


def outcome(error: int | None) -> str:
    """State for an errno."""
    if error in BLOCKED:
        return "blocked"
    if error in UNREACHABLE:
        return "unreachable"
    if error in REFUSED:
        return "refused"
    return "silent" if error == errno.ETIMEDOUT else f"error {error}"


def checksum(data: bytes) -> int:
    """Checksum of RFC 1071 over an even number of bytes."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > WORD:
        total = (total >> 16) + (total & WORD)
    return WORD - total


class Probe:
    """One flow that is being tried."""

    def __init__(self, number: int, description: list[Any]) -> None:
        family, self.protocol, self.address, self.port, patience, *rest = description
        self.route_mark = rest[0] if rest else 0
        self.family = FAMILIES[family]
        self.started = time.monotonic()
        self.deadline = self.started + patience
        self.state: str | None = None
        self.ended = self.started
        self.mark = struct.pack(">HH", os.getpid() & WORD, number & WORD)
        self.socket: socket.socket | None = None
        self.again = self.deadline if self.protocol == "tcp" else self.started + AGAIN_SECONDS

    def end(self, state: str) -> None:
        """Note what became of it."""
        self.state = state
        self.ended = time.monotonic()
        if self.socket is not None:
            self.socket.close()

    def start(self) -> int:
        """Send the first packet; returns the event to wait for, 0 when it is over already."""
        try:
            if self.protocol == "icmp":
                six = self.family == socket.AF_INET6
                protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
                self.socket = self._open(socket.SOCK_RAW, protocol)
                self.send()
                return selectors.EVENT_READ
            kind = socket.SOCK_STREAM if self.protocol == "tcp" else socket.SOCK_DGRAM
            self.socket = self._open(kind)
            error = self.socket.connect_ex((self.address, self.port))
            if self.protocol == "udp":
                self.send()
                return selectors.EVENT_READ
            if error not in (0, errno.EINPROGRESS):
                self.end(outcome(error))
                return 0
        except OSError as error:
            self.end(outcome(error.errno))
            return 0
        return selectors.EVENT_WRITE

    def _open(self, kind: int, protocol: int = 0) -> socket.socket:
        """A socket whose packets go where the mark leads."""
        opened = socket.socket(self.family, kind, protocol)
        opened.setblocking(False)
        if self.route_mark:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, self.route_mark)
        return opened

    def send(self) -> None:
        """Send an echo request (RFC 792, RFC 4443; the kernel sums up ICMPv6) or a datagram."""
        assert self.socket is not None  # noqa: S101 - for the type checker alone
        if self.protocol == "udp":
            self.socket.send(NTP_REQUEST if self.port == NTP_PORT else b"\n")
            return
        six = self.family == socket.AF_INET6
        head = bytes([128 if six else 8, 0])
        total = 0 if six else checksum(head + b"\0\0" + self.mark)
        self.socket.sendto(head + struct.pack(">H", total) + self.mark, (self.address, 0))

    def repeat(self, now: float) -> None:
        """Send the packet once more when it is time."""
        if self.state is not None or now < self.again:
            return
        self.again = now + AGAIN_SECONDS
        try:
            self.send()
        except OSError as error:  # what came back for the one before
            self.end(outcome(error.errno))

    def ready(self) -> None:
        """Read what came back."""
        assert self.socket is not None  # noqa: S101 - for the type checker alone
        if self.protocol == "tcp":
            error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self.end(outcome(error) if error else "open")
            return
        try:
            data, sender = self.socket.recvfrom(2048)
        except OSError as error:
            self.end(outcome(error.errno))
            return
        if self.protocol == "udp":
            self.end("open")
            return
        six = self.family == socket.AF_INET6
        message = data if six else data[(data[0] & 0x0F) * 4 :]
        reply = message[0] == (129 if six else 0) and message[4:8] == self.mark
        if reply and sender[0] == self.address:
            self.end("open")


def run(descriptions: list[list[Any]]) -> list[list[Any]]:
    """Try all flows at once."""
    selector = selectors.DefaultSelector()
    probes = [Probe(number, description) for number, description in enumerate(descriptions)]
    for probe in probes:
        event = probe.start()
        if event and probe.socket is not None:
            selector.register(probe.socket, event, probe)
    while waiting := list(selector.get_map().values()):
        nearest = min(min(key.data.deadline, key.data.again) for key in waiting)
        for key, _ in selector.select(max(0.0, nearest - time.monotonic())):
            key.data.ready()
        now = time.monotonic()
        for key in waiting:
            if key.data.state is None and key.data.deadline <= now:
                key.data.end("silent")
            key.data.repeat(now)
            if key.data.state is not None:
                selector.unregister(key.fd)
    selector.close()
    return [[probe.state, round((probe.ended - probe.started) * 1000)] for probe in probes]


if __name__ == "__main__":
    json.dump(run(json.loads(sys.argv[1])["probes"]), sys.stdout)
