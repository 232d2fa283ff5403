"""Runs the role ``openstack_lab`` on this machine, telling its steps as they come."""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ansible_runner

from hoaban.errors import HoabanError
from hoaban.image.mirror import host_mirror
from hoaban.lab import preflight
from hoaban.lab.logs import tail
from hoaban.mitogen import strategy
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hoaban.console import Step, Steps
    from hoaban.lab.hypervisor import Hypervisor
    from hoaban.lab.layout import Layout

TELL_SECONDS = 1.0
ROLE = "openstack_lab"
PLAYBOOK = "lab.yml"
# The role's task files, in its order; a task's name begins with its file's.
TITLES = {
    "packages": "Debian and Python packages",
    "configuration": "Configuration",
    "infrastructure": "Database server, message broker, network",
    "database": "Tables",
    "migrate": "Migrations",
    "services": "Services",
    "identity": "Users and catalogue",
    "agents": "Agents and hypervisor",
}


def digest() -> str:
    """Of what decides what a run makes: the role's files and the playbook.

    Paths of this checkout are no part of it, so that several checkouts can use one lab.
    """
    root = toolkit_root()
    role = root / "roles" / ROLE
    files = sorted(
        path
        for folder in ("defaults", "files", "library", "meta", "tasks", "templates", "vars")
        for path in (role / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )
    total = hashlib.sha256()
    for path in [*files, root / "playbooks" / PLAYBOOK]:
        total.update(f"{path.relative_to(root)}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def variables(layout: Layout) -> dict[str, Any]:
    """Variables of the role that this machine decides (secrets are in a file of their own)."""
    mirror = host_mirror()
    return {
        "openstack_lab_dir": str(layout.root),
        "openstack_lab_uv": str(preflight.uv()),
        "openstack_lab_debian_archive": mirror.archive,
        "openstack_lab_debian_security": mirror.security,
        "openstack_lab_apt_options": list(_proxies(mirror.options)),
    }


def _proxies(options: Sequence[str]) -> Iterator[str]:
    """Proxies that apt knows only by the environment of who calls it, as lines of apt.conf(5).

    The lab's mirror runs without that environment; what apt's own configuration says goes first.
    """
    for scheme in ("http", "https"):
        value = os.environ.get(f"{scheme}_proxy")
        if value and not any(line.startswith(f"Acquire::{scheme}::Proxy ") for line in options):
            yield f'Acquire::{scheme}::Proxy "{value}";'


def run(layout: Layout, hypervisor: Hypervisor, steps: Steps) -> None:
    """Apply the role. An error names the failed task and what its program logged last."""
    teller = _Teller(steps)
    # Ansible's notes of the run hold results of tasks: nothing of them stays behind.
    with tempfile.TemporaryDirectory(prefix="hoaban-lab-") as folder:
        result = ansible_runner.run(
            private_data_dir=folder,
            project_dir=str(toolkit_root()),
            playbook=str(toolkit_root() / "playbooks" / PLAYBOOK),
            inventory="localhost,",
            cmdline=shlex.join(["--extra-vars", f"@{layout.secrets}"]),
            extravars={**variables(layout), "openstack_lab_hypervisor": hypervisor.value},
            envvars=_environment(Path(folder)),
            settings={"pexpect_timeout": 1},
            suppress_env_files=True,
            quiet=True,
            event_handler=teller,
        )
        output = Path(folder) / "artifacts" / str(result.config.ident) / "stdout"
        said = output.read_text(errors="replace") if output.is_file() else ""
    teller.end(ok=result.rc == 0)
    if result.status == "canceled":
        raise KeyboardInterrupt
    if result.rc != 0:
        raise _failure(layout, teller, said)


def _environment(folder: Path) -> dict[str, str]:
    """Ansible's own settings: nothing of the machine's or of a checkout's configuration."""
    config = folder / "ansible.cfg"
    config.write_text("[defaults]\n")
    # Tasks share one process: a hundred starts of Python are a minute on two cores.
    return strategy() | {
        "ANSIBLE_CONFIG": str(config),
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "ANSIBLE_INVENTORY_ENABLED": "host_list",
        "ANSIBLE_ROLES_PATH": str(toolkit_root() / "roles"),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "",
    }


class _Teller:
    """Turns Ansible's events into steps: one a task file, with the task as its detail."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._step: Step | None = None
        self._timer: threading.Timer | None = None
        self._part = ""
        self.task = ""
        self.problem = ""
        self.program: str | None = None

    def __call__(self, event: Mapping[str, Any]) -> bool:
        data = event.get("event_data", {})
        kind = event.get("event")
        if kind == "playbook_on_task_start":
            self._task(str(data.get("name", "")))
        elif kind in {"runner_on_failed", "runner_item_on_failed"}:
            self._failed(data.get("res", {}))
        return True

    def _task(self, name: str) -> None:
        part, bar, what = name.rpartition(" : ")[2].partition(" | ")
        if not bar or part not in TITLES:
            return
        self.task = what
        self._still()
        if part != self._part:
            self.end(ok=True)
            self._part, self._step = part, self._steps.start(TITLES[part])
        self._tell_later(what)

    def _tell_later(self, what: str) -> None:
        """Name a task once it has taken a second: most are over by then."""
        step = self._step
        if step is None:
            return
        self._timer = threading.Timer(TELL_SECONDS, lambda: self._steps.update(step, what))
        self._timer.daemon = True
        self._timer.start()

    def _failed(self, result: Mapping[str, Any]) -> None:
        texts = [result.get(key) for key in ("msg", "stderr", "module_stderr")]
        problem = "\n".join(str(text).strip() for text in texts if text)
        if problem:
            self.problem = problem
        self.program = result.get("program", self.program)

    def _still(self) -> None:
        if self._timer:
            self._timer.cancel()

    def end(self, *, ok: bool) -> None:
        """End the step at hand."""
        self._still()
        if self._step:
            self._steps.end(self._step, ok=ok, detail="" if ok else self.task)
            self._step = None


def _failure(layout: Layout, teller: _Teller, said: str) -> HoabanError:
    evidence = teller.problem or said.strip()
    lines = evidence.splitlines()[-20:]
    mend = "what is done stays done; mend the cause, then: hoaban lab up"
    if teller.program:
        lines += ["", f"last lines of {teller.program}:", tail(layout, teller.program)]
        mend = f"see the whole log: hoaban lab logs {teller.program}; then: hoaban lab up"
    task = teller.task or "the playbook could not start"
    return HoabanError(f"the lab is not up: {task}", mend=mend, detail="\n".join(lines))
