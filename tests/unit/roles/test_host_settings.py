"""The module that sets many small things, on files of its own."""

from __future__ import annotations

import getpass
import grp
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest
from ansible.module_utils.testing import patch_module_args

from hoaban.plugins.modules import host_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Module = Callable[..., dict[str, Any]]

ME = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}
MOUNT = {"path": "/srv/trial", "options": "mode=1777,nodev,noexec"}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(host_settings, "SYSCTLS", tmp_path / "sys")
    monkeypatch.setattr(host_settings, "CONTAINER", tmp_path / "container")
    monkeypatch.setattr(host_settings, "FSTAB", tmp_path / "fstab")
    monkeypatch.setattr(host_settings, "MOUNTS", tmp_path / "mounts")
    for key, value in {
        "kernel/sysrq": "438",
        "net/ipv4/conf/all/send_redirects": "0",
        "net/ipv4/conf/default/send_redirects": "1",
        "net/ipv4/conf/ens3/send_redirects": "1",
        "net/ipv4/conf/lo/send_redirects": "1",
    }.items():
        (tmp_path / "sys" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys" / key).write_text(f"{value}\n")
    (tmp_path / "fstab").write_text("# tmpfs /srv/trial tmpfs x 0 0\nLABEL=root / ext4 x 0 1\n")
    (tmp_path / "mounts").write_text("tmpfs /srv/other tmpfs rw 0 0\n")
    (tmp_path / "login.defs").write_text("#UMASK 022\nUMASK 022\nPASS_MAX_DAYS\t99999\n")
    return tmp_path


@pytest.fixture
def run(host: Path, capsys: pytest.CaptureFixture[str]) -> Module:
    def call(*, check: bool = False, **more: Any) -> dict[str, Any]:
        arguments = {**more, "_ansible_check_mode": check, "_ansible_remote_tmp": str(host)}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            host_settings.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


def value(host: Path, key: str) -> str:
    return (host / "sys" / key.replace(".", "/")).read_text().strip()


def test_parameters_that_differ_are_set_on_each_interface(host: Path, run: Module) -> None:
    wanted = {"kernel.sysrq": "0", "net.ipv4.conf.all.send_redirects": "0"}
    said = ["kernel.sysrq: 438 -> 0", "net.ipv4.conf.ens3.send_redirects: 1 -> 0"]
    assert run(sysctls=wanted, check=True)["settings"] == said
    assert value(host, "kernel.sysrq") == "438"
    assert run(sysctls=wanted)["settings"] == said
    assert value(host, "kernel.sysrq") == "0"
    assert value(host, "net.ipv4.conf.ens3.send_redirects") == "0"
    # The loopback's, and what new interfaces get, are asked for by name or not at all.
    assert value(host, "net.ipv4.conf.lo.send_redirects") == "1"
    assert value(host, "net.ipv4.conf.default.send_redirects") == "1"
    again = run(sysctls=wanted)
    assert (again["changed"], again["settings"]) == (False, [])


def test_a_parameter_that_the_kernel_lacks_is_told(run: Module) -> None:
    result = run(sysctls={"kernel.no_such": "1"})
    assert result["changed"] is False
    assert result["absent"] == ["kernel.no_such"]


def test_a_container_leaves_the_kernel_alone(host: Path, run: Module) -> None:
    (host / "container").touch()
    result = run(sysctls={"kernel.sysrq": "0", "net.ipv4.conf.all.send_redirects": "0"})
    assert result["left"] == ["kernel.sysrq"]
    assert result["settings"] == ["net.ipv4.conf.ens3.send_redirects: 1 -> 0"]


def test_lines_keep_their_place(host: Path, run: Module) -> None:
    path = str(host / "login.defs")
    lines = [
        {"path": path, "key": "UMASK", "value": "027"},
        {"path": path, "key": "PASS_MAX_DAYS", "value": "99999"},
        {"path": path, "key": "PASS_MIN_DAYS", "value": "1"},
    ]
    said = [f"{path} UMASK: 022 -> 027", f"{path} PASS_MIN_DAYS: absent -> 1"]
    assert run(lines=lines, check=True)["settings"] == said
    assert run(lines=lines)["settings"] == said
    wanted = "#UMASK 022\nUMASK\t027\nPASS_MAX_DAYS\t99999\nPASS_MIN_DAYS\t1\n"
    assert (host / "login.defs").read_text() == wanted
    assert run(lines=lines)["changed"] is False


def test_rights_are_only_taken_away(host: Path, run: Module) -> None:
    wide, narrow = host / "wide", host / "narrow"
    for path, mode in ((wide, 0o664), (narrow, 0o400)):
        path.touch()
        path.chmod(mode)
    modes = [{"path": str(path), "mode": "0640", **ME} for path in (wide, narrow, host / "none")]
    assert run(modes=modes)["settings"] == [f"{wide}: 0664 -> 0640"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (wide, narrow)] == [0o640, 0o400]
    assert run(modes=modes)["changed"] is False


def test_a_mount_gets_its_line_and_its_flags(host: Path, run: Module) -> None:
    line = "tmpfs /srv/trial tmpfs mode=1777,nodev,noexec 0 0"
    assert run(mounts=[MOUNT])["settings"] == [f"fstab /srv/trial: absent -> {line}"]
    assert (host / "fstab").read_text().splitlines()[1:] == ["LABEL=root / ext4 x 0 1", line]
    (host / "mounts").write_text("tmpfs /srv/trial tmpfs rw,nodev 0 0\n")
    assert run(mounts=[MOUNT], check=True)["settings"] == ["/srv/trial: noexec not set"]
    (host / "mounts").write_text("tmpfs /srv/trial tmpfs rw,nodev,noexec 0 0\n")
    assert run(mounts=[MOUNT])["changed"] is False


def test_an_older_line_of_the_mount_goes(host: Path, run: Module) -> None:
    (host / "fstab").write_text("tmpfs /srv/trial tmpfs rw 0 0\n")
    run(mounts=[MOUNT])
    wanted = "tmpfs /srv/trial tmpfs mode=1777,nodev,noexec 0 0\n"
    assert (host / "fstab").read_text() == wanted
