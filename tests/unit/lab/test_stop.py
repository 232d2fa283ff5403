from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from typer.testing import CliRunner

from hoaban.cli.lab import app
from hoaban.errors import HoabanError
from hoaban.lab import network, stop

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.lab.layout import Layout


@pytest.fixture(autouse=True)
def other_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "SHARE", tmp_path / "elsewhere:/cinder")


def test_destroy_asks(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOABAN_LAB_DIR", str(layout.root))
    monkeypatch.setattr(stop, "destroy", lambda *_: pytest.fail("destroyed without a yes"))
    result = CliRunner().invoke(app, ["destroy"], input="n\n")
    assert result.exit_code == 1
    assert "will be lost" in result.output


def test_a_foreign_folder_is_left(layout: Layout) -> None:
    (layout.root / "thesis.odt").write_text("")
    with pytest.raises(HoabanError, match="does not look like the folder of a lab"):
        stop._remove(layout)
    assert (layout.root / "thesis.odt").exists()


def test_a_lab_is_removed(layout: Layout) -> None:
    layout.secrets.write_text("---\n")
    stop._remove(layout)
    assert not layout.root.exists()
    stop._remove(layout)  # again, with nothing there


def test_files_under_a_mount_are_left(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    layout.secrets.write_text("---\n")
    monkeypatch.setattr(stop, "_mounts", lambda _: [f"{layout.root}/state/nova/qemu/mnt"])
    with pytest.raises(HoabanError, match="is still mounted") as caught:
        stop._remove(layout)
    assert "fuser" in str(caught.value.mend)
    assert layout.secrets.exists()


def test_only_processes_of_this_lab_are_its_leavings(layout: Layout, tmp_path: Path) -> None:
    script = tmp_path / "haproxy.py"
    script.write_text("import sys; print('up', flush=True); sys.stdin.read()")
    mine = [sys.executable, str(script), f"{layout.root}/state/neutron/proxy.conf"]
    other = [sys.executable, str(script.rename(tmp_path.parent / "haproxy.py")), "/etc/other.conf"]
    mine[1] = other[1]
    processes = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for words in (mine, other)
    ]
    try:
        for process in processes:
            assert process.stdout
            process.stdout.readline()
        found = {process.pid for process in stop._left(layout)}
        assert processes[0].pid in found
        assert processes[1].pid not in found
        stop._end([psutil.Process(processes[0].pid)], stop.signal.SIGTERM)
        assert not psutil.pid_exists(processes[0].pid)
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a namespace of processes")
def test_a_lab_in_a_container_is_left(layout: Layout, tmp_path: Path) -> None:
    # Its folders have the same names as those of this machine's lab.
    script = tmp_path / "haproxy.py"
    script.write_text("import sys; print('up', flush=True); sys.stdin.read()")
    program = [sys.executable, str(script), f"{layout.root}/state/neutron/proxy.conf"]
    container = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", *program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert container.stdout
    assert container.stdout.readline() == "up\n"
    (inside,) = psutil.Process(container.pid).children()
    assert program[-1] in inside.cmdline()
    assert inside.pid not in {process.pid for process in stop._left(layout)}
    container.communicate()


def conf_db(layout: Layout) -> None:
    """The network's database, which knows of no bridges."""
    (layout.state / "ovs").mkdir()
    (layout.state / "ovs/conf.db").write_text("")


def test_the_datapaths_own_device_goes_with_the_lab(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = '[{"rows": [{"name": "br-ex"}, {"name": "br-gone"}]}]'
    answer = subprocess.CompletedProcess([], 0, rows, "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    devices = tmp_path / "net"
    for name in ("eth0", "ovs-netdev", "br-ex"):
        (devices / name).mkdir(parents=True)
    for name in ("ovs-netdev", "br-ex"):
        (devices / name / "tun_flags").touch()
    monkeypatch.setattr(network, "DEVICES", devices)
    monkeypatch.setattr(stop, "switches", list)
    assert stop._devices(layout) == []  # there was no lab
    conf_db(layout)
    assert stop._devices(layout) == ["br-ex", "ovs-netdev"]
    monkeypatch.setattr(stop, "switches", lambda: ["another's"])
    assert stop._devices(layout) == ["br-ex"]
    (devices / "br-ex/tun_flags").unlink()  # now it is a bridge of the kernel's
    assert stop._devices(layout) == []
