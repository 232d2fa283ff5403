"""The embedded engine alone, against a cloud in memory: ``python -m tests.bench.engine [COUNT …]``.

Prints one JSON object a line. Wall seconds drift with the machine's load, so CPU seconds of the
engine and of the program's process stand beside them, and ``up`` is told as a ratio to its limit:
the depth of the dependency graph times the latency of a call, at the given parallelism.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.engine.conftest import Lab
from tests.engine.fake_provider import FakeCloud

PARALLEL = 32
LATENCY_SECONDS = 0.05

OPENSTACK = """
import pulumi_openstack as openstack

networks = [
    openstack.networking.Network(f"net{{i}}", admin_state_up=True, tags=["bench"])
    for i in range({count} // 10)
]
for i in range({count} - {count} // 10):
    openstack.networking.Subnet(
        f"sub{{i}}",
        network_id=networks[i % len(networks)].id,
        cidr="10.20.0.0/24",
        ip_version=4,
        dns_nameservers=["192.0.2.53"],
    )
"""


def measured(lab: Lab, verb: str, count: int, what: str) -> dict[str, Any]:
    """One operation, with what it took."""
    before, started = os.times(), time.monotonic()
    result = lab.run(verb, parallel=PARALLEL)
    wall, after = time.monotonic() - started, os.times()
    return {
        "operation": verb,
        "what": what,
        "resources": count,
        "changes": dict(result.changes),
        "wall_seconds": round(wall, 2),
        "engine_cpu_seconds": round(after.user + after.system - before.user - before.system, 2),
        "program_cpu_seconds": round(
            after.children_user + after.children_system
            - before.children_user - before.children_system, 2
        ),
        "engine_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "program_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }  # fmt: skip


def bench(count: int) -> list[dict[str, Any]]:
    """All operations on one stack of ``count`` resources."""
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), FakeCloud(refuses_in_use=False))
        lab.program("")
        found.append(measured(lab, "preview", 0, "empty program"))
        lab.program(OPENSTACK.format(count=count))
        found.append(measured(lab, "preview", count, "all to be created"))
        lab.cloud.delay = LATENCY_SECONDS
        made = measured(lab, "up", count, f"all created, {LATENCY_SECONDS} s a call")
        # Networks first, then subnets: each layer takes its share of the calls in parallel.
        layers = (count // 10, count - count // 10)
        limit = sum(-(-layer // PARALLEL) for layer in layers) * LATENCY_SECONDS
        made["limit_seconds"] = round(limit, 2)
        made["ratio_to_limit"] = round(made["wall_seconds"] / limit, 2)
        found.append(made)
        lab.cloud.delay = 0.0
        found.append(measured(lab, "up", count, "nothing changed"))
        found.append(measured(lab, "preview", count, "nothing changed"))
        found.append(measured(lab, "refresh", count, "nothing changed"))
        found.append(measured(lab, "destroy", count, "all deleted"))
        state = next(Path(folder).glob("backend/.pulumi/backups/**/*.json"))
        found[-1]["state_kb"] = state.stat().st_size // 1024
    return found


def main() -> None:
    """Print the figures of each count asked for."""
    for count in [int(text) for text in sys.argv[1:]] or [1000]:
        for line in bench(count):
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
