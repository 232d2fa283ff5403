"""What is left when the estate is taken down. Runs last: the agency is gone after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cloud.province import AGENCY

if TYPE_CHECKING:
    from tests.e2e.conftest import Estate

pytestmark = pytest.mark.e2e


def test_data_is_not_removed_unasked(estate: Estate) -> None:
    refused = estate.hoaban("destroy", AGENCY, "--yes", status=1)
    assert "--delete-data" in refused["error"]["mend"]
    assert "/srv/db" in refused["error"]["detail"]
    gone = estate.hoaban("destroy", AGENCY, "--yes", "--delete-data")
    assert gone["changes"]["delete"] > 20
    assert not [row for row in estate.hoaban("status")["hosts"] if AGENCY in row["host"]]
