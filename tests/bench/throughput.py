"""Throughput of tunnels, backup and restore: each against the plain way in the same run."""

from __future__ import annotations

from hoaban.lab.hypervisor import Hypervisor
from tests.bench import backups, tunnels
from tests.bench.figures import Figures
from tests.bench.stacks import must_have_image, must_serve


def main() -> Figures:
    """Both, one after the other: neither is in the other's way."""
    must_serve(Hypervisor.QEMU)
    must_have_image()
    figures = Figures("throughput")
    tunnels.measure(figures)
    backups.measure(figures)
    return figures
