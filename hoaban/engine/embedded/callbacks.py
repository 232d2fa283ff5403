"""Calls to functions of the running program: its transforms and hooks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from google.protobuf.message import Message

M = TypeVar("M", bound="Message")

_MAX_MESSAGE: Final = 400 * 1024 * 1024  # as the SDK's own limit
_OPTIONS: Final = [
    ("grpc.max_receive_message_length", _MAX_MESSAGE),
    ("grpc.max_send_message_length", _MAX_MESSAGE),
    ("grpc.enable_http_proxy", 0),  # it is a process of this machine
]


class Callbacks:
    """Calls functions that a program registered. Safe to use from several threads."""

    def __init__(self) -> None:
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    def call(self, callback: Any, request: Message, response: type[M], what: str) -> M:
        """Call a function; ``what`` names it in the error that is raised when it fails."""
        stub = callback_pb2_grpc.CallbacksStub(self._channel(callback.target))
        asked = callback_pb2.CallbackInvokeRequest(
            token=callback.token, request=request.SerializeToString()
        )
        try:
            answer = stub.Invoke(asked)
        except grpc.RpcError as error:
            raise _failed(what, callback.token, error) from error
        return response.FromString(answer.response)

    def _channel(self, target: str) -> grpc.Channel:
        with self._lock:
            if target not in self._channels:
                self._channels[target] = grpc.insecure_channel(target, options=_OPTIONS)
            return self._channels[target]

    def close(self) -> None:
        """Let go of the connections to a program that has ended."""
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()


def _failed(what: str, token: str, error: Any) -> HoabanError:
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        return HoabanError(
            f"{what} could not be called: the program has ended",
            mend="run the same command again; it is called then",
        )
    told = str(error.details() or error.code()).removeprefix(f"Invoke callback {token} error: ")
    message, _, trace = told.partition(":\n")
    return HoabanError(
        f"{what} failed: {message}",
        detail=trace.rstrip() or None,
        mend="correct it in the program; its traceback is shown",
    )
