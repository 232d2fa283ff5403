#!/usr/bin/env python3
"""Tells what tunnels there are, and goes to the next peer when the present one does not answer.

``ipsec-gateway status`` prints one JSON object; ``ipsec-gateway watch`` is the service. Both ask
the IKE daemon over its control socket (the VICI protocol of strongSwan's plugin ``vici``), and
need nothing but Python.

All peers have the same traffic selectors, so the kernel's trap can lead to one of them only: that
of the peer whose trap is installed. When attempts to reach it are made and none succeeds within
some seconds, its trap is exchanged for the next peer's. The new one is installed before the old
one goes, so that there is no instant at which packets would leave in clear.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

Message = dict[str, Any]
SETTINGS = Path("/etc/swanctl/hoaban.json")
SOCKET = "/run/charon.vici"
PATIENCE = 20.0
"""Seconds that the daemon may take for an answer."""
CHILD = "net"
WORKING = {"INSTALLED", "REKEYING", "REKEYED", "UPDATING"}
"""States of a CHILD_SA that carries traffic."""
REQUEST, RESPONSE, UNKNOWN, REGISTER, UNREGISTER, CONFIRM, NO_EVENT, EVENT = range(8)
SECTION, SECTION_END, VALUE, LIST, ITEM, LIST_END = range(1, 7)


class Refused(Exception):
    """The daemon did not do what it was asked for."""


def encode(message: Message) -> bytes:
    """A message as the protocol writes it: texts, lists of texts, and sections of these."""
    out = b""
    for key, value in message.items():
        name = struct.pack("!B", len(key)) + key.encode()
        if isinstance(value, dict):
            out += bytes([SECTION]) + name + encode(value) + bytes([SECTION_END])
        elif isinstance(value, list):
            out += bytes([LIST]) + name
            out += b"".join(bytes([ITEM]) + _blob(item) for item in value) + bytes([LIST_END])
        else:
            out += bytes([VALUE]) + name + _blob(value)
    return out


def _blob(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def decode(data: bytes) -> Message:
    """The message that some bytes hold."""
    root: Message = {}
    stack: list[Any] = [root]
    place = 0

    def take(form: str) -> str:
        nonlocal place
        (length,) = struct.unpack_from(form, data, place)
        begin = place + struct.calcsize(form)
        place = begin + length
        return data[begin:place].decode(errors="replace")

    while place < len(data):
        kind = data[place]
        place += 1
        if kind == SECTION:
            inner: Message = {}
            stack[-1][take("!B")] = inner
            stack.append(inner)
        elif kind == LIST:
            items: list[str] = []
            stack[-1][take("!B")] = items
            stack.append(items)
        elif kind in (SECTION_END, LIST_END):
            stack.pop()
        elif kind == ITEM:
            stack[-1].append(take("!H"))
        else:
            name = take("!B")
            stack[-1][name] = take("!H")
    return root


class Daemon:
    """A connection to the IKE daemon."""

    def __init__(self, path: str = SOCKET) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, command: str, **message: Any) -> Message:
        """Its answer to a command; :class:`Refused` with its reason when it refuses."""
        self._send(REQUEST, command, encode(message))
        answer = self._answer(command, [])
        if answer.get("success", "yes") != "yes":
            raise Refused(f"{command}: {answer.get('errmsg', 'refused')}")
        return answer

    def stream(self, command: str, event: str, **message: Any) -> list[Message]:
        """What it tells in events while it answers a command."""
        told: list[Message] = []
        self._send(REGISTER, event)
        self._receive()
        self._send(REQUEST, command, encode(message))
        self._answer(command, told)
        self._send(UNREGISTER, event)
        self._receive()
        return told

    def _answer(self, command: str, told: list[Message]) -> Message:
        while True:
            kind, data = self._receive()
            if kind == EVENT:
                told.append(decode(data[1 + data[0] :]))
            elif kind == RESPONSE:
                return decode(data)
            else:
                raise Refused(f"the daemon does not know {command}")

    def _send(self, kind: int, name: str, data: bytes = b"") -> None:
        packet = bytes([kind, len(name)]) + name.encode() + data
        self._socket.sendall(struct.pack("!I", len(packet)) + packet)

    def _receive(self) -> tuple[int, bytes]:
        (length,) = struct.unpack("!I", self._exactly(4))
        packet = self._exactly(length)
        return packet[0], packet[1:]

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self._socket.recv(count - len(data))
            if not more:
                raise ConnectionError("the IKE daemon has gone")
            data += more
        return data


def traps(daemon: Daemon) -> list[str]:
    """Names of the peers whose trap is installed."""
    policies = daemon.stream("list-policies", "list-policy", trap="yes")
    return [str(one["ike"]) for policy in policies for one in policy.values() if "ike" in one]


def working(daemon: Daemon) -> set[str]:
    """Names of the peers with which there is a tunnel that carries traffic."""
    found = set()
    for event in daemon.stream("list-sas", "list-sa"):
        for name, sa in event.items():
            children = sa.get("child-sas", {}).values()
            if sa["state"] == "ESTABLISHED" and any(c["state"] in WORKING for c in children):
                found.add(name)
    return found


def attempts(daemon: Daemon, peer: str) -> int:
    """How often the daemon has begun to talk to a peer since it runs."""
    try:
        counters = daemon.ask("get-counters", name=peer)["counters"]
    except (Refused, KeyError):
        return 0  # nothing was ever counted for it
    return int(counters.get(peer, {}).get("ike-init-out-req", 0))


@dataclass
class Watch:
    """Decides when to leave a peer."""

    after: float = 5.0
    """Seconds without a tunnel after which a peer is left."""
    base: int = 0
    since: float | None = None
    present: str | None = None

    def leaves(self, peer: str, works: bool, count: int, now: float) -> bool:
        """Whether to leave a peer, of which ``count`` attempts are known at the time ``now``."""
        if peer != self.present or works or count < self.base:
            self.present, self.base, self.since = peer, count, None
            return False
        if count == self.base:
            return False
        if self.since is None:
            self.since = now
        return now - self.since >= self.after


def exchange(daemon: Daemon, old: str, new: str) -> None:
    """Lead traffic to another peer; never without a trap."""
    daemon.ask("install", child=CHILD, ike=new)
    daemon.ask("uninstall", child=CHILD, ike=old)
    with suppress(Refused):  # there may be nothing left of it
        daemon.ask("terminate", ike=old, force="yes", timeout="-1")
    daemon.ask("initiate", child=CHILD, ike=new, timeout="-1")


def step(daemon: Daemon, watch: Watch, peers: list[str], now: float) -> str | None:
    """Look once, and do what has to be done; what was done, in words."""
    trapped = [peer for peer in peers if peer in traps(daemon)]
    if not trapped:
        return None  # this side waits to be called
    works = working(daemon)
    kept = [watch.present] if watch.present in trapped else []
    peer = next(iter([one for one in trapped if one in works] + kept + trapped))
    for other in trapped:
        if other != peer:
            daemon.ask("uninstall", child=CHILD, ike=other)
    count = attempts(daemon, peer)
    if not watch.leaves(peer, peer in works, count, now) or len(peers) == 1:
        return None
    following = peers[(peers.index(peer) + 1) % len(peers)]
    # Counted before the first attempt: a peer that does not answer either is left in its turn.
    watch.present, watch.base, watch.since = following, attempts(daemon, following), None
    exchange(daemon, peer, following)
    return f"{peer} gave no tunnel within {watch.after:g} s: traffic goes to {following}"


def keep_watch(pause: float = 1.0) -> None:
    """Look every second, and wait for a daemon that is away; ends when there is a newer program.

    Settings are read anew each time, so that a change needs no restart.
    """
    watch = Watch()
    program = Path(__file__)
    begun = program.stat().st_mtime
    while program.stat().st_mtime == begun:
        try:
            with Daemon() as daemon:
                while program.stat().st_mtime == begun:
                    settings = read_settings()
                    watch.after = settings["failover_seconds"]
                    done = step(daemon, watch, settings["peers"], time.monotonic())
                    if done:
                        say(done)
                    time.sleep(pause)
        except (OSError, Refused) as error:
            say(str(error))
            time.sleep(pause)


def say(words: str) -> None:
    """Write to the journal, at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def read_settings() -> Message:
    """What the role has written for this program."""
    settings: Message = json.loads(SETTINGS.read_text(encoding="utf-8"))
    return settings


def certificate(path: str) -> Message | None:
    """Subject, issuer and last day of the gateway's own certificate; None while there is none."""
    done = subprocess.run(
        ["/usr/bin/openssl", "x509", "-in", path, "-noout", "-subject", "-issuer", "-enddate",
         "-dateopt", "iso_8601"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = dict(re.findall(r"^(subject|issuer|notAfter) ?= ?(.*)$", done.stdout, re.MULTILINE))
    return found if done.returncode == 0 else None


def status(settings: Message) -> Message:
    """All that there is to tell."""
    with Daemon() as daemon:
        algorithms = daemon.ask("get-algorithms")
        return {
            "version": daemon.ask("version")["version"],
            "post_quantum": "ML_KEM_768" in algorithms.get("ke", {}),
            "certificate": certificate(settings["certificate"]),
            "peers": settings["peers"],
            "traps": traps(daemon),
            "sas": [
                {"peer": name, **sa, "child-sas": list(sa.get("child-sas", {}).values())}
                for event in daemon.stream("list-sas", "list-sa")
                for name, sa in event.items()
            ],
        }


def main(words: list[str]) -> int:
    """Do what is asked for."""
    if words == ["watch"]:
        keep_watch()
        return 0
    if words != ["status"]:
        sys.stderr.write("usage: ipsec-gateway status|watch\n")
        return 2
    try:
        told = status(read_settings())
    except (OSError, Refused) as error:
        sys.stderr.write(f"the IKE daemon does not answer: {error}\n")
        return 1
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
