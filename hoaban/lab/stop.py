"""Takes the lab down, and away."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from hoaban.errors import HoabanError
from hoaban.lab.lock import locked
from hoaban.lab.network import is_tap
from hoaban.lab.processes import command_line, local_processes, switches
from hoaban.lab.services import KEEPERS
from hoaban.lab.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.console import Steps
    from hoaban.lab.layout import Layout

SHARE = Path("/lab:/cinder")
NAMESPACES = "ovnmeta-"
DATAPATH = "ovs-netdev"
"""Device that Open vSwitch's userspace datapath makes for itself, whatever bridges it has."""
_STOP_SECONDS = 40.0
_KILL_SECONDS = 5.0


def down(layout: Layout, steps: Steps) -> None:
    """Stop everything and keep the data. Guests that run are started again by the next ``up``."""
    with locked("down"):
        _down(layout, steps)


def destroy(layout: Layout, steps: Steps) -> None:
    """Stop everything, then remove all that the lab made; Debian packages stay."""
    with locked("destroy"):
        _down(layout, steps)
        with steps.step("Network devices"):
            for name in _devices(layout):
                _quietly("ip", "link", "delete", name)
        with steps.step("Files"):
            _remove(layout)


def _down(layout: Layout, steps: Steps) -> None:
    supervisor = Supervisor(layout)
    if supervisor.alive():
        with steps.step("Services"):
            supervisor.stop_together(set(supervisor.processes()) - set(KEEPERS), _STOP_SECONDS)
    with steps.step("Guests"):
        # After nova: it would take their end for the wish of their owners.
        _end(_guests(layout), signal.SIGTERM)
    if supervisor.pid() is not None:
        with steps.step("Database server, message broker, network"):
            if supervisor.alive():
                supervisor.stop_together(KEEPERS, _STOP_SECONDS)
            supervisor.shutdown()
    with steps.step("What they left"):
        _end(_left(layout), signal.SIGTERM)
        for name in _namespaces(layout):
            _quietly("ip", "netns", "delete", name)
        _unmount(layout)


def _guests(layout: Layout) -> list[psutil.Process]:
    """Emulators of this lab's guests."""
    instances = str(layout.state / "nova/qemu/instances")
    return [
        process
        for process in local_processes()
        if process.name().startswith("qemu-system") and instances in " ".join(command_line(process))
    ]


def _left(layout: Layout) -> list[psutil.Process]:
    """Processes that are no children of the supervisor any more, known by the lab's folder.

    Proxies of metadata and helpers with privileges are daemons of their own; RabbitMQ's port
    mapper is one by nature, and known by its environment.
    """
    root, own = f"{layout.root}/", os.getpid()
    programs = ("haproxy", "privsep-helper", "epmd", "dnsmasq", "uwsgi")
    found = []
    for process in local_processes():
        words = command_line(process)
        text = " ".join(words)
        if process.pid == own or not any(program in text for program in programs):
            continue
        try:
            place = process.environ().get("RABBITMQ_MNESIA_BASE", "")
        except psutil.Error:
            place = ""
        if root in text or root in place:
            found.append(process)
    return found


def _end(processes: Iterable[psutil.Process], first: signal.Signals) -> None:
    processes = list(processes)
    for process in processes:
        _signal(process, first)
    _, stubborn = psutil.wait_procs(processes, timeout=_KILL_SECONDS)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=_KILL_SECONDS)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _namespaces(layout: Layout) -> list[str]:
    """Network namespaces that neutron's agent made for the metadata of this lab's networks."""
    if not layout.state.is_dir():
        return []
    listing = subprocess.run(
        ["ip", "-json", "netns", "list"], capture_output=True, text=True, check=False
    ).stdout
    names = [item["name"] for item in json.loads(listing or "[]")]
    return [name for name in names if name.startswith(NAMESPACES)]


def _devices(layout: Layout) -> list[str]:
    """Devices of the lab's bridges, as the network's database has them; it need not run.

    That of the datapath is in no database, and goes once no other switch of this machine lives
    that could use it.
    """
    database = layout.state / "ovs/conf.db"
    if not database.is_file():
        return []
    query = [
        "Open_vSwitch",
        {"op": "select", "table": "Interface", "where": [], "columns": ["name"]},
    ]
    done = subprocess.run(
        ["ovsdb-tool", "query", database, json.dumps(query)],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = json.loads(done.stdout)[0]["rows"] if done.returncode == 0 else []
    names = [row["name"] for row in rows]
    if not switches():
        names.append(DATAPATH)
    # A device of the same name that somebody else made meanwhile is none of the lab's.
    return [name for name in names if is_tap(name)]


def _mounts(layout: Layout) -> list[str]:
    """Mount points of the lab, the innermost first."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    points = [line.split(" ")[1].replace("\\040", " ") for line in lines]
    root = f"{layout.root}/"
    ours = [point for point in points if point.startswith(root) or point == str(SHARE)]
    return ours[::-1]


def _unmount(layout: Layout) -> None:
    """Unmount all, trying again for a moment: ended processes release their files late."""
    end = time.monotonic() + _KILL_SECONDS
    while mounts := _mounts(layout):
        for point in mounts:
            _quietly("umount", point)
        if time.monotonic() > end:
            for point in _mounts(layout):
                _quietly("umount", "--lazy", point)
            break
        time.sleep(0.1)


def _remove(layout: Layout) -> None:
    mounts = _mounts(layout)
    if mounts:
        raise HoabanError(
            f"{mounts[0]} is still mounted, so the lab's files are left",
            mend=f"see who uses it: fuser -vm {mounts[0]}; then: hoaban lab destroy",
        )
    if layout.root.is_dir() and not layout.secrets.is_file() and any(layout.root.iterdir()):
        raise HoabanError(
            f"{layout.root} does not look like the folder of a lab, so it is left",
            mend="look at it and remove it by hand, or set HOABAN_LAB_DIR",
        )
    if layout.root.is_dir():
        shutil.rmtree(layout.root)
    if SHARE.is_dir():
        SHARE.rmdir()
        SHARE.parent.rmdir()


def _quietly(*command: str) -> None:
    subprocess.run(command, capture_output=True, check=False)
