"""The lab's supervisor (supervisord), by its XML-RPC interface on a Unix socket.

http://supervisord.org/api.html
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
import xmlrpc.client
from typing import TYPE_CHECKING, Any

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hoaban.lab.layout import Layout

_ALREADY_STARTED = 60
_NOT_RUNNING = 70
_STOP_SECONDS = 60
_GONE = frozenset({"STOPPED", "EXITED", "FATAL", "UNKNOWN"})


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(str(self._path))


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:  # noqa: ARG002
        return _UnixConnection(self._path)


class Supervisor:
    """Starts, stops and looks at the programs of a lab."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._rpc: Any = xmlrpc.client.ServerProxy(
            "http://localhost", transport=_UnixTransport(layout.supervisor_socket)
        ).supervisor

    def alive(self) -> bool:
        """Whether the supervisor answers."""
        try:
            return bool(self._rpc.getState()["statename"] == "RUNNING")
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return False

    def pid(self) -> int | None:
        """Process number of a running supervisor, answering or not."""
        try:
            number = int(self._layout.supervisor_pid.read_text())
            command = (self._layout.supervisor_pid.parent / f"/proc/{number}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return number if str(self._layout.supervisor_config).encode() in command else None

    def boot(self) -> None:
        """Start the supervisor, which starts every program that starts by itself.

        It begins with an empty environment: proxies and Python's switches of the caller's shell
        would reach every service.
        """
        self._layout.supervisor_socket.unlink(missing_ok=True)
        program = self._layout.venv / "bin" / "supervisord"
        done = subprocess.run(
            [program, "-c", self._layout.supervisor_config],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise HoabanError(
                "the lab's supervisor does not start",
                mend=f"see {self._layout.logs / 'supervisord.log'}",
                detail=(done.stdout + done.stderr).strip(),
            )

    def processes(self) -> dict[str, dict[str, Any]]:
        """What supervisor knows of each program, by name."""
        return {info["name"]: info for info in self._rpc.getAllProcessInfo()}

    def start(self, program: str) -> bool:
        """Start ``program`` without waiting for it; false when it was running."""
        return self._tolerate(_ALREADY_STARTED, self._rpc.startProcess, program)

    def stop(self, program: str, *, wait: bool = True) -> bool:
        """Stop ``program``; false when it was not running."""
        return self._tolerate(_NOT_RUNNING, self._rpc.stopProcess, program, wait=wait)

    def stop_together(self, programs: Iterable[str], timeout: float) -> None:
        """Stop ``programs`` at one time, and wait until all are gone (``timeout`` seconds)."""
        names = set(programs)
        for name in names:
            self.stop(name, wait=False)
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            states = self.processes()
            if all(states[name]["statename"] in _GONE for name in names):
                return
            time.sleep(0.1)

    def fallen(self) -> list[str]:
        """Programs that should run by themselves and do not."""
        states = self.processes()
        return [
            config["name"]
            for config in self._rpc.getAllConfigInfo()
            if config["autostart"] and states[config["name"]]["statename"] in _GONE
        ]

    def raise_fallen(self) -> list[str]:
        """Start programs that should run by themselves and do not; returns their names."""
        fallen = self.fallen()
        for name in fallen:
            self.start(name)
        return fallen

    def apply(self) -> list[str]:
        """Take over changed configuration; returns the programs that it concerns.

        Only these are stopped, all at one time, and started again if they should run. Programs
        that the supervisor had given up are started too.
        """
        [[added, changed, removed]] = self._rpc.reloadConfig()
        states = self.processes()
        ran = [name for name in changed if states[name]["statename"] not in _GONE]
        self.stop_together([*changed, *removed], _STOP_SECONDS)
        for name in (*changed, *removed):
            self._rpc.removeProcessGroup(name)
        for name in (*added, *changed):
            self._rpc.addProcessGroup(name)
        for name in ran:  # also those that do not start by themselves
            self.start(name)
        return [*added, *changed, *removed, *self.raise_fallen()]

    def shutdown(self, timeout: float = 60) -> None:
        """End the supervisor and whatever it still runs; wait until the process is gone.

        It answers the request before its children are gone, and a successor that is started
        then would lose its socket to it.
        """
        number = self.pid()
        if number is None:
            return
        os.kill(number, 15)
        end = time.monotonic() + timeout
        while self.pid() is not None and time.monotonic() < end:
            time.sleep(0.1)
        if self.pid() is not None:
            raise HoabanError(
                f"the lab's supervisor (process {number}) does not end",
                mend=f"see {self._layout.logs / 'supervisord.log'}, then: kill -9 {number}",
            )

    @staticmethod
    def _tolerate(fault: int, call: Any, program: str, *, wait: bool = False) -> bool:
        try:
            call(program, wait)
        except xmlrpc.client.Fault as error:
            if error.faultCode != fault:
                raise
            return False
        return True
