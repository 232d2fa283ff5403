from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hoaban.doctor import Finding, Purpose
from hoaban.errors import HoabanError, ManyErrors
from hoaban.lab import network, preflight
from hoaban.lab.layout import Layout


@pytest.fixture(autouse=True)
def fit_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "requirements", lambda *_: [])
    monkeypatch.setattr(preflight, "PORTS", {})
    monkeypatch.setattr(preflight, "LONGEST_ROOT", 200)
    monkeypatch.setattr(network, "switches", list)
    monkeypatch.setattr(network, "DEVICES", Path("/nonexistent"))
    monkeypatch.setattr(psutil, "net_if_addrs", dict)


def test_nothing_is_wrong(layout: Layout) -> None:
    preflight.check(layout)


def test_all_is_told_at_once(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Finding(Purpose.LAB, "root", ok=False, detail="bridges", mend="sudo hoaban lab up")
    package = Finding(Purpose.LAB, "cc", ok=False, detail="", mend="", packages=("gcc",))
    monkeypatch.setattr(preflight, "requirements", lambda *_: [root, package])
    monkeypatch.setattr(preflight, "LONGEST_ROOT", 5)
    with pytest.raises(ManyErrors) as caught:
        preflight.check(layout)
    texts = [error.what for error in caught.value.errors]
    assert len(texts) == 2  # a missing package is the role's own work
    assert "cannot hold a lab: root: bridges" in texts[0]
    assert "HOABAN_LAB_DIR" in str(caught.value.errors[1].mend)


def test_a_taken_port_is_told_with_its_process(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(preflight, "PORTS", {port: "glance"})
        monkeypatch.setattr(preflight, "ADDRESS", "127.0.0.1")
        with pytest.raises(HoabanError) as caught:
            preflight.check(layout)
    assert f"port {port} on 127.0.0.1 is taken by process {os.getpid()}" in caught.value.what
    assert caught.value.what.endswith("the lab's glance needs it")


def test_data_without_its_passwords(layout: Layout) -> None:
    (layout.state / "mariadb").mkdir()
    with pytest.raises(HoabanError, match="its passwords are gone") as caught:
        preflight.check(layout)
    assert "hoaban lab destroy" in str(caught.value.mend)


def test_a_file_system_without_extended_attributes(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "setxattr", refuse)
    with pytest.raises(HoabanError, match=f"file system of {layout.root} keeps no") as caught:
        preflight.check(layout)
    assert "HOABAN_LAB_DIR" in str(caught.value.mend)
    # Before the first `up` the folder is not there, and that of its parents is asked.
    new = Layout(layout.root / "deeper/lab")
    with pytest.raises(HoabanError, match=f"file system of {layout.root} keeps no"):
        preflight.check(new)


def test_uv_of_the_checkout_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / ".bootstrap/bin/uv"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(preflight, "toolkit_root", lambda: tmp_path)
    assert preflight.uv() == program


def test_no_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "toolkit_root", lambda: tmp_path)
    monkeypatch.setattr(preflight.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HoabanError, match="uv is not on this machine"):
        preflight.uv()


def test_a_bridge_of_somebody_else_is_not_taken(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "DEVICES", tmp_path)
    (tmp_path / "br-int").mkdir()
    with pytest.raises(HoabanError, match="br-int is not the lab's"):
        preflight.check(layout)
    # One that a switch in userspace left is the lab's, unless another switch lives.
    (tmp_path / "br-int/tun_flags").touch()
    preflight.check(layout)
    script = "import sys; sys.stdin.read()"
    other, own = (
        subprocess.Popen(
            [sys.executable, "-c", script, f"{place}/run/x.pid"], stdin=subprocess.PIPE
        )
        for place in ("/run", layout.root)
    )
    try:
        monkeypatch.setattr(network, "switches", lambda: [psutil.Process(other.pid)])
        with pytest.raises(HoabanError, match=f"Open vSwitch that is process {other.pid}"):
            preflight.check(layout)
        both = [psutil.Process(process.pid) for process in (other, own)]
        monkeypatch.setattr(network, "switches", lambda: both)
        preflight.check(layout)  # the lab runs already
    finally:
        for process in (other, own):
            process.communicate()


def test_an_address_in_the_labs_own_networks_is_told(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def has(*addresses: str) -> None:
        families = [socket.AF_INET6 if ":" in each else socket.AF_INET for each in addresses]
        found = [
            psutil._ntuples.snicaddr(*pair, None, None, None)
            for pair in zip(families, addresses, strict=True)
        ]
        monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"br-ex": found[:1], "eth0": found[1:]})

    # The lab's own bridge, a wider network, and one of the link alone.
    has("172.31.77.1", "172.31.76.9", "fe80::1%eth0")
    preflight.check(layout)
    address = "fd77:6f61:6261:6e00::9"
    has("172.31.77.1", "172.31.77.9", address)
    with pytest.raises(ManyErrors) as caught:
        preflight.check(layout)
    assert [error.what for error in caught.value.errors] == [
        "eth0 has the address 172.31.77.9, in the lab's own network 172.31.77.0/24",
        f"eth0 has the address {address}, in the lab's own network fd77:6f61:6261:6e00::/64",
    ]
