"""``make bench``, or ``python -m tests.bench [PART …]``: the figures of this machine.

Each part prints its figures and leaves them as JSON in ``.hoaban/bench/``; docs/benchmarks.md says
what they mean. The engine alone: ``python -m tests.bench.engine``.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from hoaban.console import print_error
from hoaban.errors import HoabanError
from tests.bench import agencies, backups, guest, hardening, lab, throughput, tunnels, vpn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.figures import Figures

PARTS: dict[str, Callable[[], Figures]] = {
    "agencies": agencies.main,  # the lab with the fake hypervisor
    "backups": backups.main,  # half of throughput
    "guest": guest.main,  # the lab with qemu
    "hardening": hardening.main,  # the guest image, qemu, a mirror of Debian
    "lab": lab.main,  # stops it and starts it
    "throughput": throughput.main,  # the lab with qemu
    "tunnels": tunnels.main,  # the other half of throughput
    "vpn": vpn.main,  # nothing: planning and rendering
}


def main() -> int:
    """Run the parts in the order given."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (agencies)")
    parser.add_argument("--cold", action="store_true", help="lab: destroy it and make it anew")
    asked = parser.parse_args()
    parts = asked.parts or ["agencies"]
    unknown = set(parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if asked.cold and "lab" not in parts:
        parser.error("--cold goes with the part lab")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled modules are how it is used
    for name in parts:
        try:
            figures = lab.main(is_cold=asked.cold) if name == "lab" else PARTS[name]()
        except HoabanError as error:
            print_error(error)
            return 1
        print(f"kept in {figures.save()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
