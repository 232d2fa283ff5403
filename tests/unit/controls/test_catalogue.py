"""Catalogue, role and check say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from hoaban.controls import pages
from hoaban.controls.catalogue import catalogue, enforced_by, read
from hoaban.controls.model import LEVELS, Control, Kind, Setting, Status
from hoaban.controls.plan import MOUNTS, plan
from hoaban.errors import HoabanError, ManyErrors
from hoaban.verify.agents import controls as agent
from hoaban.verify.checks.hardening import LEANS_ON

ROLE = Path(__file__).resolve().parents[3] / "roles/hardening"
CONTROL = """\
family: some
title: {vi: Một, en: One}
controls:
  - id: some-one
    title: {vi: Một, en: One}
    level: 1
    status: checked
    settings: [{kind: state, key: accounts, value: sound}]
"""


def role_text() -> str:
    files = [*ROLE.glob("tasks/*.yml"), *ROLE.glob("templates/*"), ROLE / "vars/main.yml"]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def in_plan(level: int, setting: Setting) -> bool:
    """Whether the role's plan has a setting with its value."""
    settings, value = plan(level), setting.at(level)
    path, _, rest = setting.key.partition(" ")
    mode = dict(zip(("path", "mode", "owner", "group"), [path, *value.split()], strict=False))
    found = {
        Kind.SYSCTL: settings["sysctls"].get(path) == value,
        Kind.SSHD: settings["sshd"].get(path) == value,
        Kind.FILE: settings["files"].get(path) == value,
        Kind.MODULE: path in settings["modules"],
        Kind.PAM: path in settings["pam"],
        Kind.PACKAGE_ABSENT: path in settings["packages_absent"],
        Kind.CONF: settings["conf"].get(path, {}).get(rest) == value,
        Kind.LINE: {"path": path, "key": rest, "value": value} in settings["lines"],
        Kind.MODE: mode in settings["modes"],
        Kind.MOUNT: any(
            one["path"] == path and rest in one["options"].split(",") for one in settings["mounts"]
        ),
        Kind.STATE: False,
    }
    return found[setting.kind]


@pytest.mark.parametrize("level", LEVELS)
def test_what_the_role_enforces_is_in_its_plan_and_nothing_else_is(level: int) -> None:
    wanted = enforced_by("hardening", catalogue().settings(level))
    assert [setting.key for setting in wanted if not in_plan(level, setting)] == []
    planned = plan(level)
    assert sum(
        [
            *(len(planned[name]) for name in ("sysctls", "modules", "sshd", "pam", "files")),
            *(len(planned[name]) for name in ("lines", "modes", "packages_absent")),
            sum(len(keys) for keys in planned["conf"].values()),
            sum(len({"nodev", "nosuid", "noexec"} & {*one["options"].split(",")})
                for one in planned["mounts"]),
        ]
    ) == len(wanted)  # fmt: skip


def test_the_role_uses_all_of_its_plan() -> None:
    assert set(re.findall(r"__hardening_plan\.(\w+)", role_text())) == set(plan(5))


def test_the_role_knows_each_part_of_pam() -> None:
    templates = role_text()
    for name in plan(5)["pam"]:
        assert f"'{name}' in __hardening_plan.pam" in templates or f" {name}\n" in templates


def test_the_agent_can_read_each_setting() -> None:
    for control in catalogue().controls:
        for setting in control.settings:
            assert setting.kind in agent.READERS
            if setting.kind is Kind.PAM:
                assert setting.key in agent.PAM
            if setting.kind is Kind.STATE:
                assert setting.key in agent.STATES
            if setting.kind is Kind.MOUNT:
                assert setting.key.split()[0] in MOUNTS


def test_checks_that_controls_lean_on_are_asked() -> None:
    named = {control.check for control in catalogue().controls if control.check}
    assert named == {check.id for check in LEANS_ON}


def test_a_clause_belongs_to_controls_of_one_family() -> None:
    owners: dict[str, set[str]] = {}
    for family in catalogue().families:
        for control in family.controls:
            for clause in control.cis:
                owners.setdefault(clause, set()).add(family.family)
    assert {clause: names for clause, names in owners.items() if len(names) > 1} == {}


def test_levels_only_add_controls() -> None:
    counts = [len(catalogue().selected(level)) for level in LEVELS]
    assert counts == sorted(counts)
    assert catalogue().selected(1)
    assert catalogue().selected(5) == catalogue().controls


def test_a_higher_level_may_be_stricter() -> None:
    setting = catalogue().control("access-lockout").settings[1]
    assert [setting.at(level) for level in LEVELS] == ["5", "5", "3", "3", "3"]


def test_titles_are_in_both_languages() -> None:
    for control in catalogue().controls:
        assert control.title.vi != control.title.en


def test_services_are_spared_and_waivers_left_out() -> None:
    assert "net.ipv4.ip_forward" in plan(3)["sysctls"]
    assert "net.ipv4.ip_forward" not in plan(3, ["vpn_hub"])["sysctls"]
    assert "maxsessions" not in plan(3, ["bastion"])["sshd"]
    waived = plan(3, waived=["files-tmp-noexec", "kernel-core-dumps"])
    assert "noexec" not in waived["mounts"][0]["options"]
    assert "/etc/apt/apt.conf.d/60-hoaban-tmp" in waived["absent"]
    assert "/etc/security/limits.d/60-hoaban-core.conf" in waived["absent"]
    assert plan(5)["absent"] == []


def test_a_waiver_of_nothing_is_told_with_what_was_meant() -> None:
    with pytest.raises(HoabanError, match="no control `files-tpm`") as caught:
        plan(3, waived=["files-tpm"])
    assert (caught.value.mend or "").startswith("did you mean `files-tmp`")


def test_faults_of_a_catalogue_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(CONTROL)
    (tmp_path / "b.yml").write_text(CONTROL.replace("family: some", "family: other"))
    (tmp_path / "c.yml").write_text(CONTROL.replace("level: 1", "level: 9"))
    with pytest.raises(ManyErrors) as caught:
        read(tmp_path)
    words = " ".join(error.what for error in caught.value.errors)
    assert "`some-one` is there twice" in words
    assert "9 is too large" in words


def test_one_setting_has_one_owner(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(CONTROL)
    (tmp_path / "b.yml").write_text(CONTROL.replace("some-one", "some-two"))
    with pytest.raises(HoabanError, match="state accounts belongs to `some-one` already"):
        read(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"settings": []},
        {"status": "open"},
        {"status": "enforced"},
        {"reason": {"vi": "vì", "en": "since"}},
        {"by": "base"},
    ],
)
def test_a_control_that_contradicts_itself_is_refused(change: dict[str, object]) -> None:
    good = {
        "id": "some-one",
        "title": {"vi": "Một", "en": "One"},
        "level": 1,
        "status": "checked",
        "settings": [{"kind": "state", "key": "accounts", "value": "sound"}],
    }
    assert Control.model_validate(good).status is Status.CHECKED
    with pytest.raises(ValidationError):
        Control.model_validate(good | change)


def test_the_pages_are_what_the_catalogue_says() -> None:
    there = {path.name: path.read_text(encoding="utf-8") for path in pages.FOLDER.iterdir()}
    assert there == pages.pages(), "run: python -m hoaban.controls.pages"


def test_pages_of_controls_that_are_gone_go(tmp_path: Path) -> None:
    (tmp_path / "old-control.md").touch()
    pages.main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(pages.pages())
