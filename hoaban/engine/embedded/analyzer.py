"""A policy pack at work: its process, and the calls of Pulumi's ``Analyzer`` service.

Packs are ordinary ones (``PulumiPolicy.yaml``, ``pulumi-policy``); sdk/proto/pulumi/analyzer.proto.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hoaban.engine.embedded.backend import StackName

_PROJECT_FILE: Final = "PulumiPolicy.yaml"
_MAIN: Final = "__main__.py"
_GRACE_SECONDS: Final = 5.0
_MAX_MESSAGE: Final = 400 * 1024 * 1024  # as the package's own limit
Answer = TypeVar("Answer")


class Analyzer:
    """One pack for one stack. Started early: it loads its libraries while the program does."""

    def __init__(self, pack: Path, name: StackName, *, preview: bool) -> None:
        """Start the pack's process; nothing is waited for."""
        self.pack = pack
        self.version = _version(pack)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._channel: grpc.Channel | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "hoaban.engine.embedded.policy_runner", str(pack / _MAIN)],
            cwd=pack,
            env={
                **os.environ,
                "PULUMI_PROJECT": name.project,
                "PULUMI_STACK": name.stack,
                "PULUMI_DRY_RUN": str(preview).lower(),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C is the engine's to handle
        )

    def connect(self) -> None:
        """Wait until the pack serves, and learn what it checks."""
        assert self._process.stdout is not None  # noqa: S101 (a pipe was asked for)
        port = self._process.stdout.readline().strip()
        if not port.isdigit():
            raise self._failure("does not start")
        threading.Thread(target=self._process.stdout.read, daemon=True).start()  # what it prints
        self._channel = grpc.insecure_channel(
            f"127.0.0.1:{int(port)}",
            options=[
                ("grpc.max_receive_message_length", _MAX_MESSAGE),
                ("grpc.max_send_message_length", _MAX_MESSAGE),
            ],
        )
        stub: Any = analyzer_pb2_grpc.AnalyzerStub(self._channel)
        self._stub = stub
        info = self._call(lambda: stub.GetAnalyzerInfo(empty_pb2.Empty()))
        self.name = str(info.name)
        self.remediates = any(
            one.enforcementLevel == analyzer_pb2.REMEDIATE for one in info.policies
        )

    def analyze(self, request: Any) -> Any:
        """What the pack says of one resource."""
        return self._call(lambda: self._stub.Analyze(request))

    def remediate(self, request: Any) -> Any:
        """What the pack would put right in one resource."""
        return self._call(lambda: self._stub.Remediate(request))

    def analyze_stack(self, request: Any) -> Any:
        """What the pack says of all resources together."""
        return self._call(lambda: self._stub.AnalyzeStack(request))

    def _call(self, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except grpc.RpcError as error:
            raise self._failure(f"failed: {getattr(error, 'details', str)()}") from error

    def _failure(self, what: str) -> HoabanError:
        self._errors.seek(0)
        told = self._errors.read().decode(errors="replace").strip()
        return HoabanError(
            f"the policy pack {what}",
            where=Location(file=str(self.pack / _MAIN)),
            detail=told or None,
            mend="correct the pack: without its word nothing is changed",
        )

    def close(self) -> None:
        """End the process."""
        if self._channel is not None:
            self._channel.close()
        self._process.terminate()
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def _version(pack: Path) -> str:
    """The version that a pack's file says; an error for one that is no Python pack."""
    file = pack / _PROJECT_FILE
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8"))
        runtime = told["runtime"]
        language = runtime["name"] if isinstance(runtime, dict) else runtime
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise HoabanError(
            "this is no policy pack",
            where=Location(file=str(file)),
            mend="name a folder with a PulumiPolicy.yaml that says `runtime: python`",
        ) from error
    if language != "python" or not (pack / _MAIN).is_file():
        raise HoabanError(
            f"only policy packs in Python, with a {_MAIN}, are run by the embedded engine",
            where=Location(file=str(file), key="runtime"),
            mend="use the pulumi command for this pack",
        )
    return str(told.get("version", "0.0.1"))
