"""Commands on hosts, by the workspace's SSH configuration and nothing else.

Exit status 255 is ssh's own (ssh(1)): the connection failed, not the command.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

SSH_FAILED: Final = 255
TIMED_OUT: Final = -1


class Trouble(StrEnum):
    """Why a connection failed, as far as ssh's words tell."""

    HOST_KEY = "host-key"
    LOGIN = "login"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class RemoteResult:
    """What a command on a host came to. ``status`` is -1 when it was stopped for its time."""

    host: str
    status: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the command ran and ended with status 0."""
        return self.status == 0

    @property
    def trouble(self) -> Trouble | None:
        """Why there was no connection; None when there was one."""
        if self.status not in (SSH_FAILED, TIMED_OUT):
            return None
        if "Host key verification failed" in self.stderr:
            return Trouble.HOST_KEY
        if "Permission denied" in self.stderr:
            return Trouble.LOGIN
        return Trouble.UNREACHABLE


class Remote:
    """Runs commands on hosts named in an SSH configuration."""

    def __init__(self, config: Path, *, parallel: int = 16) -> None:
        self.config = config
        self.parallel = parallel

    def command(self, host: str, argv: Sequence[str] = (), *options: str) -> list[str]:
        """The ``ssh`` command line; ``argv`` reaches the remote program as it is."""
        remote = ["--", shlex.join(argv)] if argv else []
        return ["ssh", "-F", str(self.config), *options, host, *remote]

    def run(
        self, host: str, argv: Sequence[str], *options: str, stdin: str = "", timeout: float = 60
    ) -> RemoteResult:
        """Run one command without a terminal, ``stdin`` as its input. Never asks anything."""
        started = time.monotonic()
        command = self.command(host, argv, "-T", "-o", "BatchMode=yes", *options)
        try:
            done = subprocess.run(  # its arguments reach no shell here
                command,
                input=stdin,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
            status, out, err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as error:
            status, out = TIMED_OUT, _text(error.stdout)
            err = f"{_text(error.stderr)}no answer within {timeout:.0f} s"
        return RemoteResult(host, status, out, err.strip(), time.monotonic() - started)

    def each(
        self, hosts: Iterable[str], work: Callable[[str], RemoteResult]
    ) -> dict[str, RemoteResult]:
        """Do one piece of work for each host, several at once."""
        names = list(hosts)
        with ThreadPoolExecutor(max_workers=self.parallel) as pool:
            return dict(zip(names, pool.map(work, names), strict=True))

    def close(self, host: str) -> None:
        """End a kept connection to a host, which may be to a server that is no more."""
        subprocess.run(
            self.command(host, (), "-O", "exit"), capture_output=True, timeout=10, check=False
        )


def _text(output: bytes | str | None) -> str:
    if output is None:
        return ""
    return output.decode(errors="replace") if isinstance(output, bytes) else output
