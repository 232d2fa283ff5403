"""Runs a program on a host and hands on what it says while it runs."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from hoaban.backup.agents import program
from hoaban.errors import HoabanError
from hoaban.remote import SSH_FAILED, RemoteResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hoaban.remote import Remote

    Event = Mapping[str, Any]
    OnEvent = Callable[[Event], None]

PYTHON: Final = ("sudo", "-n", "python3", "-I", "-S", "-")
MOST_WORDS: Final = 8000
SHORT_SECONDS: Final = 180.0


class Hosts(Protocol):
    """Where agents run."""

    def run(self, host: str, agent: str, asked: Mapping[str, Any], on_event: OnEvent) -> None:
        """Run an agent on a host to its end, its events handed on as they come.

        Raises :class:`HoabanError` when it could not be run to its end.
        """

    def output(self, host: str, argv: Sequence[str]) -> RemoteResult:
        """Run a short command on a host."""

    def work(self, host: str, argv: Sequence[str]) -> RemoteResult:
        """Run a command that may take hours; what it prints is passed over."""


class RemoteHosts:
    """Agents by SSH, with the workspace's pinned keys."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def run(self, host: str, agent: str, asked: Mapping[str, Any], on_event: OnEvent) -> None:
        """See :class:`Hosts`."""
        ended = False

        def take(line: str) -> None:
            nonlocal ended
            try:
                event = json.loads(line)
            except ValueError:
                return  # a word of sudo's or of a login script's
            if isinstance(event, dict) and "event" in event:
                ended = ended or event["event"] == "end"
                on_event(event)

        result = lines(self._remote, host, PYTHON, program(agent, asked), take)
        if not ended:
            raise broken_off(result)

    def output(self, host: str, argv: Sequence[str]) -> RemoteResult:
        """See :class:`Hosts`."""
        return self._remote.run(host, argv, timeout=SHORT_SECONDS)

    def work(self, host: str, argv: Sequence[str]) -> RemoteResult:
        """See :class:`Hosts`."""
        return lines(self._remote, host, argv, "", lambda _: None)


def lines(
    remote: Remote, host: str, argv: Sequence[str], stdin: str, on_line: Callable[[str], None]
) -> RemoteResult:
    """Run a command on a host; each line of its output is handed on. It may take its time.

    A connection that is cut ends it: ssh asks for a sign of life (``ServerAliveInterval``).
    """
    started = time.monotonic()
    words = bytearray()
    with subprocess.Popen(
        remote.command(host, argv, "-T", "-o", "BatchMode=yes"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        given, output, errors = process.stdin, process.stdout, process.stderr
        if given is None or output is None or errors is None:
            raise AssertionError("pipes were asked for")

        def listen() -> None:
            for line in errors:
                words.extend(line)
                del words[:-MOST_WORDS]

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            _hand_over(given, stdin)
            for line in output:
                on_line(line.decode(errors="replace").rstrip("\n"))
        except BaseException:
            process.terminate()
            raise
        status = process.wait()
        # A connection that is kept open for the next command has inherited this pipe.
        listener.join(timeout=1)
    told = words.decode(errors="replace").strip()
    return RemoteResult(host, status, "", told, time.monotonic() - started)


def broken_off(result: RemoteResult) -> HoabanError:
    """The error for a program that did not come to its end."""
    words = (result.stderr.splitlines() or [f"status {result.status}"])[-1]
    if result.status == SSH_FAILED:
        return HoabanError(
            f"{result.host}: no connection, or it was cut: {words}",
            mend=f"does it answer: hoaban ssh {result.host} -- true; then run the same again",
        )
    return HoabanError(
        f"{result.host}: what was to run there ended early: {words}",
        mend="the detail is what it said last",
        detail=result.stderr or None,
    )


def _hand_over(stream: IO[bytes], text: str) -> None:
    # One that ended before it read tells why by its status and words.
    with suppress(BrokenPipeError):
        stream.write(text.encode())
        stream.close()
