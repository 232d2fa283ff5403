"""Processes of provider plugins: found, started with the engine's log service, ended with it.

A plugin is what Pulumi's command runs too: ``pulumi-resource-<package>``, on the path or in
Pulumi's folder of plugins, that prints its port and serves ``ResourceProvider``. Nothing is
downloaded. The one for dynamic providers is in the SDK.
"""

from __future__ import annotations

import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc
from pulumi.runtime.proto import engine_pb2_grpc

from hoaban.engine.embedded.defaults import DYNAMIC
from hoaban.engine.embedded.plugin_provider import PluginProvider
from hoaban.engine.embedded.services import EngineService
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_START_SECONDS: Final = 60.0
_GRACE_SECONDS: Final = 5.0


class Plugins:
    """The plugins of one operation. Safe to use from several threads."""

    def __init__(
        self,
        project: str,
        folder: Path,
        environment: Mapping[str, str],
        say: Callable[..., None],
    ) -> None:
        self._project = project
        self._folder = folder
        self._environment = environment
        self._say = say
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._address = ""
        self._server: grpc.Server | None = None
        self._private: tempfile.TemporaryDirectory[str] | None = None

    def find(self, package: str, version: str) -> list[str] | None:
        """The command line of a package's plugin, None when this machine has none."""
        if package == DYNAMIC:
            return [sys.executable, "-m", "pulumi.dynamic"]
        name = f"pulumi-resource-{package}"
        on_path = shutil.which(name)
        if on_path is not None:
            return [on_path]
        home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
        pattern = f"resource-{package}-v{version or '*'}/{name}"
        installed = [one for one in home.glob(f"plugins/{pattern}") if os.access(one, os.X_OK)]
        return [str(max(installed, key=lambda one: one.stat().st_mtime))] if installed else None

    def provider(
        self, package: str, version: str, *, missing: HoabanError | None = None
    ) -> PluginProvider:
        """A provider of a package; ``missing`` is raised when this machine has no plugin of it."""
        command = self.find(package, version)
        if command is None:
            raise missing or HoabanError(
                f"there is no plugin of the package `{package}`",
                mend=f"put pulumi-resource-{package} on the path",
            )
        return self.start(package, command)

    def start(self, package: str, command: list[str]) -> PluginProvider:
        """A provider in a process of its own."""
        process = subprocess.Popen(
            [*command, self._log_service()],
            cwd=self._folder,
            env={
                **os.environ,
                **self._environment,
                "PULUMI_PROJECT": self._project,
                "PYTHONUNBUFFERED": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the engine's to handle
        )
        with self._lock:
            self._processes.append(process)
        port = _port(process)
        if port is None:
            raise HoabanError(
                f"the plugin of the package `{package}` did not start",
                mend=f"run it by hand to see why: {' '.join(command)}",
            )
        threading.Thread(target=self._pump, args=(process,), daemon=True).start()
        return PluginProvider(package, f"127.0.0.1:{port}", self._folder)

    def _pump(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 (a pipe was asked for)
        for line in process.stdout:
            self._say("info", line.decode(errors="replace").rstrip("\n"))

    def _log_service(self) -> str:
        """The address where plugins send messages for people."""
        with self._lock:
            if self._server is None:
                self._private = tempfile.TemporaryDirectory(prefix="hoaban-plugins-")
                self._address = f"unix:{Path(self._private.name) / 'engine.sock'}"
                self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(4, "plugins"))
                service = EngineService(self._say, "")
                engine_pb2_grpc.add_EngineServicer_to_server(service, self._server)
                self._server.add_insecure_port(self._address)
                self._server.start()
            return self._address

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            for process in self._processes:
                process.terminate()
            for process in self._processes:
                try:
                    process.wait(_GRACE_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            if self._server is not None:
                self._server.stop(grace=None).wait()
            if self._private is not None:
                self._private.cleanup()


def _port(process: subprocess.Popen[bytes]) -> int | None:
    """The port that a plugin prints when it is ready; None when it ends, or takes too long."""
    stream = process.stdout
    assert stream is not None  # noqa: S101 (a pipe was asked for)
    timer = threading.Timer(_START_SECONDS, process.kill)
    timer.start()
    try:
        line = stream.readline().strip()
    finally:
        timer.cancel()
    return int(line) if line.isdigit() else None
