from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from hoaban.doctor import Finding, Purpose
from hoaban.errors import HoabanError, ManyErrors
from hoaban.lab import preflight

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.lab.layout import Layout


@pytest.fixture(autouse=True)
def fit_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "requirements", lambda *_: [])
    monkeypatch.setattr(preflight, "PORTS", {})
    monkeypatch.setattr(preflight, "LONGEST_ROOT", 200)


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
