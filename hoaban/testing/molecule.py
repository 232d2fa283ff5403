"""Runs the roles' Molecule scenarios, and sees that their success means something.

``python -m hoaban.testing.molecule`` tests all roles, ``… base firewall`` some (and so does
``make molecule ROLE="base firewall"``). Beyond Molecule's
own sequence every scenario must show, by a record of its playbook runs, that

- each play reached every instance (a play whose hosts match nothing passes otherwise), and
- check mode, on hosts that had nothing yet, predicted exactly the changes that converge made.

Where a task can't be predicted (a service can't be asked before it is there), the scenario's file
``unforeseen.yml`` names it with the reason. Such a task may change what check mode said nothing
of; it may not be predicted, and all other tasks are judged as ever.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import yaml
from pydantic import TypeAdapter
from rich.table import Table
from rich.text import Text

from hoaban.console import print_error, stdout
from hoaban.errors import HoabanError
from hoaban.mitogen import strategy
from hoaban.model.types import Model
from hoaban.testing.image import ensure_image
from hoaban.testing.instances import (
    ROOT,
    Machine,
    Platform,
    destroy,
    images,
    podman_home,
    read_platforms,
)
from hoaban.testing.judgement import failures, judge
from hoaban.testing.podman import Podman
from hoaban.testing.turn import seat, turn

if TYPE_CHECKING:
    from collections.abc import Iterator

SIDE_BY_SIDE = 3
"""Tests at a time. They wait more than they compute: two kept two cores 55 % busy."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario of one role."""

    path: Path

    @property
    def role(self) -> Path:
        """Folder of the role."""
        return self.path.parent.parent

    @property
    def label(self) -> str:
        """``role`` for its scenario ``default``, else ``role/scenario``."""
        name = self.path.name
        return self.role.name if name == "default" else f"{self.role.name}/{name}"

    @property
    def platforms(self) -> list[Platform]:
        """Its instances."""
        return read_platforms(self.path / "molecule.yml")

    @property
    def boots(self) -> bool:
        """Whether an instance is an emulated guest, not a container."""
        return any(isinstance(platform, Machine) for platform in self.platforms)

    @property
    def files(self) -> int:
        """How many files the role has."""
        return sum(path.is_file() for path in self.role.rglob("*"))

    def clear(self, home: Path) -> None:
        """Remove the instances that a test which was killed left in its podman."""
        destroy(Podman(home), self.platforms)

    @property
    def unforeseen(self) -> set[str]:
        """Names of the tasks that check mode can't predict, of the file ``unforeseen.yml``."""
        path = self.path / "unforeseen.yml"
        if not path.is_file():
            return set()
        adapter: TypeAdapter[list[Unforeseen]] = TypeAdapter(list[Unforeseen])
        entries = adapter.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
        return {name for entry in entries for name in entry.tasks}


class Unforeseen(Model):
    """Tasks that check mode can't predict, by their full names, and why it can't."""

    reason: str
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """How a scenario went."""

    label: str
    complaints: tuple[str, ...]
    seconds: float


def find_scenarios(root: Path, wanted: list[str]) -> list[Scenario]:
    """Scenarios of the roles named in ``wanted`` (as ``role`` or ``role/scenario``), or all."""
    files = sorted(root.glob("roles/*/molecule/*/molecule.yml"))
    found = [Scenario(path.parent) for path in files]
    unknown = [name for name in wanted if all(name not in {s.label, s.role.name} for s in found)]
    if unknown:
        raise HoabanError(
            f"no Molecule scenario for: {', '.join(unknown)}",
            mend=f"there are: {', '.join(scenario.label for scenario in found)}",
        )
    return [s for s in found if not wanted or {s.label, s.role.name} & set(wanted)]


def environment(podman: Podman, scratch: Path) -> dict[str, str]:
    """Variables for Molecule: podman's, Ansible's places in this checkout, mitogen."""
    binaries = Path(sys.executable).parent
    return (
        podman.environment
        | strategy()
        | {
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "HOABAN_ROOT": str(ROOT),
            "HOABAN_GUESTS": str(podman.home.parent / "guests"),
            "HOABAN_RECORD": str(scratch / "record.jsonl"),
            "MOLECULE_EPHEMERAL_DIRECTORY": str(scratch / "molecule"),
            "ANSIBLE_ROLES_PATH": str(ROOT / "roles"),
            "ANSIBLE_LIBRARY": str(ROOT / "hoaban/plugins/modules"),
            "ANSIBLE_ACTION_PLUGINS": str(ROOT / "hoaban/plugins/action"),
            "ANSIBLE_FILTER_PLUGINS": str(ROOT / "hoaban/plugins/filter"),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "hoaban/plugins/callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "record_changes",
        }
    )


def run_test(scenario: Scenario, podman: Podman, out: IO[bytes] | None = None) -> Result:
    """Run the whole test sequence of a scenario and judge it.

    What Molecule prints goes to ``out``, or where this program prints.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hoaban-molecule-") as folder:
        scratch = Path(folder)
        variables = environment(podman, scratch)
        status = _molecule(scenario, "test", variables, out)
        path = Path(variables["HOABAN_RECORD"])
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    records = [json.loads(line) for line in lines]
    if status:
        complaints = [f"molecule test ended with status {status}", *failures(records)]
    else:
        instances = {platform.name for platform in scenario.platforms}
        complaints = judge(records, instances, scenario.unforeseen)
    return Result(scenario.label, tuple(complaints), time.monotonic() - started)


def run_action(scenario: Scenario, action: str, podman: Podman) -> Result:
    """Run one of Molecule's actions, on instances that stay between calls."""
    started = time.monotonic()
    scratch = podman.home / "scenarios" / scenario.label
    scratch.mkdir(parents=True, exist_ok=True)
    status = _molecule(scenario, action, environment(podman, scratch))
    complaints = (f"molecule {action} ended with status {status}",) if status else ()
    return Result(scenario.label, complaints, time.monotonic() - started)


def _molecule(
    scenario: Scenario, action: str, variables: dict[str, str], out: IO[bytes] | None = None
) -> int:
    command = ("molecule", action, "--no-command-borders", "--scenario-name", scenario.path.name)
    return subprocess.run(
        command,
        cwd=scenario.role,
        env=os.environ | variables,
        stdout=out,
        stderr=subprocess.STDOUT if out else None,
        check=False,
    ).returncode


def test_all(scenarios: list[Scenario], podman: Podman, parallel: int) -> Iterator[Result]:
    """Test scenarios, some of them side by side; each result as soon as it is there.

    One at a time prints as it goes. Of several, each prints when it has ended, so that nobody has
    to tell their lines apart. Guests, and then the largest roles, go first, since their tests take
    longest: a long one that begins last runs alone.
    """
    if parallel == 1 or len(scenarios) == 1:
        for scenario in scenarios:
            stdout().print(f"\n== {scenario.label}: molecule test", markup=False)
            yield _in_turn(scenario, podman, parallel, None)
        return
    with ThreadPoolExecutor(parallel) as pool:
        ordered = sorted(scenarios, key=lambda one: (one.boots, one.files), reverse=True)
        running = [pool.submit(_printed_after, scenario, podman, parallel) for scenario in ordered]
        for future in as_completed(running):
            result, printed = future.result()
            stdout().print(f"\n== {result.label}: molecule test", markup=False)
            sys.stdout.flush()
            sys.stdout.buffer.write(printed)
            sys.stdout.buffer.flush()
            yield result


def _printed_after(scenario: Scenario, podman: Podman, seats: int) -> tuple[Result, bytes]:
    stdout().print(f"{scenario.label}: begun", markup=False)
    with tempfile.TemporaryFile() as out:
        result = _in_turn(scenario, podman, seats, out)
        out.seek(0)
        return result, out.read()


def _in_turn(scenario: Scenario, podman: Podman, seats: int, out: IO[bytes] | None) -> Result:
    with turn(scenario.label, podman.home, scenario.clear), seat(seats):
        return run_test(scenario, podman, out)


def report(results: list[Result], seconds: float) -> None:
    """Print what took how long, and then what is wrong with it, at the width that it has."""
    table = Table(box=None, pad_edge=False)
    for title in ("scenario", "result"):
        table.add_column(title)
    table.add_column("seconds", justify="right")
    for result in results:
        word = "failed" if result.complaints else "passed"
        table.add_row(result.label, word, f"{result.seconds:.1f}")
    table.add_row("total", "", f"{seconds:.1f}")
    stdout().print(table)
    for result in results:
        for complaint in result.complaints:
            stdout().print(Text(f"{result.label}: {complaint}"), soft_wrap=True)


def main(arguments: list[str] | None = None) -> int:
    """Test, print a table of what took how long, exit with 1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m hoaban.testing.molecule")
    parser.add_argument(
        "roles",
        nargs="*",
        metavar="ROLE",
        help="role or role/scenario; those named by the variable ROLE, or all, by default",
        default=os.environ.get("ROLE", "").split(),
    )
    parser.add_argument("--action", default="test", help="another of Molecule's actions")
    parser.add_argument(
        "--parallel",
        type=int,
        default=min(SIDE_BY_SIDE, (os.cpu_count() or 1) + 1),
        metavar="N",
        help="tests side by side (default: %(default)s); with 1 each prints as it goes",
    )
    options = parser.parse_args(arguments)
    scenarios = find_scenarios(ROOT, options.roles)
    podman = Podman.prepare(podman_home())
    started = time.monotonic()
    results = []
    recipes = images([platform for scenario in scenarios for platform in scenario.platforms])
    for recipe in sorted(recipes, key=lambda recipe: recipe.codename):
        begun = time.monotonic()
        if ensure_image(podman, recipe):
            label = f"(image {recipe.codename})"
            results.append(Result(label, (), time.monotonic() - begun))
    if options.action == "test":
        results += test_all(scenarios, podman, options.parallel)
    else:
        for scenario in scenarios:
            stdout().print(f"\n== {scenario.label}: molecule {options.action}", markup=False)
            with seat(options.parallel):
                results.append(run_action(scenario, options.action, podman))
    report(results, time.monotonic() - started)
    return 1 if any(result.complaints for result in results) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HoabanError as error:
        print_error(error)
        sys.exit(int(error.exit_code))
