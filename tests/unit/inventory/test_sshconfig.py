"""OpenSSH itself says what it makes of the configuration (``ssh -G``)."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from hoaban.errors import HoabanError
from hoaban.inventory import sshconfig
from hoaban.inventory.fleet import Fleet
from hoaban.testing import estate, exported
from hoaban.workspace import Workspace


def effective(config: Path, host: str) -> dict[str, str]:
    """What ``ssh`` would use for a host."""
    out = subprocess.run(
        ["ssh", "-F", str(config), "-G", host], check=True, capture_output=True, text=True
    ).stdout
    return dict(line.split(" ", 1) for line in out.splitlines() if " " in line)


@pytest.mark.parametrize(
    "name", ["so-y-te-portal-web-1", "so-y-te-portal-web-1.sonla.example", "10.65.1.10"]
)
def test_every_name_of_a_host_leads_to_it_with_its_key_pinned(
    provisioned: Workspace, name: str
) -> None:
    config = sshconfig.write(provisioned, Fleet.read(provisioned))
    options = effective(config, name)
    assert options["hostname"] == "10.65.1.10"
    assert options["hostkeyalias"] == "so-y-te-portal-web-1"
    assert options["userknownhostsfile"] == str(provisioned.known_hosts / "agency-so-y-te")
    assert options["proxyjump"] == estate.BASTION
    assert options["user"] == "hoaban"
    assert options["identityfile"] == str(provisioned.keys / "deploy")


def test_nothing_but_the_pinned_key_and_our_key_will_do(provisioned: Workspace) -> None:
    options = effective(sshconfig.write(provisioned, Fleet.read(provisioned)), "sonla-backup-1")
    assert options["stricthostkeychecking"] == "true"
    assert options["globalknownhostsfile"] == "/dev/null"
    assert options["passwordauthentication"] == "no"
    assert options["kbdinteractiveauthentication"] == "no"
    assert options["preferredauthentications"] == "publickey"
    assert options["updatehostkeys"] == "false"
    assert options["kexalgorithms"].split(",")[0] == "curve25519-sha256"


def test_the_bastion_is_reached_by_its_floating_address(provisioned: Workspace) -> None:
    options = effective(sshconfig.write(provisioned, Fleet.read(provisioned)), estate.BASTION)
    assert options["hostname"] == exported.FLOATING_IP
    assert "proxyjump" not in options


def test_control_sockets_are_short_private_and_of_one_workspace(
    provisioned: Workspace, tmp_path: Path
) -> None:
    config = sshconfig.write(provisioned, Fleet.read(provisioned))
    path = effective(config, "sonla-backup-1")["controlpath"]
    assert len(path) + 17 < 108
    assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700
    other = sshconfig.control_path(Workspace(tmp_path, tmp_path / "home"))
    assert other != sshconfig.control_path(provisioned)


def test_a_folder_of_sockets_open_to_others_is_refused(
    provisioned: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sshconfig.control_path(provisioned).parent.chmod(0o755)
    with pytest.raises(HoabanError, match="not a private folder"):
        sshconfig.control_path(provisioned)


def test_the_file_is_private_and_only_written_when_it_changes(provisioned: Workspace) -> None:
    path = sshconfig.write(provisioned, Fleet.read(provisioned))
    before = path.stat()
    assert stat.S_IMODE(before.st_mode) == 0o600
    assert sshconfig.write(provisioned, Fleet.read(provisioned)).stat().st_ino == before.st_ino
    estate.write_estate(provisioned.backend, estate.department(counts={"web": 2, "app": 1}))
    assert sshconfig.write(provisioned, Fleet.read(provisioned)).stat().st_ino != before.st_ino
    assert "so-y-te-portal-web-2" in path.read_text()


def test_paths_with_spaces_work_and_with_quotes_are_refused(tmp_path: Path) -> None:
    spaced = Workspace(tmp_path, tmp_path / "kho dữ liệu")
    estate.write_estate(spaced.backend)
    options = effective(sshconfig.write(spaced, Fleet.read(spaced)), "sonla-backup-1")
    assert options["identityfile"] == str(spaced.keys / "deploy")
    with pytest.raises(HoabanError, match="cannot stand in an SSH configuration"):
        sshconfig.quoted(Path('/srv/a"b'))


def test_the_hosts_take_the_key_in_use_and_those_it_is_exchanged_with(workspace: Workspace) -> None:
    assert sshconfig.public_keys(workspace) == []
    workspace.keys.mkdir(parents=True)
    (workspace.keys / "deploy.pub").write_text("ssh-ed25519 AAAA now\n")
    (workspace.keys / "deploy-old.pub").write_text("# of last year\nssh-ed25519 BBBB old\n\n")
    (workspace.keys / "deploy-next.pub").write_text("ssh-ed25519 AAAA now\n")
    (workspace.keys / "deployment.pub").write_text("ssh-ed25519 CCCC another\n")
    assert sshconfig.public_keys(workspace) == ["ssh-ed25519 AAAA now", "ssh-ed25519 BBBB old"]
