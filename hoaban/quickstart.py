"""The main job from nothing: a lab, an image, the province and one agency, delivered."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hoaban import doctor, image, lab
from hoaban.console import Steps
from hoaban.delivery import deliver
from hoaban.doctor import Purpose
from hoaban.engine.api import Options
from hoaban.provision.engines import engine_for
from hoaban.provision.guard import Consent
from hoaban.provision.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.delivery import Delivery
    from hoaban.workspace import Workspace


class Clock:
    """Seconds by part of the work, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, part: str) -> Iterator[None]:
        """Time the body."""
        started = time.monotonic()
        yield
        self.seconds[part] = time.monotonic() - started


def quickstart(workspace: Workspace, agency: str, clock: Clock) -> list[Delivery]:
    """Deliver the foundation and the agency on this machine's lab.

    What is there already is used as it is, so a second run takes little.
    """
    targets = [Target.load(workspace), Target.load(workspace, agency)]
    with clock.time("packages"), Steps() as steps, steps.step("Debian packages") as step:
        missing = doctor.mend(doctor.examine(Purpose.CORE, Purpose.LAB, Purpose.IMAGE))
        steps.end(step, detail=f"{len(missing)} installed")
    # The image is bound by the disk and the mirror, the lab by its services' start.
    with clock.time("lab and image"), Steps() as steps, ThreadPoolExecutor(2) as pool:
        building = pool.submit(_image, steps)
        lab.up(lab.Hypervisor.QEMU, steps)
        building.result()
    with clock.time("province and agency"):
        return deliver(targets, engine_for(), Consent(), Options())


def _image(steps: Steps) -> None:
    with steps.step("Guest image") as step:
        built = image.ensure(lambda line: steps.update(step, line))
        steps.end(step, detail=built.name)
