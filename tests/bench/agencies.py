"""Provisioning on the lab with the fake hypervisor: one agency against plain SDK calls, and twenty.

The ratio compares within one run, round by round and in changing order, since a machine's speed
drifts. Ours is a whole ``up``: checks of the cloud, a plan, then the deployment with its state.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoaban.console import stderr
from hoaban.lab.hypervisor import Hypervisor
from hoaban.provision.fleet import Job, local_executor, up_all
from hoaban.provision.target import Target
from hoaban.workspace import Workspace
from tests.bench.counting import counted
from tests.bench.figures import Figures, ratios, seconds
from tests.bench.province import BULK_TWIN, CROWD, OURS, TWIN, BenchProvince
from tests.bench.stacks import destroy, must_serve, plan, up
from tests.bench.tenant import finish
from tests.cloud.census import Census

if TYPE_CHECKING:
    from collections.abc import Callable


ROUNDS = 3
WORKERS = 2
ENGINE = "one agency: hoaban up"
PLAIN = "one agency: SDK, a call an object"
BULK = "one agency: SDK, lists where there are"


def destroy_named(folder: Path, agency: str) -> None:
    """The same in a process of its own."""
    destroy(Target.load(Workspace(folder, folder / ".hoaban"), agency))


class Sides:
    """Seconds and requests of those who are compared, round by round."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.requests: dict[str, list[int]] = {}

    def run(self, name: str, work: Callable[[], Any]) -> None:
        """One side's turn."""
        with counted() as made:
            self.seconds.setdefault(name, []).append(seconds(work))
        self.requests.setdefault(name, []).append(made.total())

    def ratio(self, one: str, other: str) -> list[float]:
        """Time of ``one`` to that of ``other``, round by round."""
        return ratios(self.seconds[one], self.seconds[other])


def compare(bench: BenchProvince, census: Census, figures: Figures) -> None:
    """``up`` of one agency and the same objects by plain SDK calls, in turn; then its plan."""
    sides, plans = Sides(), Sides()
    for number in range(ROUNDS):
        plain = bench.straight(TWIN, bulk=False)
        bulk = bench.straight(BULK_TWIN, bulk=True)
        works = [
            (ENGINE, lambda: up(bench.target(OURS))),
            (PLAIN, plain.up),
            (BULK, bulk.up),
        ]
        turn = number % len(works)
        try:
            for name, work in works[turn:] + works[:turn]:
                sides.run(name, work)
            plans.run("plan of an unchanged agency", lambda: plan(bench.target(OURS)))
            plans.run("up of an unchanged agency", lambda: up(bench.target(OURS)))
            census.take()  # while the projects are there by which to know what is left of them
        finally:
            with ThreadPoolExecutor() as pool:
                gone = [pool.submit(plain.down), pool.submit(bulk.down)]
                destroy(bench.target(OURS))
                finish(*gone)
    for name, taken in (sides.seconds | plans.seconds).items():
        figures.add(f"{name}, s", taken)
    for name, made in (sides.requests | plans.requests).items():
        figures.add(f"{name}, requests", made)
    figures.add("ratio to a call an object", sides.ratio(ENGINE, PLAIN))
    figures.add("ratio to lists", sides.ratio(ENGINE, BULK))


def crowd(bench: BenchProvince, census: Census, figures: Figures) -> None:
    """``up`` of many agencies by the pool that ``hoaban`` itself has."""
    jobs = [Job.of(bench.target(agency)) for agency in CROWD]
    with local_executor(WORKERS) as executor:
        with figures.time(f"up of {len(CROWD)} agencies, {WORKERS} processes"):
            outcomes = list(up_all(jobs, executor))
        census.take()
        wrong = [f"{one.agency}: {one.error}" for one in outcomes if not one.ok]
        with figures.time(f"destroy of {len(CROWD)} agencies"):
            list(executor.map(destroy_named, [bench.folder] * len(CROWD), CROWD))
    if wrong:
        raise RuntimeError("\n".join(wrong))


def main() -> Figures:
    """Run all; a cloud that is not as it was in the end is an error."""
    must_serve(Hypervisor.FAKE)
    figures = Figures("agencies")
    with tempfile.TemporaryDirectory(prefix="hoaban-bench-") as name:
        bench = BenchProvince(Path(name))
        with bench.connect() as cloud:
            census = Census(cloud, bench.slug)
            try:
                with figures.time("up of the foundation"):
                    up(bench.target(None))
                stderr().print(f"one agency, {ROUNDS} rounds …")
                compare(bench, census, figures)
                stderr().print(f"{len(CROWD)} agencies …")
                crowd(bench, census, figures)
            finally:
                for agency in (OURS, *CROWD, None):
                    destroy(bench.target(agency))
            left = census.take()
    if left:
        raise RuntimeError(f"destroy left in the cloud: {left}")
    return figures
