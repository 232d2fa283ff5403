"""The ``pulumi`` command: where it is, how it is run and stopped, what its errors mean."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import InvalidVersionError, create_command_error

from hoaban.engine.api import ProtectedError
from hoaban.errors import DriftError, HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

COMMAND: Final = "pulumi"
_PLUGIN: Final = "pulumi-resource-openstack"
# The passphrase is in a file; a variable of the caller's must not take its place.
_UNWANTED: Final = ("PULUMI_CONFIG_PASSPHRASE",)
_COLOUR: Final = re.compile(r"<\{%[^%]*%\}>")
_URN: Final = re.compile(r"urn:pulumi:\S+?(?=[\s\"',;]|$)")
_PROTECTED: Final = re.compile(r"(delete|replace)[\s\S]*\bprotected\b")
_UNHANDLED: Final = "failed with an unhandled exception"
_OURS: Final = re.compile(r"^hoaban\.\S*?(\w*Error): (.+)$", re.MULTILINE)
_MEND: Final = re.compile(r"^  mend: (.+)$", re.MULTILINE)
_FOLLOWS: Final = re.compile(r"^(update|preview|refresh|destroy|import) failed$")


def available() -> bool:
    """Whether this machine has the command, and the plugin that the stacks need."""
    if shutil.which(COMMAND) is None:
        return False
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    return shutil.which(_PLUGIN) is not None or any(
        home.glob(f"plugins/resource-openstack-v*/{_PLUGIN}*")
    )


def require() -> None:
    """Raise when this machine does not have the command."""
    if shutil.which(COMMAND) is None:
        raise HoabanError(
            "the pulumi command is not on this machine",
            mend="install it and its openstack plugin, or use --engine embedded",
        )


def plain(text: str) -> str:
    """A message of the command without its marks of colour."""
    return _COLOUR.sub("", text).strip()


class Command(PulumiCommand):
    """The command in a session of its own: Ctrl-C reaches it only by :meth:`stop`.

    ``said`` is what it wrote on standard error when it was last run.
    """

    def __init__(self) -> None:
        """Find the command; raises when it is not there, or of a version that does not fit."""
        self.said = ""
        self._process: subprocess.Popen[str] | None = None
        require()
        try:
            super().__init__()
        except (InvalidVersionError, OSError, subprocess.CalledProcessError) as error:
            raise HoabanError(
                f"the pulumi command cannot be used: {error}",
                where=Location(file=shutil.which(COMMAND)),
                mend="install the version of the Python package pulumi, or use --engine embedded",
            ) from error

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> CommandResult:
        """Run the command to its end; a status other than 0 is raised as ``CommandError``."""
        inherited = {key: text for key, text in os.environ.items() if key not in _UNWANTED}
        process = subprocess.Popen(
            [self.command, "--non-interactive", *args],
            cwd=cwd,
            env={**inherited, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._process = process
        out: list[str] = []
        err: list[str] = []
        pumps = [
            threading.Thread(target=_pump, args=(process.stdout, on_output, out), daemon=True),
            threading.Thread(target=_pump, args=(process.stderr, on_error, err), daemon=True),
        ]
        for pump in pumps:
            pump.start()
        code = process.wait()
        for pump in pumps:
            pump.join()
        self.said = "\n".join(err)
        result = CommandResult("\n".join(out), self.said, code)
        if code != 0:
            raise create_command_error(result)
        return result

    def stop(self) -> None:
        """Have it begin nothing new, and end when calls under way have."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End it now, with all that it started."""
        process = self._process
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _signal(self, number: int) -> None:
        process = self._process
        if process is not None:
            with suppress(ProcessLookupError):
                process.send_signal(number)


def _pump(stream: Any, callback: Callable[[str], Any] | None, lines: list[str]) -> None:
    for line in stream:
        text = line.rstrip()
        if callback is not None:
            callback(text)
        lines.append(text)
    stream.close()


def errors_of(told: Sequence[tuple[str, str]], stderr: str) -> list[HoabanError]:
    """Errors for people, of messages with their URNs; of ``stderr`` where there are none."""
    own = [(text, urn) for text, urn in told if text and not _FOLLOWS.match(text)]
    if not own:
        lines = [plain(line).removeprefix("error: ") for line in stderr.splitlines()]
        lines = [line for line in lines if line and not _FOLLOWS.match(line)]
        own = [("\n".join(lines) or "the pulumi command failed without a word", "")]
    return [_error(text, urn) for text, urn in own]


def _error(text: str, urn: str) -> HoabanError:
    if _PROTECTED.search(text):
        named = _URN.search(text)
        done = "replaced" if "replace" in text else "deleted"
        return ProtectedError(
            f"it is protected and would be {done}",
            where=Location(urn=named.group() if named else urn or None),
            mend="if it may go: set protect=False in the program, run up, then do this again",
            detail=text,
        )
    if "no changes were expected" in text:
        return DriftError(text, mend="look at the plan; run without --expect-no-changes")
    ours = _OURS.search(text)
    if ours:
        mend = _MEND.search(text)
        return HoabanError(ours.group(2), mend=mend.group(1) if mend else None)
    if _UNHANDLED in text:
        return HoabanError(
            f"the program failed: {text.splitlines()[-1].strip()}",
            detail=text,
            mend="correct the program; its traceback is shown",
        )
    first, _, rest = text.partition("\n")
    return HoabanError(
        first.rstrip(":"),
        where=Location(urn=urn) if urn else None,
        detail=rest.strip() or None,
    )
