"""What the roles' own actions make of a host's answers."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hoaban.plugins.action.known_variables import complaint
from hoaban.plugins.action.packages_present import missing
from hoaban.plugins.action.units_running import mends
from hoaban.plugins.action.units_taken_up import script

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.parametrize(
    ("enabled", "active", "running", "verbs"),
    [
        ("enabled", "active", True, []),
        ("static", "active", True, []),
        ("enabled", "inactive", True, ["start"]),
        ("enabled", "failed", True, ["start"]),
        ("enabled", "inactive", False, []),
        ("disabled", "active", True, ["enable"]),
        ("disabled", "inactive", True, ["enable", "start"]),
        ("masked", "inactive", False, ["enable"]),
        ("not-found", "inactive", False, ["enable"]),
    ],
)
def test_what_a_unit_lacks(enabled: str, active: str, running: bool, verbs: list[str]) -> None:
    todo = mends({"a.service": running}, f"{enabled}\r\n{active}\r\n")
    assert todo is not None
    assert [how.split()[-1] for how, units in todo.items() if units] == verbs


def test_units_that_lack_the_same_are_mended_by_one_call() -> None:
    answer = "disabled enabled disabled inactive active inactive".replace(" ", "\n")
    todo = mends({"a.service": True, "b.timer": True, "c.service": False}, answer)
    assert todo is not None
    assert list(todo.values()) == [["a.service", "c.service"], ["a.service"]]


def test_an_answer_that_is_none_is_noticed() -> None:
    assert mends({"a.service": True}, "System has not been booted with systemd") is None


@pytest.mark.parametrize(
    ("units", "changed", "calls"),
    [
        (["a.service", "b.timer"], "no", ["--no-pager restart a.service b.timer"]),
        (["a.service"], "yes", ["daemon-reload", "--no-pager restart a.service"]),
        ([], "no", []),
        ([], "yes", ["daemon-reload"]),
    ],
)
def test_units_are_read_anew_where_their_files_have_changed(
    tmp_path: Path, units: list[str], changed: str, calls: list[str]
) -> None:
    fake = tmp_path / "systemctl"
    fake.write_text(
        f"#!/bin/sh\ncase $1 in show) echo NeedDaemonReload={changed};; "
        f'*) echo "$*" >> {tmp_path}/calls;; esac\n'
    )
    fake.chmod(0o755)
    line = script(units, "restarted", ["c.service"])
    subprocess.run(["sh", "-c", line], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True)
    told = tmp_path / "calls"
    assert (told.read_text().splitlines() if told.exists() else []) == calls


def test_a_misspelt_variable(some_role: Role) -> None:
    said = complaint(some_role, ["some_port", "some_prot", "other_thing"])
    assert said is not None
    assert "some_prot (did you mean some_port?)" in said
    assert complaint(some_role, ["some_port", "__some_internal"]) is None
