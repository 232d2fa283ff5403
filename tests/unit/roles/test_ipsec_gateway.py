"""The program of the role ipsec_gateway: the protocol of the daemon, and when a peer is left."""

from __future__ import annotations

import importlib.util
import socket
import struct
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from types import ModuleType

SOURCE = Path(__file__).resolve().parents[3] / "roles/ipsec_gateway/files/ipsec_gateway.py"


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ipsec_gateway", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


program = loaded()
NAMES = st.text("abc-xyz0", min_size=1, max_size=20)
TEXTS = st.text(max_size=40)
MESSAGES = st.recursive(
    st.dictionaries(NAMES, TEXTS | st.lists(TEXTS, max_size=3), max_size=4),
    lambda inner: st.dictionaries(NAMES, TEXTS | inner, max_size=4),
    max_leaves=8,
)


def test_a_message_is_written_as_the_protocol_says() -> None:
    # The example of the protocol's own description (README of strongSwan's plugin vici).
    message = {
        "key1": "value1",
        "section1": {"sub-section": {"key2": "value2"}, "list1": ["item1", "item2"]},
    }
    assert program.encode(message) == (
        b"\x03\x04key1\x00\x06value1"
        b"\x01\x08section1\x01\x0bsub-section\x03\x04key2\x00\x06value2\x02"
        b"\x04\x05list1\x05\x00\x05item1\x05\x00\x05item2\x06\x02"
    )


@given(MESSAGES)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_written_is_read_again(message: dict[str, Any]) -> None:
    assert program.decode(program.encode(message)) == message


class FakeDaemon:
    """Answers as the daemon does, of a state that tests set; notes what it is told to do."""

    def __init__(self, path: Path) -> None:
        self.traps: list[str] = ["one"]
        self.works: set[str] = set()
        self.attempts: dict[str, int] = {}
        self.done: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection, connection.makefile("rb") as stream:
            while header := stream.read(4):
                packet = stream.read(struct.unpack("!I", header)[0])
                kind, size = packet[0], packet[1]
                name = packet[2 : 2 + size].decode()
                if kind != program.REQUEST:
                    self._send(connection, bytes([program.CONFIRM]))
                    continue
                for event, told in self._events(name):
                    head = bytes([program.EVENT, len(event)]) + event.encode()
                    self._send(connection, head + program.encode(told))
                answer = self._answer(name, program.decode(packet[2 + size :]))
                if answer is None:
                    self._send(connection, bytes([program.UNKNOWN]))
                else:
                    self._send(connection, bytes([program.RESPONSE]) + program.encode(answer))

    @staticmethod
    def _send(connection: socket.socket, packet: bytes) -> None:
        connection.sendall(struct.pack("!I", len(packet)) + packet)

    def _events(self, command: str) -> list[tuple[str, dict[str, Any]]]:
        if command == "list-policies":
            return [
                ("list-policy", {f"{one}/net": {"child": "net", "ike": one}}) for one in self.traps
            ]
        if command == "list-sas":
            child = {"net-1": {"state": "INSTALLED"}}
            return [
                ("list-sa", {one: {"state": "ESTABLISHED", "child-sas": child}})
                for one in sorted(self.works)
            ]
        return []

    def _answer(self, command: str, asked: dict[str, Any]) -> dict[str, Any] | None:
        if command in ("list-policies", "list-sas"):
            return {}
        if command == "get-counters":
            name = asked["name"]
            if name not in self.attempts:
                return {"counters": {}, "success": "no", "errmsg": "no counters found"}
            count = {"ike-init-out-req": str(self.attempts[name])}
            return {"counters": {name: count}, "success": "yes"}
        if command == "nonsense":
            return None
        self.done.append(f"{command} {asked['ike']}")
        if command == "install":
            self.traps.append(asked["ike"])
        if command == "uninstall":
            self.traps.remove(asked["ike"])
        if command == "initiate":
            self.attempts[asked["ike"]] = self.attempts.get(asked["ike"], 0) + 1
        if command == "terminate":
            return {"success": "no", "errmsg": "no matching SAs to terminate found"}
        return {"success": "yes"}


@pytest.fixture
def fake(tmp_path: Path) -> FakeDaemon:
    return FakeDaemon(tmp_path / "vici")


def run(fake: FakeDaemon, path: Path, moments: list[tuple[float, dict[str, Any]]]) -> list[str]:
    """What the watch says over time; before each look the daemon's state is changed."""
    watch = program.Watch(after=5.0)
    said = []
    with program.Daemon(str(path)) as daemon:
        for now, change in moments:
            for name, value in change.items():
                setattr(fake, name, value)
            done = program.step(daemon, watch, ["one", "two"], now)
            said.append(done or "")
    return said


def test_a_peer_that_gives_no_tunnel_is_left_for_the_next_and_that_one_in_its_turn(
    fake: FakeDaemon, tmp_path: Path
) -> None:
    said = run(
        fake,
        tmp_path / "vici",
        [
            (0.0, {}),
            (1.0, {"attempts": {"one": 1}}),
            (5.9, {}),
            (6.0, {}),
            (7.0, {}),
            (11.9, {}),
            (12.0, {}),
        ],
    )
    assert said == [
        "", "", "",
        "one gave no tunnel within 5 s: traffic goes to two",
        "", "",
        "two gave no tunnel within 5 s: traffic goes to one",
    ]  # fmt: skip
    # The new trap is there before the old one goes.
    assert fake.done[:4] == ["install two", "uninstall one", "terminate one", "initiate two"]
    assert fake.traps == ["one"]


def test_a_peer_that_works_or_that_nobody_asks_for_is_kept(
    fake: FakeDaemon, tmp_path: Path
) -> None:
    said = run(
        fake,
        tmp_path / "vici",
        [
            (0.0, {}),
            (100.0, {}),
            (101.0, {"attempts": {"one": 3}, "works": {"one"}}),
            (200.0, {"attempts": {"one": 4}}),
            (201.0, {"attempts": {}}),  # the daemon was restarted
            (300.0, {"works": set()}),
        ],
    )
    assert said == [""] * 6
    assert fake.done == []


def test_a_second_trap_is_taken_away_and_not_that_of_the_peer_in_use(
    fake: FakeDaemon, tmp_path: Path
) -> None:
    run(fake, tmp_path / "vici", [(0.0, {"traps": ["one", "two"], "works": {"two"}})])
    assert fake.done == ["uninstall one"]


def test_who_waits_to_be_called_leaves_nobody(fake: FakeDaemon, tmp_path: Path) -> None:
    moments = [(0.0, {"traps": []}), (9.0, {"attempts": {"one": 9}}), (99.0, {})]
    assert run(fake, tmp_path / "vici", moments) == ["", "", ""]
    assert fake.done == []


def test_what_the_daemon_does_not_know_is_told(fake: FakeDaemon, tmp_path: Path) -> None:
    with program.Daemon(str(tmp_path / "vici")) as daemon:
        with pytest.raises(program.Refused, match="does not know nonsense"):
            daemon.ask("nonsense")
        with pytest.raises(program.Refused, match="no matching SAs"):
            daemon.ask("terminate", ike="one")


def test_a_certificate_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert program.certificate(str(tmp_path / "gateway.pem")) is None
