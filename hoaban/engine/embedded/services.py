"""The service that takes messages for people from a program or a plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Callable

_SEVERITIES: Final = {
    engine_pb2.DEBUG: "debug",
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}


class EngineService(engine_pb2_grpc.EngineServicer):
    """Takes a program's messages."""

    def __init__(self, say: Callable[..., None], stack_urn: str) -> None:
        self._say = say
        self._root = stack_urn

    def Log(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """A message for people."""
        severity = _SEVERITIES.get(request.severity, "info")
        if severity != "debug":
            self._say(severity, request.message, urn=request.urn, ephemeral=request.ephemeral)
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """The stack's own URN."""
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """The stack's own URN follows from its name."""
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Programs that demand a version of the command get no answer of a command."""
        return engine_pb2.RequirePulumiVersionResponse()
