"""One run of a playbook by ansible-runner, with its events told as they come."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import ansible_runner
import psutil

from hoaban.errors import HoabanError
from hoaban.mitogen import strategy
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hoaban.workspace import Workspace

KEPT_RUNS: Final = 20
GRACE_SECONDS: Final = 15.0
"""How long Ansible may take to stop by itself after Ctrl-C."""
COUNT_SECONDS: Final = 60.0


class Transport(StrEnum):
    """How tasks reach a host."""

    MITOGEN = "mitogen"
    SSH = "ssh"


@dataclass(frozen=True, slots=True)
class Run:
    """What to run: a playbook's file name, on which hosts, and how."""

    playbook: str
    limit: str
    check: bool = False
    diff: bool = False
    tags: tuple[str, ...] = ()
    transport: Transport = Transport.MITOGEN
    extra_vars: Mapping[str, Any] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        """Arguments of ``ansible-playbook`` beyond playbook and inventory."""
        arguments = ["--limit", self.limit]
        arguments += ["--check"] if self.check else []
        arguments += ["--diff"] if self.diff else []
        arguments += ["--tags", ",".join(self.tags)] if self.tags else []
        return arguments


def environment(workspace: Workspace, transport: Transport) -> dict[str, str]:
    """Environment variables of Ansible for a workspace, on top of this process's own."""
    root = toolkit_root()
    values = {
        # The command may have been called by its path alone.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_CONFIG": str(root / "ansible.cfg"),
        "ANSIBLE_INVENTORY": str(workspace.inventory / "hoaban.yml"),
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        # Ansible refuses a locale that this machine has not made, such as that of who logged in.
        "LC_ALL": "C.UTF-8",
        # ansible-runner turns this off unless it is set.
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "HOABAN_ROOT": str(workspace.root),
        "HOABAN_HOME": str(workspace.home),
    }
    if transport is Transport.MITOGEN:
        values |= strategy(
            "install the toolkit's own environment (make setup), or use --transport ssh"
        )
    return values


def _connection(transport: Transport) -> dict[str, str]:
    """Variables of the connection.

    mitogen keeps one of its own. Over one that is kept beside it, a host that a new packet filter
    has locked would still seem to be open. It compresses by itself, ssh need not do it again.
    """
    if transport is not Transport.MITOGEN:
        return {}
    return {"ansible_ssh_extra_args": "-o ControlPath=none", "mitogen_ssh_compression": "no"}


def playbook_path(name: str) -> Path:
    """File of one of the toolkit's playbooks."""
    return toolkit_root() / "playbooks" / name


def count_tasks(workspace: Workspace, run: Run) -> int:
    """How many tasks the run has at least (tasks included at run time are not known before)."""
    command = [
        str(_tool("ansible-playbook")),
        str(playbook_path(run.playbook)),
        *run.arguments(),
        "--list-tasks",
    ]
    try:
        listing = subprocess.run(
            command,
            env={**os.environ, **environment(workspace, Transport.SSH)},
            capture_output=True,
            text=True,
            timeout=COUNT_SECONDS,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired:
        return 0
    return len(re.findall(r"^      \S.*\bTAGS: \[", listing, re.MULTILINE))


def play(workspace: Workspace, run: Run, on_event: Callable[[Mapping[str, Any]], None]) -> Path:
    """Run the playbook to its end; returns the folder of its log. Does not judge its tasks.

    Raises :class:`KeyboardInterrupt` once Ansible has stopped after Ctrl-C, and
    :class:`HoabanError` when Ansible could not start its work, or did not come to the end of it.
    """
    folder = _run_folder(workspace, run)
    course = _Course()

    def handler(event: Mapping[str, Any]) -> bool:
        course.take(event)
        on_event(event)
        return True

    def forget_environment(*_: object, **__: object) -> bool:
        # ansible-runner writes down its environment, which may hold credentials of the cloud.
        (folder / "artifacts/run/command").unlink(missing_ok=True)
        return True

    with _interruptible() as cancelled:
        result = ansible_runner.run(
            private_data_dir=str(folder),
            ident="run",
            project_dir=str(toolkit_root()),
            playbook=str(playbook_path(run.playbook)),
            inventory=str(workspace.inventory / "hoaban.yml"),
            cmdline=shlex.join(run.arguments()),
            envvars=environment(workspace, run.transport),
            extravars={**_connection(run.transport), **run.extra_vars},
            settings={"pexpect_timeout": 1},
            suppress_env_files=True,
            quiet=True,
            event_handler=handler,
            status_handler=forget_environment,
            cancel_callback=cancelled,
        )
    if cancelled.asked:
        raise KeyboardInterrupt
    if not course.whole(result.rc):
        how = "ended early" if course.started else "did not start"
        status = "killed by a signal" if result.rc is None else f"status {result.rc}"
        raise HoabanError(
            f"ansible-playbook {run.playbook} {how} ({status})",
            mend=f"the whole output is in {folder}/artifacts/run/stdout",
            detail=_last_words(folder),
        )
    return folder


@dataclass(slots=True)
class _Course:
    """How far a run came, by its events: the status alone can't tell.

    Ansible ends with 2 or 4 when tasks failed, and with the same numbers when it gave up itself
    (4 is also its status for YAML that it can't read). Only a run that came to its end has a recap.
    """

    started: bool = False
    failed: bool = False
    ended: bool = False

    def take(self, event: Mapping[str, Any]) -> None:
        """Note what an event says."""
        kind = str(event.get("event", ""))
        data = event.get("event_data") or {}
        self.started |= kind.startswith("runner_on_")
        self.failed |= kind in ("runner_on_failed", "runner_on_unreachable") and not data.get(
            "ignore_errors"
        )
        self.ended |= kind == "playbook_on_stats"

    def whole(self, status: int | None) -> bool:
        """Whether all was done, or tasks that failed are why it was not."""
        return self.ended and (self.failed or not status)


class _Cancel:
    """Asks Ansible to stop, once; tells ansible-runner to kill it when it does not."""

    def __init__(self) -> None:
        self.asked = False
        self._deadline = 0.0

    def ask(self, *_: object) -> None:
        """Interrupt Ansible as Ctrl-C at its own terminal would; a second call kills it."""
        if self.asked:
            self._deadline = 0.0
            return
        self.asked = True
        self._deadline = time.monotonic() + GRACE_SECONDS
        for child in psutil.Process().children():
            if any("ansible-playbook" in word for word in child.cmdline()):
                child.send_signal(signal.SIGINT)

    def __call__(self) -> bool:
        """Whether ansible-runner shall kill the run now."""
        return self.asked and time.monotonic() >= self._deadline


@contextmanager
def _interruptible() -> Iterator[_Cancel]:
    cancel = _Cancel()
    if threading.current_thread() is not threading.main_thread():
        yield cancel
        return
    before = signal.signal(signal.SIGINT, cancel.ask)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, before)


def _run_folder(workspace: Workspace, run: Run) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    parent = workspace.logs / "converge"
    workspace.ensure_home()
    folder = parent / f"{stamp}-{Path(run.playbook).stem}"
    folder.mkdir(mode=0o700, parents=True)
    for old in sorted(parent.iterdir())[:-KEPT_RUNS]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def _last_words(folder: Path) -> str:
    output = folder / "artifacts/run/stdout"
    text = output.read_text(encoding="utf-8", errors="replace") if output.is_file() else ""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    return "\n".join(line for line in lines if line.strip()[:1] not in ("", "*"))[-2000:]


def _tool(name: str) -> Path:
    """A program of the environment that this Python runs in."""
    return Path(sys.executable).parent / name
