"""Starts a program in its process, and tells what became of it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from hoaban.engine.embedded.backend import ORGANIZATION
from hoaban.engine.embedded.properties import reveal
from hoaban.engine.values import Secret
from hoaban.errors import ExitCode, HoabanError, Location, PolicyError, together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hoaban.engine.embedded.backend import StackName
    from hoaban.engine.embedded.project import Project

_GRACE_SECONDS: Final = 5.0


class ProgramError(HoabanError):
    """The program itself failed; ``detail`` is its own traceback."""


class Program:
    """One run of a program. Started early: it loads its libraries while the state is opened."""

    def __init__(
        self,
        project: Project,
        environment: Mapping[str, str],
        on_line: Callable[[str, str], None],
    ) -> None:
        """Start the process; it waits for its task.

        ``on_line`` is called with ``stdout`` or ``stderr`` and a line that was printed. It may be
        set anew before the program is run.
        """
        self._project = project
        self.on_line = on_line
        self._result, write = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hoaban.engine.embedded.runner", str(write)],
                cwd=project.folder,
                env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[write],
                start_new_session=True,  # Ctrl-C is the engine's to handle
            )
        finally:
            os.close(write)
        self._readers = [
            threading.Thread(target=self._pump, args=(name,), daemon=True)
            for name in ("stdout", "stderr")
        ]
        for reader in self._readers:
            reader.start()

    def _pump(self, name: str) -> None:
        stream = getattr(self._process, name)
        for line in stream:
            self.on_line(name, line.decode(errors="replace").rstrip("\n"))

    def run(
        self,
        name: StackName,
        address: str,
        config: Mapping[str, str | Secret],
        *,
        parallel: int,
        preview: bool,
    ) -> HoabanError | None:
        """Run the program against a monitor; returns what it failed with."""
        task = {
            "project": name.project,
            "stack": name.stack,
            "organization": ORGANIZATION,
            "root": str(self._project.folder),
            "main": str(self._project.main),
            "engine": address,
            "monitor": address,
            "config": {key: reveal(value) for key, value in config.items()},
            "secret_keys": [key for key, value in config.items() if isinstance(value, Secret)],
            "parallel": parallel,
            "preview": preview,
        }
        assert self._process.stdin is not None  # noqa: S101 (a pipe was asked for)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(task).encode() + b"\n")
            self._process.stdin.flush()
        with open(self._result, "rb") as stream:  # noqa: PTH123 (a descriptor)
            text = stream.read()
        self._result = -1
        code = self._process.wait()
        for reader in self._readers:
            reader.join()
        try:
            error = json.loads(text).get("error")
        except ValueError:  # empty, or cut off: it was killed before or while it told
            return ProgramError(
                f"the program's process ended with status {code} and no word",
                where=Location(file=str(self._project.main)),
                mend="look at what it printed; it may have been killed for want of memory",
            )
        return rebuild(error) if error else None

    def stop(self) -> None:
        """End the program, gently and then not."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def close(self) -> None:
        """Make sure that nothing is left of it."""
        self.stop()
        if self._result >= 0:
            os.close(self._result)
            self._result = -1
        for reader in self._readers:
            reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def rebuild(error: Mapping[str, Any]) -> HoabanError:
    """The error that a program's process told (see :func:`runner.describe`)."""
    if error["kind"] == "hoaban":
        kind = PolicyError if error["code"] == ExitCode.POLICY else HoabanError
        errors = [
            kind(
                one["what"],
                where=Location(**one.get("where", {})),
                mend=one.get("mend"),
                detail=one.get("detail"),
            )
            for one in error["errors"]
        ]
        return together(errors)
    return ProgramError(
        f"the program failed: {error['message']}",
        where=Location(file=error["file"], line=error["line"]),
        detail=error["traceback"],
        mend="correct the program; its traceback is shown",
    )
