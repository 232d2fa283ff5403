"""The embedded engine alone, against a cloud in memory: ``python -m tests.bench.engine [COUNT …]``.

Prints one JSON object a line. Wall seconds drift with the machine's load, so CPU seconds of the
engine and of the program's process stand beside them, and ``up`` is told as a ratio to its limit:
the depth of the dependency graph times the latency of a call, at the given parallelism. The last
line has what should stay as it is when there are more resources: CPU and memory for each of them,
and what it costs to keep the state, which must not grow as resources times steps.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import psutil

from hoaban.engine.embedded.journal import Journal
from hoaban.engine.embedded.store import Store
from tests.engine.conftest import Lab
from tests.engine.fake_provider import FakeCloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@dataclass
class Writes:
    """What an operation writes to keep its state: whole checkpoints, and lines of the journal."""

    checkpoints: int = 0
    bytes: int = 0
    cpu_seconds: float = 0.0


@contextlib.contextmanager
def counted() -> Iterator[Writes]:
    """Count what is written, and the CPU it takes, until the block ends."""
    writes = Writes()
    commit, encode, append = Store.commit, Store.encode, Journal.append

    def timed(work: Callable[..., Any], *args: Any) -> Any:
        started = time.thread_time()
        try:
            return work(*args)
        finally:
            writes.cpu_seconds += time.thread_time() - started

    def committing(self: Store, content: bytes) -> str:
        writes.checkpoints += 1
        writes.bytes += len(content)
        return str(timed(commit, self, content))

    def appending(self: Journal, line: str) -> int:
        writes.bytes += len(line) + 1
        return int(timed(append, self, line))

    with (
        mock.patch.object(Store, "commit", committing),
        mock.patch.object(Store, "encode", lambda self, snapshot: timed(encode, self, snapshot)),
        mock.patch.object(Journal, "append", appending),
    ):
        yield writes


def measured(lab: Lab, verb: str, count: int, what: str) -> dict[str, Any]:
    """One operation, with what it took."""
    before, started = os.times(), time.monotonic()
    with counted() as writes:
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
        "checkpoints": writes.checkpoints,
        "state_kb_written": writes.bytes // 1024,
        "state_cpu_seconds": round(writes.cpu_seconds, 3),
        "engine_mb": psutil.Process().memory_info().rss // 2**20,
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


def ratios(found: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """Figures of the largest count for each resource, over those of the smallest."""
    few, many = min(found), max(found)

    def per_resource(count: int, operation: str, what: str, field: str) -> float:
        place = (operation, what)
        line = next(one for one in found[count] if (one["operation"], one["what"]) == place)
        return float(line[field]) / count

    same, made = "nothing changed", f"all created, {LATENCY_SECONDS} s a call"
    wanted = {
        "plan_engine_cpu": ("preview", same, "engine_cpu_seconds"),
        "plan_program_cpu": ("preview", same, "program_cpu_seconds"),
        "up_engine_cpu": ("up", made, "engine_cpu_seconds"),
        "up_state_kb": ("up", made, "state_kb_written"),
        "up_state_cpu": ("up", made, "state_cpu_seconds"),
        "up_engine_peak_mb": ("up", made, "engine_peak_mb"),
    }
    return {
        "ratio_per_resource": f"{many} over {few}",
        **{
            name: round(per_resource(many, *place) / (per_resource(few, *place) or 1), 2)
            for name, place in wanted.items()
        },
    }


def main() -> None:
    """Print the figures of each count asked for, the smallest first, and their ratios."""
    found: dict[int, list[dict[str, Any]]] = {}
    for count in sorted({int(text) for text in sys.argv[1:]} or {1000, 5000}):
        found[count] = bench(count)
        for line in found[count]:
            tell(line)
    if len(found) > 1:
        tell(ratios(found))


def tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
