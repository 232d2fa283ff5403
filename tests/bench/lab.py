"""The lab itself: how long it takes to stop and to start, and what it takes of the machine.

It stops the lab of this machine, and with ``--cold`` it destroys it: ask those who use it first.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from hoaban.console import Steps
from hoaban.errors import HoabanError
from hoaban.lab import start, stop
from hoaban.lab.client import connect
from hoaban.lab.hypervisor import Hypervisor, chosen
from hoaban.lab.layout import Layout
from hoaban.lab.supervisor import Supervisor
from tests.bench.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES = Path("/var/cache/hoaban/lab")  # openstack_lab_cache_dir


def must_be_idle(layout: Layout) -> None:
    """An error when the lab has servers: it is being used."""
    if not Supervisor(layout).alive():
        return
    with connect(layout) as cloud:
        servers = [server.name for server in cloud.compute.servers(all_projects=True)]
    if servers:
        raise HoabanError(
            f"the lab has {len(servers)} servers ({', '.join(sorted(servers)[:3])} …), which this "
            "benchmark would stop",
            mend="remove them, or wait for those who use them",
        )


def namespace(pid: int) -> str:
    """The process namespace that a process is in (pid_namespaces(7))."""
    return str(Path(f"/proc/{pid}/ns/pid").readlink())


def processes(layout: Layout) -> Iterator[psutil.Process]:
    """Everything that the lab runs, without guests."""
    number = Supervisor(layout).pid()
    if number is None:
        return
    top = psutil.Process(number)
    family = {top.pid, *(child.pid for child in top.children(recursive=True))}
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            here = namespace(process.pid) == namespace(os.getpid())
        except (psutil.Error, OSError):
            continue
        # Some are daemons of their own, known by the lab's folder in their command line; a lab in a
        # container has the same.
        ours = process.pid in family or (here and f"{layout.root}/" in words)
        if ours and process.pid != os.getpid() and "qemu-system" not in words:
            yield process


def memory_mib(layout: Layout) -> float:
    """Memory of the lab's processes; what several share is counted once (PSS)."""
    total = 0
    for process in processes(layout):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:  # it ended meanwhile
            continue
    return total / 2**20


def disk_mib(folder: Path) -> float:
    """What a folder takes on its own file system."""
    device = folder.stat().st_dev
    total = 0
    for top, folders, files in os.walk(folder):
        here = Path(top)
        folders[:] = [one for one in folders if (here / one).lstat().st_dev == device]
        for name in files:
            try:
                total += (here / name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total / 2**20


def warm(layout: Layout, hypervisor: Hypervisor, figures: Figures) -> None:
    """Stop the lab, start it, start it though it runs."""
    quiet = Steps(quiet=True)
    with figures.time("down"):
        stop.down(layout, quiet)
    with figures.time("warm start, until every service answers"):
        start.up(layout, hypervisor, quiet)
    with figures.time("up of a lab that runs"):
        start.up(layout, hypervisor, quiet)


def cold(layout: Layout, hypervisor: Hypervisor, figures: Figures) -> None:
    """Destroy the lab and make it anew, with no package and no table at hand.

    Debian packages stay: nothing of this machine's is removed for a figure.
    """
    quiet = Steps(quiet=True)
    with figures.time("destroy"):
        stop.destroy(layout, quiet)
    shutil.rmtree(TABLES, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="hoaban-bench-") as empty:
        before = os.environ.get("UV_CACHE_DIR")
        os.environ["UV_CACHE_DIR"] = empty
        try:
            with figures.time("cold start, Debian packages there"):
                start.up(layout, hypervisor, quiet)
        finally:
            del os.environ["UV_CACHE_DIR"]
            if before is not None:
                os.environ["UV_CACHE_DIR"] = before


def main(*, is_cold: bool = False) -> Figures:
    """Measure the lab as it is chosen (``hoaban lab up --hypervisor …`` decides)."""
    layout = Layout.of_machine()
    must_be_idle(layout)
    hypervisor = chosen(layout) or Hypervisor.QEMU
    figures = Figures("lab")
    figures.add("hypervisor", hypervisor.value)
    if is_cold:
        cold(layout, hypervisor, figures)
        with figures.time("up of it again, tables kept, nothing to do"):
            start.up(layout, hypervisor, Steps(quiet=True))
    warm(layout, hypervisor, figures)
    figures.add("processes", len(list(processes(layout))))
    figures.add("memory without guests, MiB", memory_mib(layout))
    figures.add("disk, MiB", disk_mib(layout.root))
    return figures
