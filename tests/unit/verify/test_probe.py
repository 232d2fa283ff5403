"""The agent against real sockets of this machine."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from hoaban.verify.agents import probe, source

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def echo() -> Iterator[int]:
    """A UDP service that answers once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            data, sender = server.recvfrom(100)
            server.sendto(data, sender)

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


@pytest.fixture
def deaf() -> Iterator[int]:
    """A UDP service that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        yield server.getsockname()[1]


def test_a_packet_that_got_lost_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "AGAIN_SECONDS", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            server.recvfrom(100)  # lost
            data, sender = server.recvfrom(100)
            server.sendto(data, sender)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        ((state, milliseconds),) = probe.run([[4, "udp", "127.0.0.1", server.getsockname()[1], 5]])
        thread.join(timeout=5)
    assert state == "open"
    assert milliseconds >= 200


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_each_state_of_tcp_and_udp(listener: int, echo: int, deaf: int) -> None:
    closed = free_port()
    states = probe.run(
        [
            [4, "tcp", "127.0.0.1", listener, 5],
            [4, "tcp", "127.0.0.1", closed, 5],
            [4, "udp", "127.0.0.1", echo, 5],
            [4, "udp", "127.0.0.1", closed, 5],
            [4, "udp", "127.0.0.1", deaf, 0.3],
        ]
    )
    assert [state for state, _ in states] == ["open", "refused", "open", "refused", "silent"]
    assert 250 <= states[4][1] < 2000


def test_a_filter_of_its_own_is_told_from_silence() -> None:
    assert probe.outcome(1) == "blocked"
    assert probe.outcome(101) == "unreachable"
    assert probe.outcome(110) == "silent"


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 0x220D), (b"\xff\xff", 0), (b"\x00\x00", 0xFFFF)],
)
def test_checksum_is_rfc_1071s(data: bytes, expected: int) -> None:
    # The first is the example of RFC 1071, section 3: sum ddf2, complement 220d.
    assert probe.checksum(data) == expected


def test_runs_as_a_program_from_standard_input(listener: int) -> None:
    asked = {"probes": [[4, "tcp", "127.0.0.1", listener, 5]]}
    out = subprocess.run(
        [sys.executable, "-I", "-S", "-", json.dumps(asked)],
        input=source("probe"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(out)[0][0] == "open"
