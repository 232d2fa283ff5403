"""What the roles' own actions make of a host's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hoaban.plugins.action.known_variables import complaint
from hoaban.plugins.action.packages_present import missing
from hoaban.plugins.action.units_running import as_wanted, states

if TYPE_CHECKING:
    from hoaban.roles import Role


def test_packages_that_are_missing() -> None:
    listing = "chrony installed\nsudo config-files\nlocales not-installed\n"
    assert missing(["chrony", "sudo", "locales", "nftables"], listing) == [
        "sudo",
        "locales",
        "nftables",
    ]


def test_no_answer_means_that_all_are_missing() -> None:
    assert missing(["chrony"], "") == ["chrony"]


def test_answers_by_way_of_a_terminal() -> None:
    assert missing(["chrony"], "chrony installed\r\n") == []
    listing = "UnitFileState=enabled\r\nActiveState=active\r\n\r\nActiveState=inactive\r\n"
    assert [state["ActiveState"] for state in states(listing)] == ["active", "inactive"]


def test_states_of_units_in_the_order_asked_for() -> None:
    listing = "UnitFileState=enabled\nActiveState=active\n\nUnitFileState=\nActiveState=inactive\n"
    assert states(listing) == [
        {"UnitFileState": "enabled", "ActiveState": "active"},
        {"UnitFileState": "", "ActiveState": "inactive"},
    ]


@pytest.mark.parametrize(
    ("enabled", "active", "running", "wanted"),
    [
        ("enabled", "active", True, True),
        ("static", "active", True, True),
        ("enabled", "inactive", True, False),
        ("enabled", "failed", True, False),
        ("enabled", "inactive", False, True),
        ("disabled", "active", True, False),
        ("masked", "inactive", False, False),
        ("", "inactive", False, False),
    ],
)
def test_units_as_wanted(enabled: str, active: str, running: bool, wanted: bool) -> None:
    state = {"UnitFileState": enabled, "ActiveState": active}
    assert as_wanted(state, running=running) is wanted


def test_a_misspelt_variable(some_role: Role) -> None:
    said = complaint(some_role, ["some_port", "some_prot", "other_thing"])
    assert said is not None
    assert "some_prot (did you mean some_port?)" in said
    assert complaint(some_role, ["some_port", "__some_internal"]) is None
