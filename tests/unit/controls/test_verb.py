"""``hoaban check`` on waivers, and what of them reaches the role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.testing import estate
from tests.unit.model.conftest import blank, inventory
from tests.unit.model.test_cli import here, run
from tests.unit.roles.test_playbooks import evaluate, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.workspace import Workspace
    from tests.unit.model.test_cli import Run

__all__ = ["blank", "here", "inventory", "run", "workspace"]
WAIVER = """\
waivers:
  - control: files-tmp-noexec
    agency: {agency}
    reason: {{vi: Ứng dụng cũ, en: An old application}}
    owner: Nguyễn Văn An
    granted: 2024-01-01
    expires: 2024-12-31
"""


def test_check_warns_of_a_waiver_that_has_ended(here: Path, run: Run) -> None:
    (here / "waivers.yml").write_text(WAIVER.format(agency="so-a"), encoding="utf-8")
    status, out, err = run("check")
    assert status == 0
    assert "1 waivers of controls, 1 expired" in out
    words = " ".join(err.split())
    assert "the waiver of files-tmp-noexec for so-a ended on 2024-12-31: verify fails" in words


def test_check_refuses_a_waiver_of_nobody(here: Path, run: Run) -> None:
    (here / "waivers.yml").write_text(WAIVER.format(agency="so-aa"), encoding="utf-8")
    status, _, err = run("check")
    assert status == 1
    assert "inventory/waivers.yml:3" in err
    assert "there is no agency `so-aa`" in err


def test_level_services_and_waivers_reach_the_role(workspace: Workspace) -> None:
    file = workspace.inventory / "waivers.yml"
    file.write_text(WAIVER.format(agency="so-y-te"), encoding="utf-8")
    try:
        seen = evaluate(
            workspace,
            "managed",
            "'level': hardening_level, 'services': hardening_services,"
            "'waived': hardening_waived,"
            "'plan': hardening_level | int | hardening_plan(hardening_services, hardening_waived)",
        )
    finally:
        file.unlink()
    host, bastion = seen["so-y-te-portal-data-1"], seen[estate.BASTION]
    assert host["level"] == bastion["level"] == 3
    assert host["services"] == []
    assert "bastion" in bastion["services"]
    assert host["waived"] == ["files-tmp-noexec"]
    assert bastion["waived"] == []
    assert "noexec" not in host["plan"]["mounts"][0]["options"]
    assert "noexec" in bastion["plan"]["mounts"][0]["options"]
    assert "maxsessions" in host["plan"]["sshd"]
    assert "maxsessions" not in bastion["plan"]["sshd"]
