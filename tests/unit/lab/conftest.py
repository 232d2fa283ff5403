from __future__ import annotations

import socketserver
import threading
import xmlrpc.client
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.lab.layout import Layout
from hoaban.lab.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOT_RUNNING, ALREADY_STARTED = 70, 60


class FakeSupervisord:
    """The part of supervisor's XML-RPC interface that the lab uses, with its faults."""

    def __init__(self, programs: dict[str, str], *, not_automatic: tuple[str, ...] = ()) -> None:
        self.states = dict(programs)
        self.not_automatic = not_automatic
        self.calls: list[tuple[Any, ...]] = []
        self.reload: list[list[str]] = [[], [], []]

    def call(self, method: str, arguments: tuple[Any, ...]) -> Any:
        name = method.removeprefix("supervisor.")
        self.calls.append((name, *arguments))
        return getattr(self, name)(*arguments)

    def getState(self) -> dict[str, str]:  # noqa: N802 - supervisor's names
        return {"statename": "RUNNING"}

    def getAllProcessInfo(self) -> list[dict[str, Any]]:  # noqa: N802
        return [{"name": n, "statename": s, "start": 100} for n, s in self.states.items()]

    def getAllConfigInfo(self) -> list[dict[str, Any]]:  # noqa: N802
        return [{"name": n, "autostart": n not in self.not_automatic} for n in self.states]

    def startProcess(self, name: str, wait: bool) -> bool:  # noqa: N802
        if self.states[name] == "RUNNING":
            raise xmlrpc.client.Fault(ALREADY_STARTED, "ALREADY_STARTED")
        self.states[name] = "RUNNING"
        return True

    def stopProcess(self, name: str, wait: bool) -> bool:  # noqa: N802
        if self.states[name] != "RUNNING":
            raise xmlrpc.client.Fault(NOT_RUNNING, "NOT_RUNNING")
        self.states[name] = "STOPPED"
        return True

    def reloadConfig(self) -> list[list[list[str]]]:  # noqa: N802
        return [self.reload]

    def removeProcessGroup(self, name: str) -> bool:  # noqa: N802
        del self.states[name]
        return True

    def addProcessGroup(self, name: str) -> bool:  # noqa: N802
        self.states[name] = "STOPPED" if name in self.not_automatic else "RUNNING"
        return True


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    fake: FakeSupervisord


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def address_string(self) -> str:
        return "local"

    def log_message(self, *_: Any) -> None:
        return

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        arguments, method = xmlrpc.client.loads(body)
        try:
            result = self.server.fake.call(str(method), arguments)
            text = xmlrpc.client.dumps((result,), methodresponse=True)
        except xmlrpc.client.Fault as fault:
            text = xmlrpc.client.dumps(fault)
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    for folder in ("run", "log", "state"):
        (tmp_path / folder).mkdir()
    return Layout(tmp_path)


@pytest.fixture
def supervisord(layout: Layout) -> Iterator[FakeSupervisord]:
    fake = FakeSupervisord({"mariadb": "RUNNING", "nova-api": "RUNNING", "glance": "STOPPED"})
    server = _Server(str(layout.supervisor_socket), _Handler)
    server.fake = fake
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def supervisor(layout: Layout, supervisord: FakeSupervisord) -> Supervisor:
    return Supervisor(layout)
