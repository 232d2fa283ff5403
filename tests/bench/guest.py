"""Real guests: from the order of a server to its log-in, its configuration, and its verification.

One department of two small servers on a foundation that stands, with all that ``hoaban up`` does
after provisioning. Needs the lab with qemu and the built guest image.
"""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from hoaban.console import Steps, stderr
from hoaban.converge.console import CloudConsole
from hoaban.converge.run import converge, prepare
from hoaban.delivery import deliver
from hoaban.engine.api import Options
from hoaban.errors import HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.lab.client import connect
from hoaban.lab.hypervisor import Hypervisor
from hoaban.lab.layout import Layout
from hoaban.provision.engines import engine_for
from hoaban.verify.model import Status
from hoaban.verify.run import verify
from tests.bench.figures import Figures
from tests.bench.stacks import (
    ANYTHING,
    SIZE,
    bench_province,
    destroy,
    must_have_image,
    must_serve,
    up,
)
from tests.cloud.province import AGENCY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.remote import Remote
    from tests.cloud.province import SmallProvince

LOG_IN_SECONDS = 300


def province(folder: Path) -> SmallProvince:
    """The province of the tests with real guests."""
    small = bench_province(folder)
    small.tiers["web"]["count"] = 1
    small.write()
    return small


def first_log_in(remote: Remote, host: str) -> float:
    """Time of the epoch at which a host lets the toolkit in, its key being the pinned one."""
    until = time.monotonic() + LOG_IN_SECONDS
    while not (result := remote.run(host, ["true"])).ok:
        if time.monotonic() > until:
            raise HoabanError(
                f"{host} did not let us in within {LOG_IN_SECONDS} s: {result.stderr}",
                mend="see its console: openstack console log show",
            )
        time.sleep(0.5)
    return time.time()


def epoch(told: str) -> float:
    """Nova's times are UTC, to the second, with and without a Z."""
    return datetime.fromisoformat(told.rstrip("Z")).replace(tzinfo=UTC).timestamp()


def emulators(server_ids: Iterable[str]) -> list[psutil.Process]:
    """The processes of guests, known by the server's id in their command line."""
    ids = set(server_ids)
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if words and "qemu-system" in words[0] and any(one in " ".join(words) for one in ids):
            found.append(process)
    return found


def from_order_to_log_in(small: SmallProvince, figures: Figures) -> float:
    """Provision the department and log in to its hosts; time of its first server's order."""
    target = small.target()
    with figures.time("up of the department (provisioning)"):
        up(target)
    fleet = Fleet.read(small.workspace)
    hosts = fleet.hosts_of(AGENCY)
    console = CloudConsole(target.province.spec.cloud, small.workspace.inventory)
    door = prepare(small.workspace, fleet, AGENCY, console, Steps(quiet=True))
    with ThreadPoolExecutor() as pool:
        logged_in = list(pool.map(lambda host: first_log_in(door.remote, host.name), hosts))
    servers = servers_of(hosts)
    ordered = [epoch(server.created_at) for server in servers]
    active = [epoch(server.launched_at) - at for server, at in zip(servers, ordered, strict=True)]
    figures.add("server's order to its start, s", active)
    taken = [at - start for at, start in zip(logged_in, ordered, strict=True)]
    figures.add("server's order to SSH log-in, s", taken)
    return min(ordered)


def servers_of(hosts: Iterable[ManagedHost]) -> list[Any]:
    """What Nova tells of the hosts' servers."""
    with connect(Layout.of_machine()) as cloud:
        return [cloud.compute.get_server(host.output.server_id) for host in hosts]


def department(small: SmallProvince, figures: Figures) -> None:
    """Everything about the department, in the order of ``hoaban up``."""
    start = from_order_to_log_in(small, figures)
    workspace, target = small.workspace, small.target()
    console = CloudConsole(target.province.spec.cloud, workspace.inventory)
    quiet = Steps(quiet=True)
    with figures.time("converge, all that is to do"):
        converge(workspace, AGENCY, console, quiet)
    figures.add("first server's order to converged, s", time.time() - start)
    with figures.time("verify"):
        report = verify(workspace, AGENCY, console, quiet)
    figures.add("first server's order to verified, s", time.time() - start)
    figures.add("checks passed", report.count(Status.PASS))
    figures.add("checks failed", report.count(Status.FAIL))
    with figures.time("converge, nothing to do"):
        again = converge(workspace, AGENCY, console, quiet)
    figures.add("changes of that", again.changed)
    ids = [host.output.server_id for host in Fleet.read(workspace).hosts_of(AGENCY)]
    guests = emulators(ids)
    kvm = any("accel=kvm" in " ".join(guest.cmdline()) for guest in guests)
    figures.add("guests run by", "KVM" if kvm else "emulation")
    memory = [guest.memory_full_info().pss / 2**20 for guest in guests]
    figures.add(f"memory of a guest of {SIZE['ram_mb']} MB, MiB", memory)


def main() -> Figures:
    """Deliver the foundation, measure the department, remove both."""
    must_serve(Hypervisor.QEMU)
    must_have_image()
    figures = Figures("guest")
    figures.add("cores", os.cpu_count() or 0)
    with tempfile.TemporaryDirectory(prefix="hoaban-bench-") as name:
        small = province(Path(name))
        try:
            stderr().print("the foundation: bastion and backup host …")
            with figures.time("foundation delivered"):
                deliver([small.target(None)], engine_for(), ANYTHING, Options(), quiet=True)
            stderr().print("the department …")
            department(small, figures)
        finally:
            for agency in (AGENCY, None):
                destroy(small.target(agency))
    return figures
