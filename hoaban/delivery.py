"""``up``: provision, converge, verify, report, for one target after the other.

Phases go over all targets before the next begins: while the last environment is provisioned, the
servers of the first boot. What goes wrong is raised; :mod:`hoaban.deliveries` is for many.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoaban.console import Steps, stderr
from hoaban.converge.console import CloudConsole
from hoaban.converge.run import converge
from hoaban.errors import listed
from hoaban.provision import operations
from hoaban.provision.display.drift import render_unseen
from hoaban.provision.display.progress import Progress
from hoaban.provision.drift import drift_json
from hoaban.report.write import write as write_report
from hoaban.verify.model import Status
from hoaban.verify.run import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hoaban.engine.api import Engine, Options, UpdateResult
    from hoaban.errors import HoabanError
    from hoaban.provision.guard import Consent
    from hoaban.provision.savedplan import SavedPlan
    from hoaban.provision.target import Target
    from hoaban.verify.model import VerifyReport


@dataclass(slots=True)
class Delivery:
    """What ``up`` came to for one target. ``seconds`` by phase.

    ``resources`` are steps by operation, ``drift`` what was changed by hand before, as
    :func:`hoaban.provision.drift.drift_json` tells it. ``failed_at`` is what was not done, for an
    error.
    """

    target: Target
    resources: Mapping[str, int] = field(default_factory=dict)
    drift: Mapping[str, Any] = field(default_factory=dict)
    changed_tasks: int = 0
    verified: VerifyReport | None = None
    report: Path | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    error: HoabanError | None = None
    failed_at: str = ""

    @property
    def ok(self) -> bool:
        """Whether every promise was checked and held."""
        return self.error is None and self.verified is not None and self.verified.ok

    def take(self, result: UpdateResult, options: Options) -> None:
        """Note what provisioning came to."""
        self.resources = result.changes
        self.drift = drift_json(result, self.target.agency, refreshed=options.refresh)

    def fail(self, phase: str, error: HoabanError) -> None:
        """Note that a phase failed; those after it are left out."""
        self.error, self.failed_at = error, phase

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "stack": self.target.name,
            "resources": dict(self.resources),
            "drift": dict(self.drift),
            "changed_tasks": self.changed_tasks,
            "checks": {str(status): self.verified.count(status) for status in Status}
            if self.verified
            else {},
            "report": str(self.report) if self.report else None,
            "seconds": {phase: round(seconds, 1) for phase, seconds in self.seconds.items()},
            "errors": listed(self.error),
        }


def provision(
    target: Target,
    engine: Engine,
    consent: Consent,
    options: Options,
    *,
    saved: SavedPlan | None = None,
    quiet: bool = False,
    diff: bool = False,
) -> UpdateResult:
    """Make the cloud as the inventory says, shown while it goes on; ``diff``: every property."""
    name = target.name
    with Progress(f"Provisioning {name}", quiet=quiet, diff=diff) as progress:
        result = operations.up(
            target, engine, progress.handle, consent=consent, options=options, saved=saved
        )
    if not quiet:
        stderr().print(f"{name}:", progress.summary())
        drift = drift_json(result, target.agency, refreshed=options.refresh)
        for line in render_unseen(drift) if options.look else ():
            stderr().print(line, markup=False, soft_wrap=True)
    return result


def provision_only(
    target: Target,
    engine: Engine,
    consent: Consent,
    options: Options,
    *,
    saved: SavedPlan | None = None,
    quiet: bool = False,
    diff: bool = False,
) -> Delivery:
    """The first phase for one target, told as a delivery of which nothing else was done."""
    started = time.monotonic()
    result = provision(target, engine, consent, options, saved=saved, quiet=quiet, diff=diff)
    seconds = {"provision": time.monotonic() - started}
    delivery = Delivery(target, seconds=seconds)
    delivery.take(result, options)
    return delivery


def deliver(
    targets: Sequence[Target],
    engine: Engine,
    consent: Consent,
    options: Options,
    *,
    saved: SavedPlan | None = None,
    quiet: bool = False,
    diff: bool = False,
) -> list[Delivery]:
    """Bring every target from its file to a handover report; with a ``saved`` plan, its one target.

    A check that fails is no error: it is told in the report and by :attr:`Delivery.ok`.
    """
    deliveries = [Delivery(target) for target in targets]

    def phase(name: str, work: Callable[[Delivery], None]) -> None:
        for delivery in deliveries:
            started = time.monotonic()
            work(delivery)
            delivery.seconds[name] = time.monotonic() - started

    def provision_one(delivery: Delivery) -> None:
        result = provision(
            delivery.target, engine, consent, options, saved=saved, quiet=quiet, diff=diff
        )
        delivery.take(result, options)

    phase("provision", provision_one)
    console = CloudConsole(targets[0].province.spec.cloud, targets[0].workspace.inventory)
    with Steps(quiet=quiet) as steps:

        def converge_one(delivery: Delivery) -> None:
            target = delivery.target
            converged = converge(target.workspace, target.agency, console, steps)
            delivery.changed_tasks = converged.changed

        def verify_one(delivery: Delivery) -> None:
            target = delivery.target
            delivery.verified = verify(target.workspace, target.agency, console, steps)

        def report_one(delivery: Delivery) -> None:
            target = delivery.target
            with steps.step(f"Report of {target.stack_name}"):
                written = write_report(target.workspace, target.province, target.agency)
                delivery.report = written.page

        phase("converge", converge_one)
        phase("verify", verify_one)
        phase("report", report_one)
    return deliveries
