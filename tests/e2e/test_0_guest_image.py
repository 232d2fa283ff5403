"""The image of the recipe as it is, booted on this machine without a cloud."""

from __future__ import annotations

import pytest

from hoaban.image import ensure
from hoaban.image.check import PROMISES, check
from hoaban.image.guest import Machine

pytestmark = pytest.mark.e2e


def test_the_image_boots_and_keeps_its_promises() -> None:
    """On less memory and more processors than the guests of the estate have, which is next."""
    checked = check(ensure(), machine=Machine(memory_mb=512, processors=2), timeout=600)
    assert checked.kept == [promise.what for promise in PROMISES]
    assert checked.seconds["host key"] <= checked.seconds["ssh"]
