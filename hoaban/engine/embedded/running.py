"""Runs a program against a deployment, and ends it when the deployment ends first."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from hoaban.engine.embedded.monitor import serve

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.engine.embedded.deploy import Deployment
    from hoaban.engine.embedded.program import Program
    from hoaban.errors import HoabanError

# How long a program may go on by itself once its operation is ending.
_GRACE_SECONDS: Final = 10.0


def run_program(deployment: Deployment, program: Program, folder: Path) -> HoabanError | None:
    """Run a program to its end, and wait for what it registered; returns what it failed with."""
    failures = deployment.failures
    timers: list[threading.Timer] = []

    def end_soon() -> None:
        timer = threading.Timer(_GRACE_SECONDS, program.stop)
        timer.daemon = True
        timers.append(timer)
        timer.start()

    failures.on_stop = end_soon
    if failures.stopping:
        end_soon()
    try:
        with serve(deployment, folder) as address:
            try:
                error = program.run(
                    deployment.name,
                    address,
                    deployment.config,
                    parallel=deployment.options.parallel,
                    preview=deployment.dry_run,
                )
            except BaseException:
                failures.stop()
                program.stop()
                raise
            finally:
                deployment.wait_idle()
    finally:
        failures.on_stop = _nothing
        for timer in timers:
            timer.cancel()
    return error


def _nothing() -> None:
    """The program has ended already."""
