"""Processes of this machine, and whether the lab's switch is among them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.lab.layout import Layout

SWITCH = "ovs-vswitchd"


def local_processes() -> Iterator[psutil.Process]:
    """Processes of this machine itself: a lab in a container has folders of the same names."""
    own = _pid_namespace(os.getpid())
    return (process for process in psutil.process_iter() if _pid_namespace(process.pid) == own)


def command_line(process: psutil.Process) -> list[str]:
    """Its words; none when it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def switches() -> list[psutil.Process]:
    """Open vSwitch, the lab's and that of anybody else."""
    return [process for process in local_processes() if _name(process) == SWITCH]


def is_of(layout: Layout, process: psutil.Process) -> bool:
    """Whether the process was started with files in the lab's folder."""
    return f"{layout.root}/" in " ".join(command_line(process))


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _pid_namespace(number: int) -> str:
    try:
        return str(Path(f"/proc/{number}/ns/pid").readlink())
    except OSError:  # it ended meanwhile
        return ""
