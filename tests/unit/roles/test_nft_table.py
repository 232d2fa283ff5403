"""The module that loads the packet filter, on a kernel and a systemd of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from hoaban.plugins.modules import nft_table

GOOD = "table inet hoaban {\n\tchain good {\n\t}\n}\n"
BAD = "table inet hoaban {\n\tchain bad {\n\t}\n}\n"
TIMER = "hoaban-firewall-revert.timer"


class Host:
    """A host whose programs are these; ``loaded`` is the table that its kernel has."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.loaded = GOOD
        self.timer = False
        self.calls: list[str] = []

    def run_command(self, command: list[str], **_: Any) -> tuple[int, str, str]:
        """Do what the real programs would."""
        program, first = command[0], command[1]
        self.calls.append(f"{Path(program).name} {first}")
        if program == "unshare":
            return 0, Path(command[-1]).read_text(), ""
        if (program, first) == ("systemctl", "is-active"):
            return (0 if self.timer and TIMER in command else 3), "", ""
        if (program, first) == ("systemctl", "stop"):
            self.timer = False
        elif program == "systemd-run":
            self.timer = True
        elif first == "--file":
            self.loaded = Path(command[2]).read_text()
        return 0, self.loaded, ""

    def load(self, content: str, *, check: bool = False) -> dict[str, Any]:
        """Run the module."""
        arguments = {"name": "hoaban", "content": content, "_ansible_check_mode": check}
        arguments |= {"_ansible_remote_tmp": str(self.folder), "_ansible_keep_remote_files": False}
        self.calls.clear()
        with patch_module_args(arguments), pytest.raises(SystemExit):
            nft_table.main()
        result: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return result

    @property
    def kept(self) -> str:
        """The rules that the timer would put back."""
        return (self.folder / "run/before.nft").read_text()


@pytest.fixture
def host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Host:
    """A host with good rules that were confirmed."""
    made = Host(tmp_path, capsys)
    monkeypatch.setattr(nft_table, "FOLDER", tmp_path / "run")
    monkeypatch.setattr(
        AnsibleModule, "run_command", lambda _, command, **more: made.run_command(command)
    )
    monkeypatch.setattr(AnsibleModule, "get_bin_path", lambda _, name, **more: name)
    return made


def test_confirmed_rules_are_left_alone(host: Host) -> None:
    assert host.load(GOOD)["changed"] is False
    assert not any(call.startswith(("nft --file", "systemd-run")) for call in host.calls)


def test_the_timer_is_armed_before_new_rules_are_loaded(host: Host) -> None:
    result = host.load(BAD)
    assert result["changed"] is True
    assert result["revert_unit"] == TIMER
    assert host.calls[-2:] == ["systemd-run --quiet", "nft --file"]
    assert host.loaded == BAD
    assert host.kept.endswith(GOOD)


def test_rules_that_nobody_confirmed_are_still_a_change(host: Host) -> None:
    host.load(BAD)
    result = host.load(BAD)
    assert result["changed"] is True
    assert host.timer
    assert host.calls[-3:] == ["systemctl stop", "systemd-run --quiet", "nft --file"]
    assert host.kept.endswith(GOOD)


def test_other_rules_after_unconfirmed_ones_still_go_back_to_the_first(host: Host) -> None:
    host.load(BAD)
    host.load(BAD.replace("bad", "worse"))
    assert "worse" in host.loaded
    assert host.kept.endswith(GOOD)


def test_check_mode_foretells_that_a_confirmation_will_be_asked(host: Host) -> None:
    host.load(BAD)
    assert host.load(BAD, check=True)["changed"] is True
    assert host.calls == ["unshare --net", "nft --stateless", "systemctl is-active"]


def test_a_confirmation_ends_it(host: Host) -> None:
    host.load(BAD)
    host.timer = False
    assert host.load(BAD)["changed"] is False
