"""The image of the recipe as it is, booted on this machine without a cloud."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from hoaban.image import ensure
from hoaban.image.check import PROMISES, check
from hoaban.image.guest import Machine

pytestmark = pytest.mark.e2e

MACHINES = (Machine(), Machine(memory_mb=512, processors=2))


def test_the_image_boots_and_keeps_its_promises() -> None:
    """On a machine of either shape, side by side: emulation keeps one core busy with each."""
    image = ensure()
    with ThreadPoolExecutor(len(MACHINES)) as pool:
        boots = [pool.submit(partial(check, image, machine=one, timeout=600)) for one in MACHINES]
    for boot in boots:
        checked = boot.result()
        assert checked.kept == [promise.what for promise in PROMISES]
        assert checked.seconds["host key"] <= checked.seconds["ssh"]
