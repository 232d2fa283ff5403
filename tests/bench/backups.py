"""Backup and restore between two hosts that the product configured, against ``tar | ssh``.

Both take the same files over the same network to the same volume. ssh answers on the port of the
store, which rests meanwhile: all packet filters stay as they are.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hoaban.console import Steps, stderr
from hoaban.converge.console import CloudConsole
from hoaban.converge.run import converge, prepare
from hoaban.inventory.fleet import Fleet
from hoaban.lab.hypervisor import Hypervisor
from tests.bench.figures import Figures, ratios, rounds
from tests.bench.stacks import bench_province, destroy, must_have_image, must_serve, up
from tests.bench.twohosts import TwoHosts

if TYPE_CHECKING:
    from tests.cloud.province import SmallProvince

ROUNDS: Final = 3
LONGEST: Final = 360
"""Seconds after which no round begins any more."""
FILES, MEGABYTES, CHANGED = 4000, 200, 0.01
KEEPER, CLIENT = "backup-1", "files-1"
OURS, PLAIN = "hoaban", "tar | ssh"
FIRST, SECOND, RESTORE = "first backup", "second backup, 1 % changed", "restore"


def province(folder: Path) -> SmallProvince:
    """A province of a bastion, a backup host and a host with data; such a host is backed up."""
    small = bench_province(folder)
    hosts = small.province["hosts"]
    hosts[KEEPER]["volumes"][0]["size_gb"] = 2
    hosts[CLIENT] = {
        "size": "tiny",
        "zone": "services",
        "services": ["time"],
        "volumes": [{"name": "files", "size_gb": 2, "mount": "/srv/files"}],
    }
    small.write()
    return small


@dataclass(slots=True)
class Bout:
    """Seconds of both ways for each kind of work, one a round."""

    seconds: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    added: dict[str, list[float]] = field(default_factory=dict)
    """MB that each backup found to be new."""

    def note(self, work: str, way: str, seconds: float) -> None:
        """One more round of it."""
        stderr().print(f"  {work}, {way}: {seconds:.1f} s")
        self.seconds.setdefault((work, way), []).append(seconds)

    def tell(self, figures: Figures) -> None:
        """Note seconds, MB/s of what is kept, and the ratios."""
        for (work, way), seconds in self.seconds.items():
            figures.add(f"{work}, {way}, s", seconds)
        for (work, way), seconds in self.seconds.items():
            figures.add(f"{work}, {way}, MB/s", [MEGABYTES / one for one in seconds])
        for work, added in self.added.items():
            figures.add(f"{work}, MB that were new", added)
        for work in dict.fromkeys(work for work, _ in self.seconds):
            ours, plain = self.seconds[work, OURS], self.seconds[work, PLAIN]
            figures.add(f"{work}, time to that of {PLAIN}, ratio", ratios(ours, plain))


def round_of(number: int, hosts: TwoHosts, bout: Bout) -> None:
    """Both ways of all works, on new files."""
    order = (OURS, PLAIN) if number % 2 else (PLAIN, OURS)
    hosts.make_files(number, FILES, MEGABYTES * 10**6)
    for work in (FIRST, SECOND):
        if work == SECOND:
            hosts.change_files(number, CHANGED)
        for way in order:
            bout.note(work, way, hosts.back_up() if way == OURS else hosts.send())
        bout.added.setdefault(work, []).append(hosts.last()["snapshot"]["added_bytes"] / 1e6)
    for way in order:
        bout.note(RESTORE, way, hosts.restore() if way == OURS else hosts.fetch())
        hosts.check_equal()


def deliver(small: SmallProvince, figures: Figures) -> TwoHosts:
    """Provision and configure the province."""
    target, workspace = small.target(None), small.workspace
    stderr().print("a province of bastion, backup host and a host with files …")
    with figures.time("province made"):
        up(target)
    console = CloudConsole(target.province.spec.cloud, workspace.inventory)
    quiet = Steps(quiet=True)
    with figures.time("province booted and configured"):
        converge(workspace, None, console, quiet)
    fleet = Fleet.read(workspace)
    door = prepare(workspace, fleet, None, console, quiet)
    hosts = TwoHosts(door.remote, CLIENT, KEEPER, str(fleet.host(KEEPER).plan.ipv4))
    hosts.prepare()
    return hosts


def measure(figures: Figures) -> None:
    """Deliver the province on the lab, measure, remove it."""
    with tempfile.TemporaryDirectory(prefix="hoaban-bench-") as name:
        small = province(Path(name))
        try:
            hosts = deliver(small, figures)
            bout = Bout()
            hosts.back_up()  # what the host has besides
            for number in rounds(ROUNDS, LONGEST):
                round_of(number, hosts, bout)
            figures.add("cipher of ssh", hosts.cipher())
            figures.add("rounds", len(bout.added[FIRST]))
            figures.add("files", FILES)
            figures.add("MB of files", MEGABYTES)
            bout.tell(figures)
        finally:
            destroy(small.target(None))


def main() -> Figures:
    """Backups alone."""
    must_serve(Hypervisor.QEMU)
    must_have_image()
    figures = Figures("backups")
    measure(figures)
    return figures
